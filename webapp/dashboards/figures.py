"""What a project's pages count: a handful of grouped queries, however many rows there are.

A judgement is the current revision of a preference. Imported judgements count towards the project's total and target,
but not as anybody's work of today or this week.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from django.db.models import Avg, Count, F, Max, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from annotation.models import Batch, Comparison, Preference, Project
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.proportions import wilson

MADE_HERE = Q(comparison__source="")


def start_of_today() -> datetime:
    """Midnight in the installation's time zone."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def judgements(project: Project) -> QuerySet[Preference]:
    return Preference.objects.filter(comparison__project=project, current=True)


# The list of projects -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProjectLine:
    """A project in the list."""

    project: Project
    judged: int
    today: int
    week: int
    annotators: int
    open_batch: Batch | None

    @property
    def share(self) -> float | None:
        """Share of the target that is reached, at most 1; None without a target."""
        return min(1.0, self.judged / self.project.target) if self.project.target else None


def project_lines(projects: QuerySet[Project]) -> list[ProjectLine]:
    """All of `projects` with their figures, in four queries."""
    counted = (
        Preference.objects.filter(current=True, comparison__project__in=projects)
        .values(key=F("comparison__project"))
        .annotate(judged=Count("pk"), **_pace())
    )
    figures: dict[int, Any] = {row["key"]: row for row in counted}
    people = dict(Project.objects.filter(pk__in=projects).values_list("pk").annotate(Count("annotators")))
    open_batches = {
        batch.project_id: batch
        for batch in Batch.objects.filter(closed_at=None, project__in=projects).order_by("number")
    }
    nothing: dict[str, Any] = {"judged": 0, "today": 0, "week": 0}
    lines = []
    for project in projects:
        row = figures.get(project.pk, nothing)
        lines.append(
            ProjectLine(
                project, row["judged"], row["today"], row["week"], people[project.pk], open_batches.get(project.pk)
            )
        )
    return lines


def _pace() -> dict[str, Count]:
    today = start_of_today()
    week = today - timedelta(days=6)
    return {
        "today": Count("pk", filter=MADE_HERE & Q(submitted_at__gte=today)),
        "week": Count("pk", filter=MADE_HERE & Q(submitted_at__gte=week)),
    }


# A project's page -----------------------------------------------------------------------------------------------------


def totals(project: Project) -> dict[str, int]:
    """Counts of the project's judgements: all, imported, today and 7 days, unusable and tied ones, by safety labels."""
    labelled = Q(a_safe__isnull=False, b_safe__isnull=False)
    a_safer, b_safer = Q(a_safe=True, b_safe=False), Q(a_safe=False, b_safe=True)
    safer = Q(choice="a") & a_safer | Q(choice="b") & b_safer
    less_safe = Q(choice="a") & b_safer | Q(choice="b") & a_safer
    return judgements(project).aggregate(
        judged=Count("pk"),
        imported=Count("pk", filter=~MADE_HERE),
        **_pace(),
        unusable=Count("pk", filter=Q(choice=Preference.Choice.NEITHER)),
        tied=Count("pk", filter=Q(choice=Preference.Choice.TIE)),
        labelled=Count("pk", filter=labelled),
        both_safe=Count("pk", filter=Q(a_safe=True, b_safe=True)),
        both_unsafe=Count("pk", filter=Q(a_safe=False, b_safe=False)),
        chosen_safer=Count("pk", filter=safer),
        chosen_less_safe=Count("pk", filter=less_safe),
    )


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's interval."""

    label: str
    count: int
    of: int
    estimate: Estimate


def share(label: str, count: int, of: int) -> Share:
    return Share(label, count, of, wilson(count, of))


def safety_shares(counts: dict[str, int]) -> list[Share]:
    """The bins of section 3.2.1's safety labels, and the one that is kept out of training."""
    bins = [
        ("chosen safe, the other unsafe", "chosen_safer"),
        ("both safe", "both_safe"),
        ("both unsafe", "both_unsafe"),
        ("chosen unsafe, the other safe", "chosen_less_safe"),
    ]
    shares = [share(label, counts[key], counts["labelled"]) for label, key in bins]
    if rest := counts["labelled"] - sum(found.count for found in shares):
        shares.append(share("one safe, neither chosen", rest, counts["labelled"]))
    return shares if counts["labelled"] else []


