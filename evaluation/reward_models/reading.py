"""What a reward model's scores are held against, out of the database as arrays that the statistics take.

Only answers to held-out prompts are read, whose side a hash of their opening fixes (architecture.md, invariant 6): no
model that was trained here has learned from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from django.db.models import Case, Count, F, FloatField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Length
from numpy.typing import NDArray

from annotation.models import Preference, Project, Prompt, Rating
from annotation.models.comparisons import RATINGS
from evaluation.models import Score
from evaluation.statistics.arrays import FloatArray, IntArray
from modeling.registry.models import ModelVersion

NONE = -1
"""In place of a key or of a rating where there is none."""
SAFETY_POINTS, QUALITY_POINTS = 5, 7
VIOLATION = 2
"""The highest of the safety points that is a violation (section 4.4)."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """n judgements that prefer one of two answers which the model has both scored."""

    projects: IntArray
    batches: IntArray
    """(n,) keys, NONE outside of batches."""
    clusters: IntArray
    """(n,) keys of the prompts that the dialogues open with: what belongs together."""
    ratings: IntArray
    """(n,) by how much: places in RATINGS, NONE where nobody said."""
    differences: FloatArray
    """(n,) the score of the preferred answer less that of the other."""
    longer: FloatArray
    """(n,) characters that the preferred answer is longer than the other."""

    def __len__(self) -> int:
        return len(self.projects)

    @property
    def right(self) -> FloatArray:
        """(n,) 1 where the model prefers what people prefer, 0 where it does not, 1/2 where its scores are equal."""
        return (np.sign(self.differences) + 1) / 2

    def where(self, chosen: NDArray[np.bool_]) -> "Pairs":
        return Pairs(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})


def decided(projects: Sequence[Project] | QuerySet[Project]) -> QuerySet[Preference]:
    """The counting preferences for one of two answers."""
    return Preference.objects.filter(
        current=True,
        choice__in=(Preference.Choice.A, Preference.Choice.B),
        comparison__project__in=projects,
    )


def held_out(preferences: QuerySet[Preference]) -> QuerySet[Preference]:
    return preferences.filter(comparison__prompt__split=Prompt.Split.TEST)


SCORES_A, SCORES_B = "comparison__response_a__scores", "comparison__response_b__scores"


def with_scores(preferences: QuerySet[Preference], models: Sequence[ModelVersion]) -> QuerySet[Preference]:
    """Those of whose two answers the same of the models has scored both, joined to the two scores, which go by
    SCORES_A and SCORES_B. One call of filter makes one join to each."""
    same = {f"{SCORES_A}__model_version__in": models, f"{SCORES_B}__model_version": F(f"{SCORES_A}__model_version")}
    return preferences.filter(**same)


def read_pairs(model: ModelVersion, projects: Sequence[Project]) -> Pairs:
    """Every scored judgement on held-out prompts, in one query."""
    columns = (
        *("comparison__project", "comparison__batch", "comparison__prompt", "comparison__assignment__item__prompt"),
        *("choice", "points", "scale", f"{SCORES_A}__value", f"{SCORES_B}__value", "length_a", "length_b"),
    )
    rows = with_scores(held_out(decided(projects)), [model]).annotate(
        length_a=Length("comparison__response_a__text"), length_b=Length("comparison__response_b__text")
    )
    table = list(zip(*rows.order_by("pk").values_list(*columns), strict=True)) or [()] * len(columns)
    project, batch, prompt, opening, choice, points, scale, score_a, score_b, length_a, length_b = table
    sign = np.where(np.array(choice, dtype=np.str_) == Preference.Choice.A, 1.0, -1.0)
    return Pairs(
        projects=np.array(project, dtype=np.int64),
        batches=keys(batch),
        clusters=np.where(keys(opening) == NONE, keys(prompt), keys(opening)),
        ratings=strengths(points, scale),
        differences=sign * (np.array(score_a, dtype=np.float64) - np.array(score_b, dtype=np.float64)),
        longer=sign * (np.array(length_a, dtype=np.float64) - np.array(length_b, dtype=np.float64)),
    )


def keys(column: Sequence[int | None]) -> IntArray:
    return np.array([NONE if key is None else key for key in column], dtype=np.int64)


def strengths(points: Sequence[int | None], scales: Sequence[int]) -> IntArray:
    """Places in RATINGS, the outermost points first (comparisons.rating_of); NONE where there are no points."""
    given, scale = keys(points), np.array(scales, dtype=np.int64)
    places = np.minimum(given - 1, scale - given)
    known = (given != NONE) & (places < len(RATINGS)) & (2 * given != scale + 1)
    return np.where(known, places, NONE)


def right_of() -> Case:
    """In the database, what Pairs.right says of what is `with_scores`."""
    score_a, score_b = f"{SCORES_A}__value", f"{SCORES_B}__value"
    agrees = Q(choice=Preference.Choice.A, **{f"{score_a}__gt": F(score_b)})
    agrees |= Q(choice=Preference.Choice.B, **{f"{score_b}__gt": F(score_a)})
    return Case(
        When(agrees, then=Value(1.0)),
        When(**{score_a: F(score_b)}, then=Value(0.5)),
        default=Value(0.0),
        output_field=FloatField(),
    )


@dataclass(frozen=True)
class Coverage:
    """How many of a project's held-out judgements the model has scored both answers of."""

    project: Project
    pairs: int
    scored: int


