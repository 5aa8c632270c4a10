"""Tallies: counts per annotator, day and batch, which the dashboards sum up, however many judgements there are.

Whoever changes what counts marks the days that it touches as stale, in the same transaction; whoever reads first writes
those days anew from the judgements. So a tally can be late but never drift, and `recount` makes all of a project anew.
Times are kept as a histogram whose buckets grow by 10 %, so a median is within 5 % of the exact one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Max, Model, Q, QuerySet, Sum
from django.db.models.functions import Length, TruncDate
from django.utils import timezone

from annotation.disagreement import remember_all
from annotation.judgements import Judgements, judgements_in, judgements_of, place_of
from annotation.models import (
    Assignment,
    Comparison,
    Item,
    Preference,
    Project,
    Rating,
    RedTeamAttempt,
    Response,
)
from annotation.models.comparisons import choice_of
from annotation.models.tallies import StaleTally, Tally

GROWTH = 1.1
EVERY_DAY = date.min
"""The day of a mark that stands for all of a project."""
Status = Assignment.Status
Choice = Preference.Choice
DONE = (Status.SUBMITTED, Status.RETURNED, Status.REJECTED)


def bucket_of(seconds: float) -> int:
    """The bucket of a time: bucket k holds the seconds from GROWTH**k up to GROWTH**(k+1), and 0 what is below one."""
    return max(0, math.floor(math.log(seconds, GROWTH))) if seconds > 1 else 0


def median_of(times: Mapping[int, int]) -> float | None:
    """The median of a histogram of buckets, in seconds: the middle of the bucket that holds it."""
    total, passed = sum(times.values()), 0
    for bucket in sorted(times):
        passed += times[bucket]
        if 2 * passed >= total > 0:
            return GROWTH ** (bucket + 0.5)
    return None


# Marking --------------------------------------------------------------------------------------------------------------


def touch(place: Assignment) -> None:
    """A place's judgements or state changed: the days that they are of are stale, and today.

    So are those of the item's other raters, who agree with another majority now.
    """
    said = judgements_of(place.project, place.item_id).annotate(day=TruncDate("submitted_at")).order_by()
    days = set(said.values_list(f"{place_of(place.project)}__annotator", "day"))
    touch_days(place.project, days | {(place.annotator_id, timezone.localdate())})


def touch_days(project: Project, days: Iterable[tuple[int | None, date]]) -> None:
    """Mark annotators' days, or those of work that is nobody's (None), as stale."""
    days = set(days)
    whose = {annotator_id for annotator_id, _ in days if annotator_id}
    marked = StaleTally.objects.filter(Q(annotator__in=whose) | Q(annotator=None), project=project)
    known = set(marked.values_list("annotator", "day"))
    StaleTally.objects.bulk_create(
        StaleTally(project=project, annotator_id=annotator_id, day=day)
        for annotator_id, day in sorted(days - known, key=lambda key: (key[0] or 0, key[1]))
    )


def touch_many(project: Project, places: Sequence[int]) -> None:
    """The state of many of a project's places changed, by their keys."""
    submitted = project.assignments.filter(pk__in=places).annotate(day=TruncDate("submitted_at"))
    days: set[tuple[int | None, date]] = set()
    for who, day in submitted.values_list("annotator", "day").distinct():
        days |= {(who, timezone.localdate()), (who, day or timezone.localdate())}
    touch_days(project, days)


def touch_project(project: Project) -> None:
    """Everything in a project is stale, as after an import."""
    if not StaleTally.objects.filter(project=project, day=EVERY_DAY).exists():
        StaleTally.objects.create(project=project, day=EVERY_DAY)


# Counting -------------------------------------------------------------------------------------------------------------


def refresh(project: Project) -> int:
    """Write the stale days of a project anew; how many there were."""
    if not StaleTally.objects.filter(project=project).exists():
        return 0
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # one reader writes, the others wait
        stale = list(StaleTally.objects.filter(project=project))
        if any(mark.day == EVERY_DAY for mark in stale):
            return recount(project)
        read_to_the_end()
        days = {(mark.annotator_id, mark.day) for mark in stale}
        for annotator_id, day in sorted(days, key=lambda key: (key[0] or 0, key[1])):
            count_day(project, annotator_id, day)
        StaleTally.objects.filter(pk__in=[mark.pk for mark in stale]).delete()
    return len(days)


def recount(project: Project) -> int:
    """Write all tallies of a project anew; how many days of annotators that is."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        StaleTally.objects.filter(project=project).delete()
        Tally.objects.filter(project=project).delete()
        read_to_the_end()
        look_at(Item, Assignment, Comparison, Preference, Rating, Response)
        remember_all(project)
        look_at(Item)
        return count(project)


def read_to_the_end() -> None:
    """Until the transaction ends, PostgreSQL plans a cursor for all of its rows, and not for its first ones: for those
    it picks nested loops over all judgements, which take minutes for 100,000 of them."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL cursor_tuple_fraction = 1")


