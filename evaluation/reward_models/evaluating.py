"""A reward model's whole evaluation, from the rows of the database."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.utils import timezone
from scipy.special import expit, logit

from annotation.models import Project
from evaluation.models import Score
from evaluation.reward_models.accuracy import Accuracies, Drift, accuracies, drift
from evaluation.reward_models.choosing import DIMENSIONS
from evaluation.reward_models.paper import THRESHOLD
from evaluation.reward_models.reading import Coverage, Pairs, coverage, read_pairs, read_quality, read_safety
from evaluation.reward_models.shift import (
    Shift,
    Tension,
    counterpart,
    policies_scored,
    shift,
    tension,
)
from evaluation.statistics.calibration import Quality, Reliability, quality, reliability
from evaluation.statistics.clustered_shares import clustered_proportion
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.rank_correlation import spearman
from evaluation.statistics.roc import AtThreshold, Curve, at_threshold, auc, roc_curve, threshold_for_recall
from modeling.registry.models import ModelVersion

RECALLS = (0.55, 0.8, 0.9, 0.95)
"""Recalls for which the threshold is told; the first is the paper's."""


@dataclass(frozen=True)
class Needed:
    """What a wanted recall takes: the probability below which an answer is flagged, and what that comes to."""

    recall: float
    probability: float
    comes_to: AtThreshold


@dataclass(frozen=True)
class Safety:
    """The safety scores against what people called safe and unsafe; unsafe answers are to be found.

    answers: with a label of most people. left_out: as many said safe as unsafe. at: at PPO's threshold of 0.15.
    """

    answers: int
    unsafe: int
    labels: int
    left_out: int
    auc: Estimate
    curve: Curve | None
    at: AtThreshold
    needed: tuple[Needed, ...]


@dataclass(frozen=True)
class Length:
    """Whether length decides. of_scores: rank correlation of the difference of the scores with that of the lengths, of
    chosen and rejected answers. model, people: how often each prefers the longer one of two answers of unequal length.
    """

    pairs: int
    of_scores: Estimate
    model: Estimate
    people: Estimate


@dataclass(frozen=True)
class Scope:
    """What an evaluation rests on, and what it could rest on. policies: of which two are compared."""

    projects: tuple[Project, ...]
    offered: tuple[Project, ...]
    coverage: tuple[Coverage, ...]
    policies: tuple[ModelVersion, ...]
    before: ModelVersion | None
    after: ModelVersion | None


@dataclass(frozen=True)
class Evaluation:
    """Everything that the page and the command show. What there are no rows for is None."""

    model: str
    kind: str
    made_at: str
    projects: tuple[str, ...]
    pairs: int
    held_out: int
    """Judgements on held-out prompts, scored or not."""
    scores: int
    accuracy: Accuracies
    reliability: Reliability
    quality: Quality | None
    safety: Safety | None
    shift: Shift | None
    tension: Tension | None
    drift: Drift | None
    length: Length | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def scope_of(
    model: ModelVersion,
    projects: Sequence[Project] = (),
    before: ModelVersion | None = None,
    after: ModelVersion | None = None,
) -> Scope:
    """By default the projects of the model's own dimension with judgements on held-out prompts, and of its policies the
    oldest and the newest."""
    every = coverage(model, list(Project.objects.order_by("name")))
    own = [each.project for each in every if each.project.dimension == DIMENSIONS[ModelVersion.Kind(model.kind)]]
    chosen = list(projects) or [each.project for each in every if each.project in own and each.scored] or own
    policies = policies_scored(model, chosen)
    if before is None and after is None and len(policies) > 1:
        before, after = policies[0], policies[-1]
    return Scope(
        projects=tuple(chosen),
        offered=tuple(each.project for each in every),
        coverage=tuple(each for each in every if each.project in chosen),
        policies=tuple(policies),
        before=before,
        after=after,
    )


def evaluate(model: ModelVersion, scope: Scope) -> Evaluation:
    """From what is scored now; an empty database makes an evaluation whose notes say what is missing."""
    pairs = read_pairs(model, scope.projects)
    is_safety = model.kind == ModelVersion.Kind.SAFETY_REWARD
    return Evaluation(
        model=model.name,
        kind=model.kind,
        made_at=timezone.now().isoformat(timespec="seconds"),
        projects=tuple(project.slug for project in scope.projects),
        pairs=len(pairs),
        held_out=sum(each.pairs for each in scope.coverage),
        scores=Score.objects.filter(model_version=model).count(),
        accuracy=accuracies(model, pairs, scope.projects),
        reliability=reliability(pairs.differences, pairs.clusters),
        quality=None if is_safety else _quality(model),
        safety=_safety(model) if is_safety else None,
        shift=_shift(model, scope),
        tension=_tension(model, scope),
        drift=drift(model, pairs, scope.projects),
        length=_length(pairs),
    )


def _quality(model: ModelVersion) -> Quality | None:
    rated = read_quality(model)
    return quality(rated.scores, rated.said, rated.clusters) if len(rated.scores) else None


def _safety(model: ModelVersion) -> Safety | None:
    labelled, left_out = read_safety(model)
    if not len(labelled.scores):
        return None
    unsafe = labelled.said > 0.5
    needed = []
    for recall in RECALLS:
        threshold = threshold_for_recall(labelled.scores, unsafe, recall)
        if threshold is not None:
            comes_to = at_threshold(labelled.scores, unsafe, threshold, labelled.clusters)
            needed.append(Needed(recall, float(expit(threshold)), comes_to))
    return Safety(
        answers=len(labelled.scores),
        unsafe=int(unsafe.sum()),
        labels=labelled.people,
        left_out=left_out,
        auc=auc(-labelled.scores, unsafe, labelled.clusters),
        curve=roc_curve(-labelled.scores, unsafe),
        at=at_threshold(labelled.scores, unsafe, float(logit(THRESHOLD)), labelled.clusters),
        needed=tuple(needed),
    )


def _shift(model: ModelVersion, scope: Scope) -> Shift | None:
    if scope.before is None or scope.after is None or scope.before == scope.after:
        return None
    return shift(model, scope.projects, scope.before, scope.after)


def _tension(model: ModelVersion, scope: Scope) -> Tension | None:
    other = counterpart(model, scope.projects)
    if other is None:
        return None
    is_safety = model.kind == ModelVersion.Kind.SAFETY_REWARD
    return tension(*((other, model) if is_safety else (model, other)), scope.projects)


def _length(pairs: Pairs) -> Length | None:
    uneven = pairs.where(pairs.longer != 0)
    if not len(uneven):
        return None
    return Length(
        pairs=len(uneven),
        of_scores=spearman(uneven.differences, uneven.longer, uneven.clusters),
        model=clustered_proportion((np.sign(uneven.differences * uneven.longer) + 1) / 2, uneven.clusters),
        people=clustered_proportion((uneven.longer > 0).astype(np.float64), uneven.clusters),
    )