def coverage(model: ModelVersion, projects: Sequence[Project]) -> list[Coverage]:
    """Of each project with held-out judgements, in two queries."""
    by_project = held_out(decided(projects)).values("comparison__project").annotate(n=Count("pk"))
    counted = dict(by_project.values_list("comparison__project", "n"))
    scored = with_scores(held_out(decided(projects)), [model]).values("comparison__project").annotate(n=Count("pk"))
    known = dict(scored.values_list("comparison__project", "n"))
    return [Coverage(each, counted[each.pk], known.get(each.pk, 0)) for each in projects if each.pk in counted]


@dataclass(frozen=True, eq=False)
class Answers:
    """n answers with a score and what people said of each."""

    scores: FloatArray
    clusters: IntArray
    """(n,) keys of the prompts."""
    said: FloatArray
    """(n,) what people said: points, or the share of labels that say unsafe."""
    people: int
    """Labels or ratings in all."""


def read_quality(model: ModelVersion) -> Answers:
    """Answers to held-out prompts that raters gave quality on seven points, with the raters' median, the lower one of
    two: as the training's own calibration takes it (section 3.4.1)."""
    ratings = Rating.objects.filter(current=True, scale=QUALITY_POINTS, response__prompt__split=Prompt.Split.TEST)
    ratings = ratings.filter(assignment__project__task_type=Project.TaskType.QUALITY_RATING)
    scored = ratings.filter(response__scores__model_version=model).order_by("response", "points")
    columns = ("response", "response__prompt", "response__scores__value", "points")
    table = list(zip(*scored.values_list(*columns), strict=True)) or [()] * len(columns)
    response, prompt, score, points = (np.array(column) for column in table)
    _, starts, counts = np.unique(response, return_index=True, return_counts=True)
    middle = (starts + (counts - 1) // 2).astype(np.int64)  # of points in order, the lower median
    first = starts.astype(np.int64)
    return Answers(
        score[first].astype(np.float64),
        prompt[first].astype(np.int64),
        points[middle].astype(np.float64),
        len(points),
    )


def read_safety(model: ModelVersion) -> tuple[Answers, int]:
    """Answers to held-out prompts that people called safe or unsafe, by what most of them said, and how many are left
    out because as many said the one as the other.

    Labels come with the comparisons of safety streams (section 3.2.1) and from safety ratings, where the two lowest of
    five points are violations (section 4.4).
    """
    unsafe: dict[int, float] = {}
    labels: dict[int, int] = {}
    for side in ("a", "b"):
        said = held_out(decided(Project.objects.all())).filter(**{f"{side}_safe__isnull": False})
        count(unsafe, labels, said, f"comparison__response_{side}", Q(**{f"{side}_safe": False}))
    rated = Rating.objects.filter(current=True, scale=SAFETY_POINTS, response__prompt__split=Prompt.Split.TEST)
    rated = rated.filter(assignment__project__task_type=Project.TaskType.SAFETY_RATING)
    count(unsafe, labels, rated, "response", Q(points__lte=VIOLATION))
    scores = Score.objects.filter(model_version=model, response__prompt__split=Prompt.Split.TEST)
    rows = [
        (value, prompt, unsafe[response] / labels[response], labels[response])
        for response, prompt, value in scores.order_by("pk").values_list("response", "response__prompt", "value")
        if response in labels
    ]
    settled = [row for row in rows if row[2] != 0.5]
    value, prompt, share, n = list(zip(*settled, strict=True)) or [()] * 4
    answers = Answers(
        np.array(value, dtype=np.float64), np.array(prompt, dtype=np.int64), np.array(share, dtype=np.float64), sum(n)
    )
    return answers, len(rows) - len(settled)


def count(unsafe: dict[int, float], labels: dict[int, int], rows: QuerySet[Any], answer: str, violates: Q) -> None:
    """Add a source of labels to the counts by answer."""
    flagged = Case(When(violates, then=Value(1)), default=Value(0))
    grouped = rows.values(answer).annotate(bad=Sum(flagged), n=Count("pk")).order_by(answer)
    for response, bad, n in grouped.values_list(answer, "bad", "n"):
        unsafe[response] = unsafe.get(response, 0) + bad
        labels[response] = labels.get(response, 0) + n


def both_scores(model: ModelVersion, other: ModelVersion, projects: Sequence[Project]) -> tuple[FloatArray, IntArray]:
    """(n, 2) the two models' scores of the same answers to the projects' held-out prompts, and the prompts' keys."""
    scores = Score.objects.filter(
        model_version=model, response__prompt__split=Prompt.Split.TEST, response__prompt__project__in=projects
    )
    joined = scores.filter(response__scores__model_version=other).order_by("pk")
    rows = joined.values_list("value", "response__scores__value", "response__prompt")
    table = list(zip(*rows, strict=True)) or [(), (), ()]
    return np.array(table[:2], dtype=np.float64).T.reshape(-1, 2), np.array(table[2], dtype=np.int64)
