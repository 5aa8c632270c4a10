"""Bootstrap of agreement: what a coefficient would have been with other items from the same source.

Items that look alike need not be drawn one by one: how often each of p patterns is drawn among n items is multinomial,
so that a replicate costs as much as the patterns are, not the items (Efron and Tibshirani, 1993, chapter 13, for the
percentile interval). Conger's kappa knows its raters and is drawn over distinct rows of ratings instead.

Where many items were rated once, the bootstrap's error is smaller than Gwet's formula's, but for Krippendorff's alpha:
his linearised values take such an item for one without any agreement, which it does not claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.agreement import (
    CHANCES,
    COEFFICIENTS,
    ROUNDING,
    UndefinedAgreementError,
    as_patterns,
    as_rows,
    require_categories,
    sample_of,
)
from evaluation.statistics.arrays import FloatArray, Table
from evaluation.statistics.chance import Sample
from evaluation.statistics.estimates import check_confidence, cluster_codes
from evaluation.statistics.patterns import MISSING, Contingency, Patterns, Rows, encode

CHUNK = 4_000_000  # entries of the table of draws that are held at a time


@dataclass(frozen=True)
class Bootstrap:
    """A coefficient's percentile interval from `replicates` draws of as many items (or clusters) as there are.

    value: of the ratings themselves. standard_error: the replicates' standard deviation. undefined: replicates that had
    no such coefficient (all ratings in one category); they are left out. None wherever undefined, with a note.
    """

    coefficient: str
    value: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    replicates: int = 0
    undefined: int = 0
    seed: int = 0
    drawn: str = "items"
    confidence: float = 0.95
    note: str = ""


def bootstrap(
    coefficient: str,
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    clusters: ArrayLike | None = None,
) -> Bootstrap:
    """The coefficient (a name of COEFFICIENTS) with its bootstrap interval; the same seed draws the same.

    clusters: one label for each item (their prompts): whole clusters are drawn, so that their items may depend on each
    other; needs a table of ratings. Other arguments as of `agreement.gwet`. Raises ValueError for bad arguments.
    """
    check_confidence(confidence)
    if coefficient not in COEFFICIENTS:
        raise ValueError(f"coefficient must be one of {', '.join(COEFFICIENTS)}, got {coefficient!r}")
    if replicates < 2:
        raise ValueError(f"replicates must be 2 or more, got {replicates}")
    value = COEFFICIENTS[coefficient](ratings, weights, categories)
    blank = Bootstrap(
        coefficient,
        value.value,
        replicates=replicates,
        seed=seed,
        drawn="items" if clusters is None else "clusters",
        confidence=confidence,
        note=value.note,
    )
    try:
        if clusters is None:
            rows, patterns = _distinct(coefficient, ratings, categories)
            groups = None
        else:
            rows, patterns, groups = _distinct_by_cluster(coefficient, ratings, categories, clusters)
        sample = sample_of(patterns, weights)
        if coefficient != "percent_agreement":
            require_categories(sample)
    except UndefinedAgreementError as reason:
        return replace(blank, note=str(reason))
    draws = _Draws(sample, groups, np.random.default_rng(seed))
    if draws.units < 2:
        what = "item" if groups is None else "cluster"
        return replace(blank, note=f"One {what} alone says nothing about the error of this figure.")
    values = np.concatenate(
        [_values(coefficient, sample, rows, times) for times in draws.chunks(replicates)], dtype=np.float64
    )
    return _summed_up(blank, values[~np.isnan(values)])


def _summed_up(blank: Bootstrap, values: FloatArray) -> Bootstrap:
    undefined = blank.replicates - len(values)
    note = ""
    if undefined:
        note = f"{undefined} of {blank.replicates} replicates had no such coefficient and are left out."
    if len(values) < 2 or blank.value is None:
        return replace(blank, undefined=undefined, note=note or blank.note)
    tail = (1 - blank.confidence) / 2
    low, high = np.quantile(values, (tail, 1 - tail)).tolist()
    error = float(values.std(ddof=1))
    if error <= ROUNDING:
        note = "Every item counts alike, so that the replicates do not differ."
    return replace(blank, standard_error=error, interval=(low, high), undefined=undefined, note=note)


def _distinct(
    coefficient: str, ratings: Table | Patterns | Contingency, categories: Sequence[object] | None
) -> tuple[Rows | None, Patterns]:
    """The patterns, and for Conger's kappa the rows of ratings that they are made of, one by one."""
    if coefficient != "conger":
        return None, as_patterns(ratings, categories)
    rows = as_rows(ratings, categories)
    there = rows.times > 0
    rows = replace(rows, codes=rows.codes[there], times=rows.times[there])
    return rows, rows.patterns()


