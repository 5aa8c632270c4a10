"""The bootstrap of a whole report at once: prompts are drawn with replacement, and every figure follows from sums.

A win rate, a coefficient of agreement and a rating on the Elo scale depend on the votes through a few sums alone, and a
sum over a drawn sample is a sum over prompts, each times how often it was drawn. So all figures of all replicates come
from one product of matrices: draws (replicates x prompts) times sums (prompts x columns). Items, votes and raters of
one prompt stay together, as the clustered errors have it (the cluster bootstrap of Davison and Hinkley, 1997, section
3.8).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, special

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.bradley_terry import CENTRE, ELO_PER_LOGIT
from evaluation.statistics.estimates import FEW_CLUSTERS, Estimate, check_confidence, cluster_codes
from evaluation.statistics.weights import weight_matrix

AT_ONCE = 100  # replicates in memory at the same time
ENOUGH = 0.9
"""The share of replicates in which a figure must be defined to have an interval."""
MAX_STEPS, FAR = 60, 15.0  # Newton's steps; log-odds beyond which a rating is running away


@dataclass(frozen=True)
class Coefficient:
    """The columns that Gwet's coefficient is made from: items rated, items rated twice, their agreement, categories."""

    items: int
    twice: int
    agreement: int
    categories: slice
    factor: float


class Sums:
    """Collects what is summed by prompt, a column each, and draws prompts anew.

    clusters: (n,) labels of the items' prompts. A column is known by its number; `at` names the items (k,) that its
    values (k,) belong to, all of them when omitted.
    """

    def __init__(self, clusters: ArrayLike) -> None:
        labels = np.asarray(clusters)
        self.codes = cluster_codes(labels, len(labels))
        self.clusters = int(self.codes.max()) + 1 if len(labels) else 0
        self._columns: list[FloatArray] = []

    def column(self, values: ArrayLike, at: IntArray | None = None) -> int:
        codes = self.codes if at is None else self.codes[at]
        weights = np.asarray(values, dtype=np.float64)
        self._columns.append(np.bincount(codes, weights, minlength=self.clusters).astype(np.float64))
        return len(self._columns) - 1

    def coefficient(
        self, votes: FloatArray, categories: ArrayLike, weights: str, at: IntArray | None = None
    ) -> Coefficient:
        """The columns of AC1 (identity weights) or AC2 for votes (k, r), NaN where missing."""
        scale = np.asarray(categories, dtype=np.float64)
        counts = np.stack([(votes == value).sum(axis=1) for value in scale], axis=1).astype(np.float64)
        given = counts.sum(axis=1)
        matrix = weight_matrix(weights, scale)
        pairs = np.maximum(given * (given - 1), 1)
        agreement = (counts * (counts @ matrix - 1)).sum(axis=1) / pairs * (given > 1)
        shares = counts / np.maximum(given, 1)[:, None]
        q = len(scale)
        first, *_ = [self.column(shares[:, k], at) for k in range(q)]
        return Coefficient(
            items=self.column(given > 0, at),
            twice=self.column(given > 1, at),
            agreement=self.column(agreement, at),
            categories=slice(first, first + q),
            factor=float(matrix.sum() / (q * (q - 1))),
        )

    def once(self) -> FloatArray:
        """The columns' totals (1, columns) in the sample itself."""
        return self._table().sum(axis=0, keepdims=True)

    def _table(self) -> FloatArray:
        return np.stack(self._columns, axis=1) if self._columns else np.zeros((self.clusters, 0))

    def draw(self, replicates: int, seed: int = 0) -> FloatArray:
        """The columns' totals (replicates, columns) in samples of as many prompts, drawn with replacement."""
        if replicates < 1:
            raise ValueError(f"replicates must be at least 1, got {replicates}")
        table = self._table()
        if not self.clusters:
            return np.zeros((replicates, table.shape[1]))
        few = np.count_nonzero(table) < 0.05 * table.size
        across = sparse.csr_array(table.T) if few else None
        totals = [
            drawn @ table if across is None else (across @ drawn.T).T
            for drawn in draws(self.clusters, replicates, seed)
        ]
        return np.concatenate(totals)


