"""How often a reward model prefers what people prefer: over all, by rating, batch and project (tables 7 and 8), on the
prompts that it was trained on, and version by version as the policy moves (section 3.2.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, F, Sum
from numpy.typing import NDArray

from annotation.models import Batch, Project, Prompt
from annotation.models.comparisons import RATINGS
from evaluation.reward_models import paper
from evaluation.reward_models.reading import SCORES_A, Pairs, decided, held_out, right_of, with_scores
from evaluation.statistics.clustered_shares import clustered_difference, clustered_proportion
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.proportions import wilson
from modeling.registry.models import ModelVersion


@dataclass(frozen=True)
class Accuracy:
    """Of n judgements; equal scores count half. paper: what the paper's model reaches there."""

    label: str
    n: int
    ties: int
    share: Estimate
    paper: float | None = None


@dataclass(frozen=True)
class Accuracies:
    overall: Accuracy
    by_rating: tuple[Accuracy, ...]
    by_batch: tuple[Accuracy, ...]
    by_project: tuple[Accuracy, ...]
    trained: Accuracy
    """On prompts of the training side, independent trials: what it may have learned by heart."""


def accuracies(model: ModelVersion, pairs: Pairs, projects: Sequence[Project]) -> Accuracies:
    """Of the pairs in the projects; clustered by the prompt that a dialogue opens with."""
    names = dict(Project.objects.filter(pk__in=set(pairs.projects.tolist())).values_list("pk", "name"))
    batches = {each.pk: each for each in Batch.objects.filter(pk__in=set(pairs.batches.tolist()))}
    several = len(names) > 1
    of_batch = [
        _of(pairs, pairs.batches == pk, f"{names[batch.project_id]}, {batch}" if several else str(batch))
        for pk, batch in sorted(batches.items(), key=lambda each: (names[each[1].project_id], each[1].number))
    ]
    outside = ~np.isin(pairs.batches, list(batches))
    reported = paper.BY_RATING[model.kind]
    of_rating = [_of(pairs, pairs.ratings == place, rating, reported[place]) for place, rating in enumerate(RATINGS)]
    unrated = pairs.ratings < 0
    return Accuracies(
        overall=_of(pairs, np.ones(len(pairs), dtype=np.bool_), "all", paper.OVERALL[model.kind]),
        by_rating=tuple(of_rating + ([_of(pairs, unrated, "unrated")] if unrated.any() else [])),
        by_batch=tuple(of_batch + ([_of(pairs, outside, "outside of batches")] if batches and outside.any() else [])),
        by_project=tuple(_of(pairs, pairs.projects == pk, name) for pk, name in sorted(names.items())),
        trained=_trained(model, projects),
    )


def _of(pairs: Pairs, chosen: NDArray[np.bool_], label: str, reported: float | None = None) -> Accuracy:
    part = pairs.where(chosen)
    share = clustered_proportion(part.right, part.clusters)
    return Accuracy(label, len(part), int((part.differences == 0).sum()), share, reported)


def _trained(model: ModelVersion, projects: Sequence[Project]) -> Accuracy:
    seen = decided(projects).filter(comparison__prompt__split=Prompt.Split.TRAIN)
    found = with_scores(seen, [model]).aggregate(n=Count("pk"), right=Sum(right_of()))
    return Accuracy("prompts that train", found["n"], 0, wilson(found["right"] or 0.0, found["n"]))


# Drift ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A version's accuracy on a batch, from counts alone. seen: whether its training had this batch."""

    n: int
    share: float | None
    seen: bool


@dataclass(frozen=True)
class Drift:
    """Versions (oldest first) against batches (in order). fall: the model's accuracy on the batches that came after its
    training less that on those before, negative where it degrades."""

    batches: tuple[str, ...]
    versions: tuple[tuple[str, tuple[Cell, ...]], ...]
    fall: Estimate | None
    p_value: float | None
    later: int
    """Judgements in batches that came after its training."""


def drift(model: ModelVersion, pairs: Pairs, projects: Sequence[Project]) -> Drift | None:
    """None where there are no two batches with scores. In two queries whatever their size, and the model's pairs."""
    batches = list(Batch.objects.filter(project__in=projects).select_related("project").order_by("opened_at", "pk"))
    versions = list(ModelVersion.objects.filter(kind=model.kind).prefetch_related("made_by").order_by("created_at"))
    counted = (
        with_scores(held_out(decided(projects)), versions)
        .filter(comparison__batch__in=batches)
        .annotate(version=F(f"{SCORES_A}__model_version"))
        .values("version", "comparison__batch")
        .annotate(n=Count("pk"), right=Sum(right_of()))
    )
    table = {
        (version, batch): (n, right)
        for version, batch, n, right in counted.values_list("version", "comparison__batch", "n", "right")
    }
    batches = [batch for batch in batches if any((version.pk, batch.pk) in table for version in versions)]
    if len(batches) < 2:
        return None
    rows = []
    for version in versions:
        cells = [table.get((version.pk, batch.pk), (0, 0.0)) for batch in batches]
        if any(n for n, _ in cells):
            row = (
                Cell(n, right / n if n else None, had_seen(version, batch))
                for (n, right), batch in zip(cells, batches, strict=True)
            )
            rows.append((version.name, tuple(row)))
    seen = [batch.pk for batch in batches if had_seen(model, batch)]
    unseen = [batch.pk for batch in batches if not had_seen(model, batch)]
    inside = pairs.where(np.isin(pairs.batches, seen + unseen))
    later = np.isin(inside.batches, unseen)
    fall, p_value = (None, None)
    if seen and unseen:
        fall, p_value = clustered_difference(inside.right, later, inside.clusters)
    several = len({batch.project_id for batch in batches}) > 1
    names = tuple(f"{batch.project}, {batch}" if several else str(batch) for batch in batches)
    return Drift(names, tuple(rows), fall, p_value, int(later.sum()) if seen else 0)


def had_seen(version: ModelVersion, batch: Batch) -> bool:
    """Whether a model's training began after the batch was opened: it may have learned from it, or from the same
    policies' answers. A model that was not trained here has seen none."""
    runs = [run.started_at or run.queued_at for run in version.made_by.all()]
    return any(started >= batch.opened_at for started in runs)