def look_at(*models: type[Model]) -> None:
    """Let PostgreSQL's planner know what was just written to these models' tables: else it takes them for small."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in models)}")


def count_day(project: Project, annotator_id: int | None, day: date) -> None:
    """Replace the tallies of one annotator's day. The project's row is locked by whoever calls."""
    Tally.objects.filter(project=project, annotator=annotator_id, day=day).delete()
    since, until = (timezone.make_aware(datetime.combine(day + timedelta(days=more), time.min)) for more in (0, 1))
    count(project, Q(submitted_at__gte=since, submitted_at__lt=until), {"annotator": annotator_id})


def count(project: Project, when: Q | None = None, whose: Mapping[str, Any] | None = None) -> int:
    """Write the tallies of what was submitted `when`, by `whose` annotator, or of everything; how many they are."""
    cells = Cells(project)
    when, whose = when or Q(), whose or {}
    said = judgements_in(project).filter(when)
    if said.model is Preference:
        _count_preferences(said.filter(**{f"comparison__{name}": who for name, who in whose.items()}), cells)
    else:
        _count_answers(said.filter(**{f"assignment__{name}": who for name, who in whose.items()}), cells)
    places = project.assignments.filter(when, status__in=DONE, submitted_at__isnull=False, **whose)
    of_places = {
        "places": Count("pk", filter=~Q(status=Status.REJECTED)),
        "hasty": Count("pk", filter=Q(hasty=True)),
        "gold": Count("pk", filter=Q(gold_passed__isnull=False)),
        "gold_passed": Count("pk", filter=Q(gold_passed=True)),
        "approved": Count("pk", filter=Q(approved=True)),
        "returned": Count("pk", filter=Q(status=Status.RETURNED)),
        "rejected": Count("pk", filter=Q(status=Status.REJECTED)),
    }
    cells.fill(places, ("annotator", "day", "item__batch"), of_places)
    Tally.objects.bulk_create(cells.tallies.values(), batch_size=500)
    return len(cells.tallies)


Key = tuple[int | None, date, int | None]
"""An annotator, a day, a batch."""


class Cells:
    """The tallies that are being counted, by annotator, day and batch."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.tallies: dict[Key, Tally] = {}

    def at(self, key: Key) -> Tally:
        if key not in self.tallies:
            annotator_id, day, batch_id = key
            empty = Tally(project=self.project, annotator_id=annotator_id, day=day, batch_id=batch_id)
            empty.points, empty.times = {}, {}
            self.tallies[key] = empty
        return self.tallies[key]

    def fill(self, rows: QuerySet[Any], key: Sequence[str], counts: Mapping[str, Any]) -> None:
        """Set counts of rows, grouped by `key`: the lookups of annotator, day and batch."""
        grouped = rows.annotate(day=TruncDate("submitted_at")).order_by().values(*key)
        for row in grouped.annotate(**{f"{name}_": count for name, count in counts.items()}):
            found = self.at(tuple(row[name] for name in key))
            for name in counts:
                setattr(found, name, row[f"{name}_"])

    def fill_histograms(self, said: Judgements, key: Sequence[str]) -> None:
        said = said.annotate(day=TruncDate("submitted_at")).order_by()
        if said.model in (Preference, Rating):
            rated = said.filter(points__isnull=False, scale=self.project.scale)
            for *where, points, count in rated.values_list(*key, "points").annotate(Count("pk")):
                self.at(tuple(where)).points[str(points)] = count
        for *where, seconds in said.filter(seconds__isnull=False).values_list(*key, "seconds").iterator():
            times, bucket = self.at(tuple(where)).times, str(bucket_of(seconds))
            times[bucket] = times.get(bucket, 0) + 1

    def compare(self, said: Judgements, key: Sequence[str]) -> None:
        """Count how often a person said what most of an item's other raters say."""
        place, scale = place_of(self.project), self.project.scale
        pattern = f"{place}__item__pattern"
        rows = said.filter(**{f"{pattern}__contains": ","}, points__isnull=False, scale=scale)
        sides = ("comparison__response_a", f"{place}__item__response_1") if said.model is Preference else ("pk", "pk")
        grouped = rows.annotate(day=TruncDate("submitted_at")).values_list(*key, "points", pattern, *sides)
        majorities: dict[tuple[int, str], bool | None] = {}
        for *where, points, raters, left, first in grouped.iterator():
            about_first = points if left == first else scale + 1 - points
            if (about_first, raters) not in majorities:
                majorities[about_first, raters] = agrees(about_first, raters, self.project)
            agreed = majorities[about_first, raters]
            if agreed is not None:
                found = self.at(tuple(where))
                found.compared += 1
                found.with_majority += agreed