def draws(clusters: int, replicates: int, seed: int) -> Iterator[FloatArray]:
    """How often each cluster is drawn (up to AT_ONCE, clusters) in each replicate."""
    chance = np.random.default_rng(seed)
    for start in range(0, replicates, AT_ONCE):
        rows = min(AT_ONCE, replicates - start)
        places = chance.integers(clusters, size=(rows, clusters)) + clusters * np.arange(rows)[:, None]
        yield np.bincount(places.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def ratios(totals: FloatArray, above: int, below: int) -> FloatArray:
    """(replicates,) of one column over another, NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals[:, below] > 0, totals[:, above] / totals[:, below], np.nan)


def coefficients(totals: FloatArray, of: Coefficient) -> FloatArray:
    """(replicates,) of (pa - pe) / (1 - pe), NaN where it is undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = totals[:, of.agreement] / totals[:, of.twice]
        shares = totals[:, of.categories] / totals[:, of.items, None]
        expected = of.factor * (shares * (1 - shares)).sum(axis=1)
        values = (observed - expected) / (1 - expected)
    return np.where((totals[:, of.twice] > 0) & (expected < 1), values, np.nan)


def ratings(points: FloatArray) -> FloatArray:
    """Elo (replicates, models) from points (replicates, models, models) that the row's model took from the column's.

    All replicates take Newton's steps together. NaN where a replicate has no finite maximum.
    """
    models = points.shape[1]
    games = points + points.transpose(0, 2, 1)
    logits = np.zeros(points.shape[:2])
    going = np.ones(len(points), dtype=np.bool_)
    for _ in range(MAX_STEPS):
        chance = special.expit(logits[going, :, None] - logits[going, None, :])
        gradient = (points[going] - games[going] * chance).sum(axis=2)
        spread = games[going] * chance * (1 - chance)
        information = 1 / models - spread
        diagonal = np.arange(models)
        information[:, diagonal, diagonal] += spread.sum(axis=2)
        # A model whose every game was left out of a replicate makes the matrix singular but for this.
        information[:, diagonal, diagonal] += 1e-12
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        largest = np.abs(step).max(axis=1)
        logits[going] += step / np.maximum(largest, 1.0)[:, None]
        far = np.abs(logits[going]).max(axis=1) > FAR
        moving = np.flatnonzero(going)
        logits[moving[far]] = np.nan
        going[moving[far | (largest < 1e-9)]] = False
        if not going.any():
            break
    logits[going] = np.nan
    unplayed = games.sum(axis=2) == 0
    logits = np.where(unplayed.any(axis=1)[:, None], np.nan, logits)
    return CENTRE + ELO_PER_LOGIT * (logits - logits.mean(axis=1, keepdims=True))


def summed_up(value: float | None, replicates: FloatArray, clusters: int, confidence: float = 0.95) -> Estimate:
    """The figure with its standard error and percentile interval over the replicates (r,), NaN where undefined."""
    check_confidence(confidence)
    found = replicates[~np.isnan(replicates)]
    if value is None:
        return Estimate(None, None, None, confidence, "The figure itself is undefined.")
    if clusters < 2:
        return Estimate(value, None, None, confidence, "One prompt alone can't be drawn in different ways.")
    if len(found) < ENOUGH * len(replicates):
        share = f"{100 * (1 - len(found) / len(replicates)):.0f} %"
        return Estimate(value, None, None, confidence, f"It is undefined in {share} of the replicates.")
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, (tail, 1 - tail)).tolist()
    note = f"Only {clusters} prompts: the interval is likely to be too narrow." if clusters < FEW_CLUSTERS else ""
    return Estimate(value, float(found.std(ddof=1)) if len(found) > 1 else None, (low, high), confidence, note)