def points_counts(project: Project) -> dict[int, int]:
    """How often each point of the project's scale was chosen."""
    rated = judgements(project).filter(points__isnull=False, scale=project.scale)
    return dict(rated.values_list("points").annotate(Count("pk")).order_by("points"))


@dataclass(frozen=True)
class BatchLine:
    """A batch as in table 6 of the paper; tokens are None where no response was counted (imported ones)."""

    batch: Batch | None
    comparisons: int
    judged: int
    turns: float | None
    context_tokens: float | None
    response_tokens: float | None


def batch_lines(project: Project) -> list[BatchLine]:
    """Each batch, newest first, then what belongs to none."""
    made = (
        Comparison.objects.filter(project=project)
        .values(key=F("batch"))
        .annotate(
            comparisons=Count("pk"),
            turns_led=Count("dialogue"),
            dialogues=Count("dialogue", distinct=True),
            context=Avg("response_a__prompt_tokens"),
            answer=Avg((F("response_a__completion_tokens") + F("response_b__completion_tokens")) / 2.0),
        )
    )
    figures: dict[int | None, Any] = {row["key"]: row for row in made}
    judged = dict(judgements(project).values_list("comparison__batch").annotate(Count("pk")))
    lines = []
    for batch in [*project.batches.order_by("-number"), None]:
        row = figures.get(batch.pk if batch else None)
        if row is None and batch is None:
            continue
        row = row or {"comparisons": 0, "turns_led": 0, "dialogues": 0, "context": None, "answer": None}
        turns = row["turns_led"] / row["dialogues"] if row["dialogues"] else None
        done = judged.get(batch.pk if batch else None, 0)
        lines.append(BatchLine(batch, row["comparisons"], done, turns, row["context"], row["answer"]))
    return lines


@dataclass(frozen=True)
class AnnotatorLine:
    """An annotator's part of a project."""

    person: Any
    judged: int
    today: int
    median_seconds: float | None
    side_a: Share
    """How often A was chosen of all choices of one side: far from a half, the person favours a side."""
    last: datetime | None


def annotator_lines(project: Project, people: list[Any]) -> list[AnnotatorLine]:
    """Each of `people` with what they did, those who did most first."""
    sided = Q(choice__in=(Preference.Choice.A, Preference.Choice.B))
    counted = (
        judgements(project)
        .values(key=F("comparison__annotator"))
        .annotate(
            judged=Count("pk"),
            today=_pace()["today"],
            chose_a=Count("pk", filter=Q(choice=Preference.Choice.A)),
            sided=Count("pk", filter=sided),
            last=Max("submitted_at"),
        )
    )
    figures: dict[int, Any] = {row["key"]: row for row in counted}
    nothing = {"judged": 0, "today": 0, "chose_a": 0, "sided": 0, "last": None}
    medians = median_seconds(project)
    lines = []
    for person in people:
        row = figures.get(person.pk, nothing)
        side = share("A", row["chose_a"], row["sided"])
        lines.append(AnnotatorLine(person, row["judged"], row["today"], medians.get(person.pk), side, row["last"]))
    return sorted(lines, key=lambda line: -line.judged)


def median_seconds(project: Project) -> dict[int, float]:
    """Each annotator's median time per judgement: the database sorts, and only the middle ones leave it."""
    person = F("comparison__annotator")
    ranked = (
        judgements(project)
        .filter(seconds__isnull=False, comparison__annotator__isnull=False)
        .annotate(
            rank=Window(RowNumber(), partition_by=person, order_by=F("seconds").asc()),
            of=Window(Count("pk"), partition_by=person),
        )
        .filter(Q(rank=(F("of") + 1) / 2) | Q(rank=(F("of") + 2) / 2))
    )
    middles: dict[int, list[Any]] = defaultdict(list)
    for annotator, seconds in ranked.values_list("comparison__annotator", "seconds"):
        middles[annotator].append(seconds)
    return {annotator: fmean(middle) for annotator, middle in middles.items()}
