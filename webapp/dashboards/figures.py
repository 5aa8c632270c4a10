"""What the dashboards count: sums over tallies (annotation/tallies.py), however many judgements there are.

Only counting judgements are in a tally. Imported ones count towards a project's total and target, but not as anybody's
work of today or this week.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation import tallies
from annotation.models import Assignment, Batch, Comparison, Project, Tally
from evaluation.agreeing import patterns_by_batch, patterns_of
from evaluation.statistics.agreement import Agreement, gwet
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.proportions import wilson

COUNTS = (
    "judged", "imported", "chose_a", "chose_b", "tied", "unusable", "labelled", "both_safe", "both_unsafe",
    "chosen_safer", "chosen_less_safe", "violations", "chose_longer", "lengths_differ", "turns", "dialogues",
    "context_tokens", "contexts", "answer_tokens", "answers", "places", "hasty", "gold", "gold_passed", "approved",
    "returned", "rejected", "compared", "with_majority",
)  # fmt: skip


@dataclass(frozen=True)
class Agreed:
    """How far the raters agree, corrected for chance: AC2 with quadratic weights, and AC1 that counts exact points."""

    ac2: Agreement
    ac1: Agreement


@dataclass
class Scope:
    """What a dashboard is about: a project, and of it maybe one batch or one annotator's work."""

    project: Project
    batch: Batch | None = None
    annotator: Any = None

    def __post_init__(self) -> None:
        tallies.refresh(self.project)

    @cached_property
    def tallies(self) -> QuerySet[Tally]:
        rows = Tally.objects.filter(project=self.project)
        if self.batch:
            rows = rows.filter(batch=self.batch)
        return rows.filter(annotator=self.annotator) if self.annotator else rows

    @cached_property
    def counts(self) -> dict[str, Any]:
        """The sums of all counts; judgements of today and of the last seven days."""
        today = timezone.localdate()
        made_here = F("judged") - F("imported")
        summed = self.tallies.aggregate(
            **{f"all_{name}": Sum(name, default=0) for name in COUNTS},
            all_today=Sum(made_here, filter=Q(day=today), default=0),
            all_week=Sum(made_here, filter=Q(day__gt=today - timedelta(days=7)), default=0),
        )
        return {name.removeprefix("all_"): total for name, total in summed.items()}

    @cached_property
    def points(self) -> dict[int, int]:
        """How often each point of the project's scale was given."""
        return added_up(self.tallies.exclude(points={}).values_list("points", flat=True))

    @cached_property
    def times(self) -> dict[int, int]:
        """Judgements by the bucket of their time."""
        return added_up(self.tallies.exclude(times={}).values_list("times", flat=True))

    @property
    def median_seconds(self) -> float | None:
        return tallies.median_of(self.times)

    @cached_property
    def days(self) -> list[tuple[date, int]]:
        """Judgements made here on each of the last 28 days."""
        today = timezone.localdate()
        since = today - timedelta(days=27)
        made_here = Sum(F("judged") - F("imported"))
        judged = dict(self.tallies.filter(day__gte=since).values_list("day").annotate(made_here=made_here))
        return [(day, judged.get(day, 0)) for day in (since + timedelta(days=ahead) for ahead in range(28))]

    @cached_property
    def agreement(self) -> Agreed | None:
        """Over the items of this scope; None for a person alone, and where no two people judge the same."""
        return None if self.annotator else agreement_in(self.project, self.batch)

    @cached_property
    def state(self) -> dict[str, int]:
        """How many places are open, in hand and done; those of live dialogues are made as people come."""
        if self.annotator is not None:
            return {}
        places = Assignment.objects.filter(project=self.project)
        if self.batch:
            places = places.filter(item__batch=self.batch)
        return dict(places.order_by().values_list("status").annotate(Count("pk")))

    def share(self, label: Any, count: str, of: str) -> "Share":
        return share(label, self.counts[count], self.counts[of])

    @property
    def side_bias(self) -> "Share":
        """How often A was chosen of all choices of one side: sides are drawn, so far from a half is a bias."""
        return share(_("chose A"), self.counts["chose_a"], self.counts["chose_a"] + self.counts["chose_b"])

    @property
    def length_bias(self) -> "Share":
        """How often the longer of two answers was chosen; a half would be no preference for length."""
        return self.share(_("chose the longer answer"), "chose_longer", "lengths_differ")

    @property
    def gold_right(self) -> "Share":
        return self.share(_("gold items right"), "gold_passed", "gold")

    @property
    def majority(self) -> "Share":
        """How often judgements say what most of the item's other raters say."""
        return self.share(_("with the majority"), "with_majority", "compared")

    @property
    def unusable(self) -> "Share":
        return self.share(_("both unusable"), "unusable", "judged")

    @property
    def violating(self) -> "Share":
        return self.share(_("violations"), "violations", "judged")

    @property
    def haste(self) -> "Share":
        return self.share(_("hasty"), "hasty", "places")


