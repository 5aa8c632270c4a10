"""How the scores of answers move from one policy to another on the same prompts (section 4.2.3, figures 14 and 20), and
how helpfulness and safety go together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, QuerySet
from numpy.typing import NDArray
from scipy.special import expit, logit

from annotation.models import Project, Prompt
from evaluation.models import Score
from evaluation.reward_models.paper import THRESHOLD
from evaluation.reward_models.reading import both_scores
from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.calibration import correlation
from evaluation.statistics.clustered_shares import clustered_difference, clustered_proportion
from evaluation.statistics.estimates import Estimate, clustered_mean
from evaluation.statistics.rank_correlation import spearman
from modeling.registry.models import ModelVersion

HISTOGRAM_BINS = 20
"""Bins of the probability from 0 to 1."""
GRID = 12
"""Bins of each axis of a two-dimensional histogram."""


@dataclass(frozen=True)
class Shift:
    """Probabilities (sigmoid of the score) of two policies' answers to the same prompts.

    counts: (HISTOGRAM_BINS,) answers by probability. grid: (GRID, GRID) prompts by their answers' mean probability
    before (first index) and after. mean: the mean change of the score by prompt. below: the
    share of answers below 0.15.
    """

    before: str
    after: str
    prompts: int
    answers_before: int
    answers_after: int
    counts_before: tuple[int, ...]
    counts_after: tuple[int, ...]
    grid: tuple[tuple[int, ...], ...]
    mean: Estimate
    mean_probability: Estimate
    below_before: Estimate
    below_after: Estimate
    below_change: Estimate
    below_p_value: float | None
    improved: Estimate
    """Of the prompts, the share whose mean score rose."""


@dataclass(frozen=True)
class Tension:
    """Two reward models' probabilities of the same answers.

    share: of the answers, those that are more helpful than the median one and yet below 0.15 on safety.
    by_chance: that share if the two had nothing to do with each other.
    """

    helpfulness: str
    safety: str
    answers: int
    prompts: int
    pearson: Estimate
    spearman: Estimate
    share: Estimate
    by_chance: float
    grid: tuple[tuple[int, ...], ...]
    """(GRID, GRID) answers by helpfulness (first index) and safety."""


def policies_scored(model: ModelVersion, projects: Sequence[Project]) -> list[ModelVersion]:
    """The policies whose answers to held-out prompts of the projects the model has scored, oldest first."""
    scored = _scored(model, projects).values("response__model_version").annotate(n=Count("pk"))
    counts = dict(scored.values_list("response__model_version", "n"))
    return list(ModelVersion.objects.filter(pk__in=[pk for pk in counts if pk]).order_by("created_at", "pk"))


def _scored(model: ModelVersion, projects: Sequence[Project]) -> QuerySet[Score]:
    return Score.objects.filter(
        model_version=model, response__prompt__project__in=projects, response__prompt__split=Prompt.Split.TEST
    )


def shift(model: ModelVersion, projects: Sequence[Project], before: ModelVersion, after: ModelVersion) -> Shift | None:
    """None where the two have no prompt in common. A prompt is the same in whichever project it is."""
    rows = _scored(model, projects).filter(response__model_version__in=(before, after)).order_by("pk")
    columns = rows.values_list("value", "response__prompt__digest", "response__model_version")
    value, digest, policy = list(zip(*columns, strict=True)) or [(), (), ()]
    scores, is_after = np.array(value, dtype=np.float64), np.array(policy, dtype=np.int64) == after.pk
    _, prompts = np.unique(np.array(digest, dtype=np.str_), return_inverse=True)
    shared = np.intersect1d(prompts[is_after], prompts[~is_after])
    if not shared.size:
        return None
    kept = np.isin(prompts, shared)
    scores, is_after, prompts = scores[kept], is_after[kept], np.unique(prompts[kept], return_inverse=True)[1]
    probability = expit(scores)
    below = (probability < THRESHOLD).astype(np.float64)
    changes = [_by_prompt(each, is_after, prompts) for each in (scores, probability)]
    mean = [after_ - before_ for before_, after_ in changes]
    below_change, p_value = clustered_difference(below, is_after, prompts)
    return Shift(
        before=before.name,
        after=after.name,
        prompts=int(shared.size),
        answers_before=int((~is_after).sum()),
        answers_after=int(is_after.sum()),
        counts_before=_histogram(probability[~is_after]),
        counts_after=_histogram(probability[is_after]),
        grid=_grid(*changes[1]),
        mean=clustered_mean(mean[0]),
        mean_probability=clustered_mean(mean[1]),
        below_before=clustered_proportion(below[~is_after], prompts[~is_after]),
        below_after=clustered_proportion(below[is_after], prompts[is_after]),
        below_change=below_change,
        below_p_value=p_value,
        improved=clustered_proportion((np.sign(mean[0]) + 1) / 2, np.arange(shared.size)),
    )


def _by_prompt(values: FloatArray, is_after: NDArray[np.bool_], prompts: IntArray) -> tuple[FloatArray, FloatArray]:
    """The mean by prompt, before and after."""
    means = []
    for chosen in (~is_after, is_after):
        counts = np.bincount(prompts[chosen])
        means.append(np.bincount(prompts[chosen], weights=values[chosen]) / counts)
    return means[0], means[1]


def _histogram(probabilities: FloatArray) -> tuple[int, ...]:
    counts, _ = np.histogram(probabilities, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    return tuple(counts.tolist())


def _grid(x: FloatArray, y: FloatArray) -> tuple[tuple[int, ...], ...]:
    counts, _, _ = np.histogram2d(x, y, bins=GRID, range=((0.0, 1.0), (0.0, 1.0)))
    return tuple(tuple(int(count) for count in row) for row in counts)


def tension(helpfulness: ModelVersion, safety: ModelVersion, projects: Sequence[Project]) -> Tension | None:
    """None where the two have scored no answer in common."""
    scores, prompts = both_scores(helpfulness, safety, projects)
    if not len(scores):
        return None
    helpful, safe = scores[:, 0], scores[:, 1]
    is_helpful, is_unsafe = helpful > np.median(helpful), safe < logit(THRESHOLD)
    return Tension(
        helpfulness=helpfulness.name,
        safety=safety.name,
        answers=len(scores),
        prompts=len(np.unique(prompts)),
        pearson=correlation(helpful, safe, prompts),
        spearman=spearman(helpful, safe, prompts),
        share=clustered_proportion((is_helpful & is_unsafe).astype(np.float64), prompts),
        by_chance=float(is_helpful.mean() * is_unsafe.mean()),
        grid=_grid(expit(helpful), expit(safe)),
    )


def counterpart(model: ModelVersion, projects: Sequence[Project]) -> ModelVersion | None:
    """The newest reward model of the other kind that has scored the most of what this one has."""
    other = (
        ModelVersion.Kind.SAFETY_REWARD
        if model.kind == ModelVersion.Kind.HELPFULNESS_REWARD
        else ModelVersion.Kind.HELPFULNESS_REWARD
    )
    shared = Score.objects.filter(model_version__kind=other, response__in=_scored(model, projects).values("response"))
    counted = shared.values("model_version").annotate(n=Count("pk")).order_by("-n", "-model_version")
    found = counted.values_list("model_version", flat=True).first()
    return ModelVersion.objects.get(pk=found) if found else None
