"""A figure with its uncertainty, and the mean of clustered observations, on which the win rates rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evaluation.statistics.arrays import FloatArray, IntArray

# Cluster-robust errors are too small when there are few clusters (Cameron and Miller, 2015, section VI).
FEW_CLUSTERS = 20


@dataclass(frozen=True)
class Estimate:
    """A figure; None wherever it is undefined, and then `note` says why, in words for the reader of a report."""

    value: float | None
    standard_error: float | None
    interval: tuple[float, float] | None
    confidence: float
    note: str = ""


def within(figure: Estimate, low: float, high: float) -> Estimate:
    """The same figure with its interval cut off where no value can be: Student's t knows nothing of a scale's ends."""
    if figure.interval is None:
        return figure
    return replace(figure, interval=(max(figure.interval[0], low), min(figure.interval[1], high)))


def check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, for example 0.95, got {confidence}")


def t_quantile(confidence: float, degrees: float) -> float:
    """The two-sided quantile: 12.706 for 0.95 with one degree of freedom, 1.960 with many."""
    return float(special.stdtrit(degrees, (1 + confidence) / 2))


def normal_quantile(confidence: float) -> float:
    return float(special.ndtri((1 + confidence) / 2))


def cluster_codes(labels: ArrayLike, observations: int, what: str = "clusters") -> IntArray:
    """Labels (observations,) of any kind as integers from 0. Raises ValueError when there are more or fewer of them."""
    array = np.asarray(labels)
    if array.shape != (observations,):
        raise ValueError(f"{what} must have one label for each of the {observations} observations, got {array.shape}")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def clustered_mean(values: ArrayLike, *clusters: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The mean of `values` (n,), with an error that lets observations of the same cluster depend on each other.

    clusters: none (observations are independent), one or two ways of clustering (by prompt; by prompt and by
    annotator), each with n labels. With G clusters whose residuals sum to s_g, the sandwich variance is
    G/(G-1) sum_g s_g^2 / n^2, which is the usual s^2/n when every observation is its own cluster. Two ways:
    the sum of both less that of their intersection (Cameron, Gelbach and Miller, 2011, equation 2.11). The
    interval takes Student's t with G-1 degrees of freedom, G being the smaller number of clusters.
    """
    check_confidence(confidence)
    y = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(y)):
        raise ValueError(f"values must be finite numbers, got {y[~np.isfinite(y)][0]}")
    if len(clusters) > 2:
        raise ValueError(f"values can be clustered in two ways at most, got {len(clusters)}")
    if y.size == 0:
        return Estimate(None, None, None, confidence, "There is nothing to average yet.")
    mean = float(y.mean())
    ways = [cluster_codes(labels, y.size) for labels in clusters] or [np.arange(y.size)]
    groups = min(int(way.max()) + 1 for way in ways)
    if groups < 2:
        return Estimate(mean, None, None, confidence, "One cluster alone says nothing about the error of this figure.")
    error = float(np.sqrt(_variance(y - mean, ways)))
    if error <= 1e-12:
        note = "Every cluster gives the same figure, so that nothing is known about its error."
        return Estimate(mean, 0.0, None, confidence, note)
    margin = t_quantile(confidence, groups - 1) * error
    note = f"Only {groups} clusters: the interval is likely to be too narrow." if groups < FEW_CLUSTERS else ""
    return Estimate(mean, error, (mean - margin, mean + margin), confidence, note)


def _variance(residuals: FloatArray, ways: Sequence[IntArray]) -> float:
    if len(ways) == 1:
        return _one_way_variance(residuals, ways[0])
    first, second = ways
    one_way = [_one_way_variance(residuals, way) for way in ways]
    both = np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]
    # The difference can fall below each part, even below zero, by chance: the larger part is then the safe answer.
    return max(*one_way, sum(one_way) - _one_way_variance(residuals, both))


def _one_way_variance(residuals: FloatArray, codes: IntArray) -> float:
    sums = np.bincount(codes, weights=residuals)
    groups = len(sums)
    return float(groups / (groups - 1) * (sums @ sums) / len(residuals) ** 2)