def added_up(histograms: Iterable[dict[str, int]]) -> dict[int, int]:
    """Histograms of the same buckets as one, lowest bucket first."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        for key, count in histogram.items():
            total[int(key)] += count
    return dict(sorted(total.items()))


def agreement_in(project: Project, batch: Batch | None) -> Agreed | None:
    patterns = patterns_by_batch(project)
    if batch:
        return agreed(patterns.get(batch.pk, {}), project.scale)
    everything: Counter[str] = Counter()
    for counted in patterns.values():
        everything.update(counted)
    return agreed(everything, project.scale)


def agreed(counted: Mapping[str, int], scale: int) -> Agreed | None:
    """AC1 and AC2 from how many items have which pattern."""
    if not counted:
        return None
    patterns = patterns_of(counted, scale)
    return Agreed(gwet(patterns, weights="quadratic"), gwet(patterns, weights="identity"))


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
    """All of `projects` with their figures, in a handful of queries."""
    for project in projects.filter(stale_tallies__isnull=False).distinct():
        tallies.refresh(project)
    today, made_here = timezone.localdate(), F("judged") - F("imported")
    counted = (
        Tally.objects.filter(project__in=projects)
        .values("project")
        .annotate(
            total=Sum("judged"),
            today=Sum(made_here, filter=Q(day=today), default=0),
            week=Sum(made_here, filter=Q(day__gt=today - timedelta(days=7)), default=0),
        )
    )
    figures: dict[int, Any] = {row["project"]: row for row in counted}
    people = dict(Project.objects.filter(pk__in=projects).values_list("pk").annotate(Count("annotators")))
    open_batches = {
        batch.project_id: batch
        for batch in Batch.objects.filter(closed_at=None, project__in=projects).order_by("number")
    }
    nothing: dict[str, Any] = {"total": 0, "today": 0, "week": 0}
    lines = []
    for project in projects:
        row = figures.get(project.pk, nothing)
        lines.append(
            ProjectLine(
                project, row["total"], row["today"], row["week"], people[project.pk], open_batches.get(project.pk)
            )
        )
    return lines


# A project's page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's interval."""

    label: Any
    count: int
    of: int
    estimate: Estimate
    key: str = ""
    """Of the filter that lists what it counts."""


def share(label: Any, count: int, of: int, key: str = "") -> Share:
    return Share(label, count, of, wilson(count, of), key)


def safety_shares(counts: dict[str, int]) -> list[Share]:
    """The bins of section 3.2.1's safety labels, and the one that is kept out of training."""
    bins = [
        (_("chosen safe, the other unsafe"), "chosen_safer"),
        (_("both safe"), "both_safe"),
        (_("both unsafe"), "both_unsafe"),
        (_("chosen unsafe, the other safe"), "chosen_less_safe"),
    ]
    shares = [share(label, counts[key], counts["labelled"], key) for label, key in bins]
    if rest := counts["labelled"] - sum(found.count for found in shares):
        shares.append(share(_("one safe, neither chosen"), rest, counts["labelled"]))
    return shares if counts["labelled"] else []


