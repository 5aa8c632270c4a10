"""Shares, halves counted, and differences of what depends on each other within clusters, as one prompt's judgements."""

import math

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import (
    FEW_CLUSTERS,
    Estimate,
    check_confidence,
    cluster_codes,
    normal_quantile,
    t_quantile,
)

ALL_ALIKE = "Every cluster gives the same figure: the interval is that of as many independent trials as clusters."


def clustered_proportion(successes: ArrayLike, clusters: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The mean of `successes` (n,), each from 0 to 1 (a half for a tie), with an interval that stays within 0 and 1.

    Wilson's interval of as many independent trials as would give the cluster-robust standard error: n* = p(1-p) / se^2
    (Dean and Pagano, 2015, "Evaluating confidence interval methods for binomial proportions in clustered surveys"),
    with Student's quantile of G-1 degrees of freedom for G clusters in place of the normal one. Where the error is 0,
    n* is G, the least that the clusters can stand for.
    """
    check_confidence(confidence)
    y = np.asarray(successes, dtype=np.float64)
    if y.size and not (np.all(y >= 0) and np.all(y <= 1)):  # NaN is neither
        raise ValueError(f"successes must be from 0 to 1, got {y[~((y >= 0) & (y <= 1))][0]}")
    if y.size == 0:
        return Estimate(None, None, None, confidence, "Nothing was counted yet.")
    codes = cluster_codes(clusters, y.size)
    groups = int(codes.max()) + 1
    p = float(y.mean())
    if groups < 2:
        return Estimate(p, None, None, confidence, "One cluster alone says nothing about the error of this figure.")
    error = cluster_error((y - p) / y.size, codes)
    trials = p * (1 - p) / error**2 if error > 1e-12 else float(groups)
    z = t_quantile(confidence, groups - 1)
    note = f"Only {groups} clusters: the interval is likely to be too narrow." if groups < FEW_CLUSTERS else ""
    return Estimate(p, error, _wilson(p, trials, z), confidence, note or ("" if error > 1e-12 else ALL_ALIKE))


def cluster_error(influence: FloatArray, codes: ArrayLike) -> float:
    """The sandwich standard error of a figure that moves by influence_i with observation i; they sum to 0.

    With the influences of G clusters summing to s_g it is sqrt(G / (G-1) sum_g s_g^2), as in estimates.clustered_mean.
    """
    sums = np.bincount(np.asarray(codes), weights=influence)
    groups = len(sums)
    return float(np.sqrt(groups / (groups - 1) * (sums @ sums)))


def clustered_difference(
    values: ArrayLike, is_second: ArrayLike, clusters: ArrayLike, confidence: float = 0.95
) -> tuple[Estimate, float | None]:
    """The mean of the second group's `values` less the first's, and the two-sided p-value of there being none.

    Clusters may have values in both groups: what they share cancels, as in a paired test. The influence of an
    observation is (y - mean of its group) / size of its group, counted negatively in the first; Student's t with G-1
    degrees of freedom.
    """
    check_confidence(confidence)
    y, second = np.asarray(values, dtype=np.float64), np.asarray(is_second, dtype=np.bool_)
    if second.all() or not second.any():
        return Estimate(None, None, None, confidence, "Only one of the two groups has any values."), None
    codes = cluster_codes(clusters, y.size)
    groups = int(codes.max()) + 1
    means = float(y[~second].mean()), float(y[second].mean())
    difference = means[1] - means[0]
    if groups < 2:
        return Estimate(difference, None, None, confidence, "One cluster alone says nothing about the error."), None
    influence = np.where(second, (y - means[1]) / second.sum(), -(y - means[0]) / (~second).sum())
    error = cluster_error(influence, codes)
    if error <= 1e-12:
        return Estimate(difference, 0.0, None, confidence, "No value differs within its group."), None
    margin = t_quantile(confidence, groups - 1) * error
    note = f"Only {groups} clusters: the interval is likely to be too narrow." if groups < FEW_CLUSTERS else ""
    estimate = Estimate(difference, error, (difference - margin, difference + margin), confidence, note)
    return estimate, two_sided(difference / error, groups - 1)


def two_sided(statistic: float, degrees: float) -> float:
    """The p-value of a t statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(statistic)))


def _wilson(p: float, trials: float, z: float) -> tuple[float, float]:
    spread = z**2 / trials
    margin = z * math.sqrt(p * (1 - p) / trials + spread / (4 * trials))
    low, high = (p + spread / 2 - margin) / (1 + spread), (p + spread / 2 + margin) / (1 + spread)
    return (0.0 if p == 0 else max(low, 0.0)), (1.0 if p == 1 else min(high, 1.0))


def normal_interval(value: float, error: float, confidence: float) -> tuple[float, float]:
    margin = normal_quantile(confidence) * error
    return value - margin, value + margin