def agrees(points: int, pattern: str, project: Project) -> bool | None:
    """Whether points say what most of the other raters of a pattern say; None where those have no majority."""
    others = pattern.split(",")
    if str(points) in others:
        others.remove(str(points))
    votes = Counter(vote_of(int(other), project) for other in others).most_common(2)
    if not votes or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return None
    return bool(vote_of(points, project) == votes[0][0])


def agreeing(project: Project, agreed: bool) -> QuerySet[Any]:
    """The judgements that say what most of their item's other raters say, or, not `agreed`, that say otherwise.

    Those that `compare` counts, by the same rule: asked once for each pattern of points, however many items share it.
    """
    place, scale = place_of(project), project.scale
    pattern = f"{place}__item__pattern"
    said = judgements_in(project).filter(**{f"{pattern}__contains": ","}, points__isnull=False, scale=scale)
    patterns = set(said.order_by().values_list(pattern, flat=True).distinct())
    is_turned = ~Q(comparison__response_a=F(f"{place}__item__response_1")) if said.model is Preference else None
    wanted = Q(pk__in=())
    for about_first in range(1, scale + 1):
        alike = [raters for raters in patterns if agrees(about_first, raters, project) is agreed]
        if is_turned is None:
            wanted |= Q(points=about_first, **{f"{pattern}__in": alike})
        else:
            wanted |= Q(points=about_first, **{f"{pattern}__in": alike}) & ~is_turned
            wanted |= Q(points=scale + 1 - about_first, **{f"{pattern}__in": alike}) & is_turned
    return said.filter(wanted)


def vote_of(points: int, project: Project) -> Any:
    """What points say in a majority vote: a side, whether it is a violation, or the points themselves."""
    rules = project.rules
    if not rules.labels:
        return choice_of(points, rules.points)
    return points <= rules.violations if rules.violations else points


def _count_preferences(said: Judgements, cells: Cells) -> None:
    a, b = Q(choice=Choice.A), Q(choice=Choice.B)
    safer_a, safer_b = Q(a_safe=True, b_safe=False), Q(a_safe=False, b_safe=True)
    longer = F("length_a") - F("length_b")
    said = said.annotate(
        length_a=Length("comparison__response_a__text"), length_b=Length("comparison__response_b__text"), apart=longer
    )
    context = F("comparison__response_a__prompt_tokens")
    tokens = (F("comparison__response_a__completion_tokens") + F("comparison__response_b__completion_tokens")) / 2.0
    counts = {
        "judged": Count("pk"),
        "imported": Count("pk", filter=~Q(comparison__source="")),
        "chose_a": Count("pk", filter=a),
        "chose_b": Count("pk", filter=b),
        "tied": Count("pk", filter=Q(choice=Choice.TIE)),
        "unusable": Count("pk", filter=Q(choice=Choice.NEITHER)),
        "labelled": Count("pk", filter=Q(a_safe__isnull=False, b_safe__isnull=False)),
        "both_safe": Count("pk", filter=Q(a_safe=True, b_safe=True)),
        "both_unsafe": Count("pk", filter=Q(a_safe=False, b_safe=False)),
        "chosen_safer": Count("pk", filter=a & safer_a | b & safer_b),
        "chosen_less_safe": Count("pk", filter=a & safer_b | b & safer_a),
        "chose_longer": Count("pk", filter=a & Q(apart__gt=0) | b & Q(apart__lt=0)),
        "lengths_differ": Count("pk", filter=(a | b) & ~Q(apart=0)),
        "turns": Count("comparison__dialogue"),
        "dialogues": Count("comparison__dialogue", distinct=True, filter=Q(comparison__turn=1)),
        "context_tokens": Sum(context, default=0),
        "contexts": Count(context),
        "answer_tokens": Sum(tokens, default=0.0),
        "answers": Count(tokens),
        "last_at": Max("submitted_at"),
    }
    key = ("comparison__annotator", "day", "comparison__batch")
    cells.fill(said, key, counts)
    cells.fill_histograms(said, key)
    cells.compare(said, key)


def _count_answers(said: Judgements, cells: Cells) -> None:
    marks: dict[Any, dict[str, Any]] = {
        Rating: {"points__lte": cells.project.rules.violations},
        RedTeamAttempt: {"violating": True},
    }
    violating = Q(**marks[said.model]) if said.model in marks else None
    counts: dict[str, Any] = {"judged": Count("pk"), "last_at": Max("submitted_at")}
    if violating is not None:
        counts["violations"] = Count("pk", filter=violating)
    key = ("assignment__annotator", "day", "assignment__item__batch")
    cells.fill(said, key, counts)
    cells.fill_histograms(said, key)
    if said.model is Rating:
        cells.compare(said, key)