def _distinct_by_cluster(
    coefficient: str,
    ratings: Table | Patterns | Contingency,
    categories: Sequence[object] | None,
    clusters: ArrayLike,
) -> tuple[Rows | None, Patterns, FloatArray]:
    """The same, and how many items of each cluster (g,) have each pattern or row, (g, p)."""
    if isinstance(ratings, Patterns | Contingency):
        raise ValueError("clusters need the ratings item by item: patterns and tables don't know which item is which")
    encoded = encode(ratings, categories)
    given = encoded.codes != MISSING
    codes = encoded.codes[np.ix_(given.any(axis=1), given.any(axis=0))]
    labels = cluster_codes(clusters, len(encoded.codes))[given.any(axis=1)]
    used, group = np.unique(labels, return_inverse=True)
    if coefficient != "conger":
        codes = np.sort(codes, axis=1)  # who chose what does not matter
    distinct, position, times = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    rows = Rows(distinct, times.astype(np.float64), encoded.scale)
    groups = np.zeros((len(used), len(distinct)))
    np.add.at(groups, (group, position.ravel()), 1)
    return rows if coefficient == "conger" else None, rows.patterns(), groups


@dataclass(frozen=True, eq=False)
class _Draws:
    """How often each pattern occurs in a replicate: of as many items, or of as many clusters with all their items."""

    sample: Sample
    groups: FloatArray | None  # (g, p)
    rng: np.random.Generator

    @property
    def units(self) -> int:
        return self.sample.items if self.groups is None else len(self.groups)

    def chunks(self, replicates: int) -> "list[FloatArray]":
        """Tables (replicates, p), as few as memory allows."""
        chances = (
            self.sample.times / self.sample.items
            if self.groups is None
            else np.full(len(self.groups), 1 / len(self.groups))
        )
        most = max(1, CHUNK // len(chances))
        sizes = [min(most, replicates - start) for start in range(0, replicates, most)]
        drawn = (self.rng.multinomial(self.units, chances, size=size).astype(np.float64) for size in sizes)
        return [times if self.groups is None else times @ self.groups for times in drawn]


def _values(coefficient: str, sample: Sample, rows: Rows | None, times: FloatArray) -> FloatArray:
    """The coefficient (b,) of each replicate, NaN where it has none; times (b, p)."""
    if coefficient == "krippendorff":
        observed, expected = _krippendorff(sample, times)
    else:
        twice = times @ (sample.raters >= 2)
        observed = _divided(times @ sample.agreement, twice)
        if rows is not None:
            expected = _conger_chance(sample.weights, rows, times)
        else:
            items = times.sum(axis=1)
            prevalence = _divided(times @ sample.shares, items[:, None])
            expected = CHANCES[coefficient].expected(sample.weights, prevalence)
    return _divided(observed - expected, np.where(1 - expected < ROUNDING, 0, 1 - expected))


def _krippendorff(sample: Sample, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    twice = sample.raters >= 2
    times, counts, raters = times[:, twice], sample.counts[twice], sample.raters[twice]
    items, given = times.sum(axis=1), times @ raters
    mean_raters = _divided(given, items)
    epsilon = _divided(np.ones(len(times)), given)
    prevalence = _divided(times @ counts, given[:, None])
    plain = _divided(times @ (sample.agreeing[twice] / (raters - 1)), mean_raters * items)
    return (1 - epsilon) * plain + epsilon, np.sum(prevalence * (prevalence @ sample.weights), axis=1)


def _conger_chance(weights: FloatArray, rows: Rows, times: FloatArray) -> FloatArray:
    """The mean agreement between two raters who choose by their own habits, over all pairs of raters with a rating."""
    raters, q = rows.codes.shape[1], len(weights)
    choices = (rows.codes[:, :, None] == np.arange(q)).reshape(len(rows.codes), -1)
    by_rater = (times @ choices).reshape(-1, raters, q)
    rated = by_rater.sum(axis=2)
    shares = by_rater / np.maximum(rated, 1)[:, :, None]
    together = shares.sum(axis=1)
    meeting = np.sum(together * (together @ weights), axis=1) - np.sum(shares * (shares @ weights), axis=(1, 2))
    present = (rated > 0).sum(axis=1)
    return _divided(meeting, (present * (present - 1)).astype(np.float64))


def _divided(over: FloatArray, under: FloatArray) -> FloatArray:
    """NaN where there is nothing to divide by."""
    return np.divide(over, under, out=np.full(np.broadcast(over, under).shape, np.nan), where=under != 0)
