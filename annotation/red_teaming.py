"""What red teaming brought (section 4.3), as counts: whoever shows them adds the intervals.

An attempt counts as its current label. Time is what clock.py counted, and belongs to the attempt's model: gamma is
violating attempts per person-hour spent on a model. A model that is asked a violating prompt of another's again rejects
it where the majority of its raters see no violation.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek

from annotation.models import Item, Project, Prompt, Rating, RedTeamAttempt, Reply
from annotation.protocol import plain
from modeling.registry.models import Job, ModelVersion

VIOLATING = Q(violating=True)


def attempts(project: Project) -> QuerySet[RedTeamAttempt]:
    """The attempts that count."""
    return RedTeamAttempt.objects.filter(current=True, assignment__item__project=project)


@dataclass(frozen=True)
class Effort:
    """Attempts, the hours that they took and how many brought a violating answer."""

    of: Any
    """A person, a model version; None for everything."""
    attempts: int
    violating: int
    turns: int
    hours: float
    first: datetime | None = None
    last: datetime | None = None
    week: datetime | None = None


def _efforts(rows: QuerySet[RedTeamAttempt], *keys: str) -> Iterable[dict[str, Any]]:
    return (
        rows.values(*keys)
        .annotate(
            attempts=Count("pk"),
            violating_attempts=Count("pk", filter=VIOLATING),
            tried=Sum("turns"),
            seconds_spent=Sum("seconds"),
            first=Min("submitted_at"),
            last=Max("submitted_at"),
        )
        .order_by(*keys)
    )


def _effort(row: dict[str, Any], of: Any, week: datetime | None = None) -> Effort:
    hours = (row["seconds_spent"] or 0.0) / 3600
    return Effort(
        of, row["attempts"], row["violating_attempts"], row["tried"] or 0, hours, row["first"], row["last"], week
    )


def total(project: Project) -> Effort:
    """All attempts together."""
    row = attempts(project).aggregate(
        attempts=Count("pk"),
        violating_attempts=Count("pk", filter=VIOLATING),
        tried=Sum("turns"),
        seconds_spent=Sum("seconds"),
        first=Min("submitted_at"),
        last=Max("submitted_at"),
    )
    return _effort(row, None)


def by_person(project: Project) -> list[Effort]:
    """Each red teamer's, those with most attempts first; `of` is the username."""
    rows = [
        _effort(row, row["assignment__annotator__username"])
        for row in _efforts(attempts(project), "assignment__annotator__username")
    ]
    return sorted(rows, key=lambda effort: (-effort.attempts, effort.of or ""))


def by_model(project: Project) -> list[Effort]:
    """Each model version's, in the order in which they were first attacked."""
    rows = list(_efforts(attempts(project), "model_version"))
    models = ModelVersion.objects.in_bulk([row["model_version"] for row in rows])
    efforts = [_effort(row, models[row["model_version"]]) for row in rows]
    return sorted(efforts, key=lambda effort: (effort.first, effort.of.pk))


def by_week(project: Project) -> list[Effort]:
    """The same week by week, so that a model's decline is not hidden by the time at which it was attacked."""
    rows = list(_efforts(attempts(project).annotate(week=TruncWeek("submitted_at")), "week", "model_version"))
    models = ModelVersion.objects.in_bulk([row["model_version"] for row in rows])
    return [_effort(row, models[row["model_version"]], row["week"]) for row in rows]


@dataclass(frozen=True)
class Cell:
    """The attempts of one risk category by one attack vector."""

    category: str
    vector: str
    attempts: int
    violating: int


@dataclass(frozen=True)
class Coverage:
    """Risk category x attack vector: an attempt on two categories stands in both rows."""

    vectors: list[str]
    rows: list[tuple[str, list[Cell]]]
    empty: int
    """Cells of the project's taxonomies that nobody has tried."""