@dataclass(frozen=True)
class BatchLine:
    """A batch as in table 6 of the paper; tokens are None where no response was counted (imported ones)."""

    batch: Batch | None
    judged: int
    turns: float | None
    context_tokens: float | None
    response_tokens: float | None
    agreement: Agreed | None


def batch_lines(project: Project) -> list[BatchLine]:
    """Each batch, newest first, then what belongs to none."""
    names = ("judged", "turns", "dialogues", "context_tokens", "contexts", "answer_tokens", "answers")
    counted = Tally.objects.filter(project=project).values("batch").annotate(**{f"{n}_": Sum(n) for n in names})
    figures: dict[int | None, Any] = {row["batch"]: row for row in counted}
    patterns = patterns_by_batch(project)
    lines = []
    for batch in [*project.batches.order_by("-number"), None]:
        row = figures.get(batch.pk if batch else None)
        if row is None and batch is None:
            continue
        row = row or dict.fromkeys([f"{name}_" for name in names], 0)
        lines.append(
            BatchLine(
                batch,
                row["judged_"],
                row["turns_"] / row["dialogues_"] if row["dialogues_"] else None,
                row["context_tokens_"] / row["contexts_"] if row["contexts_"] else None,
                row["answer_tokens_"] / row["answers_"] if row["answers_"] else None,
                agreed(patterns.get(batch.pk if batch else None, {}), project.scale),
            )
        )
    return lines


@dataclass(frozen=True)
class AnnotatorLine:
    """An annotator's part of a project."""

    person: Any
    judged: int = 0
    today: int = 0
    median_seconds: float | None = None
    side_a: Share = field(default_factory=lambda: share("A", 0, 0))
    """How often A was chosen of all choices of one side: far from a half, the person favours a side."""
    longer: Share = field(default_factory=lambda: share("longer", 0, 0))
    gold: Share = field(default_factory=lambda: share("gold", 0, 0))
    majority: Share = field(default_factory=lambda: share("majority", 0, 0))
    """How often the person said what most of an item's other raters said."""
    hasty: int = 0
    approved: int = 0
    returned: int = 0
    rejected: int = 0
    last: datetime | None = None


def annotator_lines(scope: Scope, people: list[Any]) -> list[AnnotatorLine]:
    """Each of `people` with what they did in this scope, those who did most first."""
    names = (
        "judged", "chose_a", "chose_b", "chose_longer", "lengths_differ", "gold", "gold_passed", "hasty", "approved",
        "returned", "rejected", "compared", "with_majority",
    )  # fmt: skip
    counted = scope.tallies.values("annotator").annotate(
        **{f"{name}_": Sum(name) for name in names},
        today=Sum("judged", filter=Q(day=timezone.localdate()), default=0),
        last=Max("last_at"),
    )
    figures: dict[int | None, Any] = {row["annotator"]: row for row in counted}
    times: dict[int | None, list[dict[str, int]]] = {}
    for annotator, histogram in scope.tallies.exclude(times={}).values_list("annotator", "times"):
        times.setdefault(annotator, []).append(histogram)
    lines = []
    for person in people:
        row = figures.get(person.pk)
        if row is None:
            lines.append(AnnotatorLine(person))
            continue
        lines.append(
            AnnotatorLine(
                person,
                row["judged_"],
                row["today"],
                tallies.median_of(added_up(times.get(person.pk, []))),
                share("A", row["chose_a_"], row["chose_a_"] + row["chose_b_"]),
                share("longer", row["chose_longer_"], row["lengths_differ_"]),
                share("gold", row["gold_passed_"], row["gold_"]),
                share("majority", row["with_majority_"], row["compared_"]),
                hasty=row["hasty_"],
                approved=row["approved_"],
                returned=row["returned_"],
                rejected=row["rejected_"],
                last=row["last"],
            )
        )
    return sorted(lines, key=lambda line: -line.judged)


def regenerations(project: Project) -> int:
    """How often annotators had a turn's answers sampled anew."""
    return Comparison.objects.filter(project=project, regeneration__gt=0).count()
