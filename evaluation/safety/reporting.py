"""The safety report: violation rates, mean ratings, agreement, paired differences of model versions, red teaming.

Figures come from `evaluation.statistics`. Each has its interval and, where it is undefined, a note in words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from django.utils import timezone

from annotation.models import Project
from evaluation.safety.collecting import KINDS, RatedAnswers, check_projects, collect, rating_projects
from evaluation.safety.red_team import RedTeamReport, red_team_report
from evaluation.safety.refusals import RefusalReport, reports_on
from evaluation.statistics.agreement import Agreement, gwet
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.clustered_proportions import clustered_wilson
from evaluation.statistics.estimates import Estimate, clustered_mean, within
from evaluation.statistics.exact_proportions import upper_bound_of_none
from evaluation.statistics.paired_proportions import PairedDifference, paired_difference

ALL = "all"


@dataclass(frozen=True)
class Violations:
    """A model's rated answers, all of them or those whose prompts share a label. Rates are parts of 1.

    violations: answers in which more than half of the raters see one; ties are none, and counted beside. mean_rating:
    over answers, of the mean of each one's ratings. by_points: how many ratings gave 1, 2, ... points.
    upper_if_none: where there is no violation, the largest rate that this does not exclude, a prompt being one trial.
    """

    kind: str
    label: str
    model: str
    answers: int
    prompts: int
    ratings: int
    violations: int
    ties: int
    violation: Estimate
    with_ties: Estimate
    upper_if_none: float | None
    mean_rating: Estimate
    by_points: tuple[int, ...]


@dataclass(frozen=True)
class Reliability:
    """ac1: agreement on whether an answer is a violation. ac2: on its points, with quadratic weights."""

    ac1: Agreement
    ac2: Agreement


@dataclass(frozen=True)
class ModelSafety:
    model: str
    overall: Violations
    reliability: Reliability


@dataclass(frozen=True)
class SafetyPair:
    """`first` less `second`, on the prompts on which both have a rated answer; `unpaired` prompts have but one."""

    first: str
    second: str
    violation: PairedDifference
    mean_rating: Estimate
    unpaired: int


@dataclass(frozen=True)
class SafetyReport:
    """Everything that the page, the command and the downloads show. waiting: answers without a rating yet."""

    projects: tuple[str, ...]
    names: tuple[str, ...]
    made_at: str
    points: int
    worst: tuple[int, ...]
    raters_per_item: tuple[int, ...]
    answers: int
    waiting: int
    ratings: int
    models: tuple[ModelSafety, ...]
    """Fewest violations first."""
    reliability: Reliability
    slices: tuple[Violations, ...]
    """By kind, label and model; labels that all answers share tell nothing apart and are left out."""
    pairs: tuple[SafetyPair, ...]
    red_team: RedTeamReport
    refusals: tuple[RefusalReport, ...]
    """By each classifier that labelled answers of the projects."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def safety_report(projects: Sequence[Project]) -> SafetyReport:
    """As it stands now; without ratings its notes say what is missing. Raises ValidationError for projects that can't
    be reported on, or not together."""
    check_projects(projects)
    rating = rating_projects(projects)
    points = rating[0].scale if rating else 0
    everything = collect(projects)
    answers = everything.where(everything.rated)
    models = [
        ModelSafety(model, violations(ALL, ALL, model, part, points), reliability(part, points))
        for model in np.unique(answers.models).tolist()
        if len(part := answers.of(model))
    ]
    models.sort(key=lambda each: (each.overall.violation.value or 0.0, each.model))
    names = [each.model for each in models]
    return SafetyReport(
        projects=tuple(project.slug for project in projects),
        names=tuple(project.name for project in projects),
        made_at=timezone.now().isoformat(timespec="seconds"),
        points=points,
        worst=tuple(sorted({project.rules.violations for project in rating})),
        raters_per_item=tuple(sorted({project.overlap for project in rating})),
        answers=len(answers),
        waiting=len(everything) - len(answers),
        ratings=int((~np.isnan(answers.points)).sum()),
        models=tuple(models),
        reliability=reliability(answers, points),
        slices=tuple(slices(answers, names, points)),
        pairs=tuple(pairs(answers, names)),
        red_team=red_team_report(projects),
        refusals=tuple(reports_on(projects)),
    )


def violations(kind: str, label: str, model: str, answers: RatedAnswers, points: int) -> Violations:
    majority = answers.majority
    seen = (majority == 1).astype(np.float64)
    prompts = len(np.unique(answers.prompts))
    given = answers.points[~np.isnan(answers.points)]
    return Violations(
        kind=kind,
        label=label,
        model=model,
        answers=len(answers),
        prompts=prompts,
        ratings=int(given.size),
        violations=int(seen.sum()),
        ties=int((majority == 0.5).sum()),
        violation=clustered_wilson(seen, answers.prompts),
        with_ties=clustered_wilson((majority > 0).astype(np.float64), answers.prompts),
        upper_if_none=upper_bound_of_none(prompts) if prompts and not seen.any() else None,
        mean_rating=within(clustered_mean(_means(answers), answers.prompts), 1.0, float(points)),
        by_points=tuple(int((given == point).sum()) for point in range(1, points + 1)),
    )


def reliability(answers: RatedAnswers, points: int) -> Reliability:
    scale = range(1, points + 1) if points else (1, 2)
    return Reliability(
        ac1=gwet(answers.violations, weights="identity", categories=(0, 1)),
        ac2=gwet(answers.points, weights="quadratic", categories=tuple(scale)),
    )


def slices(answers: RatedAnswers, models: Sequence[str], points: int) -> Iterator[Violations]:
    """The largest label of each kind first."""
    for kind in KINDS:
        labels = answers.labels[kind]
        names, counts = np.unique(labels[labels != ""], return_counts=True)
        if len(names) == 1 and counts[0] == len(answers):
            continue
        for label in names[np.lexsort((names, -counts))].tolist():
            part = answers.where(labels == label)
            for model in models:
                if len(own := part.of(model)):
                    yield violations(kind, label, model, own, points)


def pairs(answers: RatedAnswers, models: Sequence[str]) -> Iterator[SafetyPair]:
    """Every two models that answered a common prompt, the one with more violations first."""
    shares = {model: _by_prompt(answers.of(model)) for model in models}
    for second, first in combinations(models, 2):
        (prompts_1, seen_1, rating_1), (prompts_2, seen_2, rating_2) = shares[first], shares[second]
        common, at_1, at_2 = np.intersect1d(prompts_1, prompts_2, return_indices=True)
        if len(common):
            yield SafetyPair(
                first=first,
                second=second,
                violation=paired_difference(seen_1[at_1], seen_2[at_2]),
                mean_rating=clustered_mean(rating_1[at_1] - rating_2[at_2]),
                unpaired=len(prompts_1) + len(prompts_2) - 2 * len(common),
            )


def _by_prompt(answers: RatedAnswers) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The prompts (p,), and for each the share of its answers that are violations and their mean rating."""
    prompts, codes = np.unique(answers.prompts, return_inverse=True)
    counts = np.bincount(codes, minlength=len(prompts))
    seen = np.bincount(codes, weights=(answers.majority == 1).astype(np.float64), minlength=len(prompts))
    means = np.bincount(codes, weights=_means(answers), minlength=len(prompts))
    return prompts.astype(np.float64), seen / counts, means / counts


def _means(answers: RatedAnswers) -> FloatArray:
    """(n,) the mean rating of each answer; each has one or more."""
    return np.nansum(answers.points, axis=1) / (~np.isnan(answers.points)).sum(axis=1)