def coverage(project: Project) -> Coverage:
    """The table over the project's taxonomies; entries that were taken out of them since stand at the end."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    grouped = attempts(project).values("risk_categories", "attack_vector", "violating").annotate(number=Count("pk"))
    for row in grouped.order_by():
        for category in row["risk_categories"]:
            counts[category, row["attack_vector"]][0] += row["number"]
            counts[category, row["attack_vector"]][1] += row["number"] if row["violating"] else 0
    known = [plain(entry) for entry in project.rules.risk_categories]
    vectors = [plain(entry) for entry in project.rules.attack_vectors]
    categories = [*known, *sorted({category for category, _ in counts} - set(known))]
    all_vectors = [*vectors, *sorted({vector for _, vector in counts} - set(vectors))]
    rows = [
        (category, [Cell(category, vector, *counts.get((category, vector), (0, 0))) for vector in all_vectors])
        for category in categories
    ]
    empty = sum(1 for category in known for vector in vectors if (category, vector) not in counts)
    return Coverage(all_vectors, rows, empty)


def filtered(project: Project, wanted: dict[str, Any]) -> QuerySet[RedTeamAttempt]:
    """The attempts behind a figure: by category, vector, person, model, violating or not; newest first."""
    rows = attempts(project)
    if wanted.get("vector"):
        rows = rows.filter(attack_vector=wanted["vector"])
    if wanted.get("annotator"):
        rows = rows.filter(assignment__annotator__username=wanted["annotator"])
    if wanted.get("model"):
        rows = rows.filter(model_version=wanted["model"])
    if wanted.get("violating") in ("yes", "no"):
        rows = rows.filter(violating=wanted["violating"] == "yes")
    if wanted.get("category"):
        groups = rows.values_list("risk_categories", flat=True).order_by().distinct()
        named = [group for group in groups if wanted["category"] in group]
        rows = rows.filter(risk_categories__in=named) if named else rows.none()
    return rows.order_by("-submitted_at", "-pk")


# Asking again ---------------------------------------------------------------------------------------------------------


def last_replies(rows: QuerySet[RedTeamAttempt]) -> dict[int, Reply]:
    """The last complete answer of each attempt, by the attempt's place."""
    places = rows.values("assignment")
    replies = Reply.objects.filter(dialogue__assignment__in=places, status=Job.Status.DONE).select_related("prompt")
    return {reply.dialogue.assignment_id: reply for reply in replies.select_related("dialogue").order_by("turn")}


def violating_prompts(project: Project) -> dict[str, tuple[Prompt, set[int]]]:
    """The contexts that brought violating answers, by digest, with the model versions that gave them."""
    rows = attempts(project).filter(VIOLATING)
    models = dict(rows.values_list("assignment", "model_version"))
    found: dict[str, tuple[Prompt, set[int]]] = {}
    for place, reply in last_replies(rows).items():
        found.setdefault(reply.prompt.digest, (reply.prompt, set()))[1].add(models[place])
    return found


@dataclass(frozen=True)
class Rejection:
    """How a model answers what brought other models to violating answers."""

    model: ModelVersion
    asked: int
    """Prompts that it was asked again."""
    rated: int
    """Of these, with ratings."""
    rejected: int
    """Of these, answered without a violation by the majority of their raters; a tie is no rejection."""
    projects: tuple[Project, ...]
    """Where the ratings are made."""


def rejections(project: Project) -> list[Rejection]:
    """Each model that was asked again, in the order in which they were; see `violating_prompts`."""
    prompts = violating_prompts(project)
    items = (
        Item.objects.filter(
            project__task_type=Project.TaskType.SAFETY_RATING,
            prompt__digest__in=prompts,
            response_1__model_version__isnull=False,
        )
        .select_related("project", "prompt", "response_1__model_version")
        .order_by("pk")
    )
    newest: dict[int, dict[str, Item]] = defaultdict(dict)
    for item in items:
        assert item.response_1 is not None and item.response_1.model_version_id is not None  # noqa: S101 - filtered
        if item.response_1.model_version_id not in prompts[item.prompt.digest][1]:
            newest[item.response_1.model_version_id][item.prompt.digest] = item
    points: dict[int, list[int]] = defaultdict(list)
    chosen = [item.pk for group in newest.values() for item in group.values()]
    said = Rating.objects.filter(current=True, assignment__item__in=chosen)
    for item_pk, given in said.values_list("assignment__item", "points"):
        points[item_pk].append(given)
    lines = []
    for group in newest.values():
        asked = list(group.values())
        rated = [item for item in asked if points[item.pk]]
        rejected = [item for item in rated if is_safe(points[item.pk], item.project.rules.violations)]
        model = asked[0].response_1.model_version  # type: ignore[union-attr]
        assert model is not None  # noqa: S101 - filtered
        projects = tuple(dict.fromkeys(item.project for item in asked))
        lines.append(Rejection(model, len(asked), len(rated), len(rejected), projects))
    return lines


def is_safe(points: list[int], violations: int) -> bool:
    """Whether most raters see no violation."""
    return 2 * sum(given > violations for given in points) > len(points)
