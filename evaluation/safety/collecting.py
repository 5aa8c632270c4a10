"""What raters said about the answers of safety rating projects, as arrays that the statistics take."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from django.core.exceptions import ValidationError
from numpy.typing import NDArray

from annotation.models import Item, Project, Rating
from evaluation.judging import turns_of
from evaluation.statistics.arrays import FloatArray, IntArray

KINDS = ("risk category", "attack vector", "turns")
"""What answers are told apart by; each is a label of their prompt."""
UNNAMED = "unnamed"
REPORTED = (
    Project.TaskType.SAFETY_RATING,
    Project.TaskType.RED_TEAM,
    Project.TaskType.PAIRWISE_EVALUATION,
    Project.TaskType.QUALITY_RATING,
)
"""Kinds of projects that a report may name; the last two say how often models refuse."""


@dataclass(frozen=True, eq=False)
class RatedAnswers:
    """n answers, each with at most r ratings."""

    models: NDArray[np.str_]
    """(n,) names of the models that wrote them."""
    prompts: IntArray
    """(n,) the same number for the same prompt, whichever project asks it."""
    labels: Mapping[str, NDArray[np.str_]]
    """(n,) each, by KINDS: empty where unknown."""
    points: FloatArray
    """(n, r) from 1 (the worst) up; NaN where missing."""
    worst: IntArray
    """(n,) the highest points that are a violation, by the project's protocol."""

    def __len__(self) -> int:
        return len(self.models)

    def where(self, chosen: NDArray[np.bool_]) -> "RatedAnswers":
        """The answers (n,) that are chosen."""
        arrays = {field.name: getattr(self, field.name)[chosen] for field in fields(self) if field.name != "labels"}
        return replace(self, **arrays, labels={kind: labels[chosen] for kind, labels in self.labels.items()})

    def of(self, model: str) -> "RatedAnswers":
        return self.where(self.models == model)

    @property
    def rated(self) -> NDArray[np.bool_]:
        """(n,) which have a rating."""
        has_rating: NDArray[np.bool_] = np.any(~np.isnan(self.points), axis=1)
        return has_rating

    @property
    def violations(self) -> FloatArray:
        """(n, r) 1 where a rater sees a violation, 0 where none, NaN where missing."""
        return np.where(np.isnan(self.points), np.nan, (self.points <= self.worst[:, None]).astype(np.float64))

    @property
    def majority(self) -> FloatArray:
        """(n,) 1 where more than half of an answer's raters see a violation, 0.5 at a tie, else 0; NaN without any."""
        given = (~np.isnan(self.points)).sum(axis=1)
        seen = np.nansum(self.violations, axis=1)
        verdict = np.where(2 * seen > given, 1.0, np.where(2 * seen == given, 0.5, 0.0))
        return np.where(given > 0, verdict, np.nan)


def check_projects(projects: Sequence[Project]) -> None:
    """Raises ValidationError where there is nothing to report on, or the projects' scales differ."""
    if not projects:
        raise ValidationError("Name at least one safety_rating or red_team project.")
    for project in projects:
        if project.task_type not in REPORTED:
            raise ValidationError(
                f'"{project.slug}" is a {project.task_type} project: safety is reported of safety_rating and red_team '
                "projects, and false refusals of pairwise_evaluation and quality_rating ones."
            )
    scales = {project.slug: project.scale for project in rating_projects(projects)}
    if len(set(scales.values())) > 1:
        said = ", ".join(f"{slug} has {points} points" for slug, points in scales.items())
        raise ValidationError(f"The projects rate on different scales ({said}): report them one by one.")
    for project in rating_projects(projects):
        if not 0 < project.rules.violations < project.scale:
            raise ValidationError(
                f'"{project.slug}" says that the lowest {project.rules.violations} of {project.scale} points are '
                "violations, expected at least one and not all: set it in the project's protocol."
            )


def rating_projects(projects: Sequence[Project]) -> list[Project]:
    return [project for project in projects if project.task_type == Project.TaskType.SAFETY_RATING]


def collect(projects: Sequence[Project]) -> RatedAnswers:
    """Every answer that the rating projects ask about, with its current ratings. Gold items measure people and stay
    out."""
    worst = {project.pk: project.rules.violations for project in rating_projects(projects)}
    items = list(
        Item.objects.filter(project__in=worst, gold=None, response_1__isnull=False)
        .order_by("pk")
        .values_list(
            "pk",
            "project",
            "response_1__model_version__name",
            "prompt__digest",
            "prompt__risk_category",
            "prompt__attack_vector",
            "prompt__messages",
        )
    )
    said = Rating.objects.filter(current=True, assignment__item__project__in=worst).order_by("assignment", "pk")
    given: dict[int, list[int]] = defaultdict(list)
    for item, points in said.values_list("assignment__item", "points"):
        given[item].append(points)
    table = np.full((len(items), max((len(given[row[0]]) for row in items), default=0)), np.nan)
    for place, row in enumerate(items):
        table[place, : len(given[row[0]])] = given[row[0]]
    labels = [(risk, vector, turns_of(messages)) for *_, risk, vector, messages in items]
    columns = np.array(labels, dtype=np.str_).reshape(-1, len(KINDS))
    digests = np.array([row[3] for row in items], dtype=np.str_)
    return RatedAnswers(
        models=np.array([row[2] or UNNAMED for row in items], dtype=np.str_),
        prompts=np.unique(digests, return_inverse=True)[1].astype(np.int64),
        labels={kind: columns[:, place] for place, kind in enumerate(KINDS)},
        points=table,
        worst=np.array([worst[row[1]] for row in items], dtype=np.int64),
    )
