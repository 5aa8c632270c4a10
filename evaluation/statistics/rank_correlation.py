"""Rank correlations of two scores of the same things, with errors that let things of one cluster depend on each other.

Both are smooth functions of means over the sample and of its ranks. The influence of each observation, that of its rank
on everybody else's among it, gives the error of the whole by the sandwich formula.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.clustered_shares import cluster_error
from evaluation.statistics.estimates import FEW_CLUSTERS, Estimate, check_confidence, cluster_codes, t_quantile

UNVARIED = "One of the two never varies: nothing can rise with it."
PERFECT = "The two rank everything alike, which says nothing about the error of the figure."


def spearman(x: ArrayLike, y: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95) -> Estimate:
    """Spearman's rank correlation of x and y (n,), ties by mid-ranks.

    With U and V the mid-ranks over n less half a rank, whose means are 1/2, rho is cov(U, V) / sqrt(var U var V).
    An observation moves cov by its own U V and, being one of those that are ranked, by everybody's U and V (Croux
    and Dehon, 2010, for the influence function). The interval is made on atanh(rho) with Student's t.
    """
    check_confidence(confidence)
    one, other = _both(x, y)
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return Estimate(None, None, None, confidence, UNVARIED)
    u, v = ((rankdata(values) - 0.5) / one.size for values in (one, other))
    cov, var_u, var_v = float(u @ v) / one.size - 0.25, float(u @ u) / one.size - 0.25, float(v @ v) / one.size - 0.25
    rho = cov / math.sqrt(var_u * var_v)
    moves_cov = u * v - (cov + 0.25) + _as_ranked(one, v) + _as_ranked(other, u)
    moves_u = u * u - (var_u + 0.25) + 2 * _as_ranked(one, u)
    moves_v = v * v - (var_v + 0.25) + 2 * _as_ranked(other, v)
    influence = moves_cov / math.sqrt(var_u * var_v) - rho / 2 * (moves_u / var_u + moves_v / var_v)
    return _estimate(rho, influence, clusters, confidence)


def _as_ranked(values: FloatArray, weights: FloatArray) -> FloatArray:
    """By observation i: the mean over j of (1 where i is below j, 1/2 where equal, less j's rank share) weights_j."""
    order = np.sort(values)
    by_value = np.r_[0.0, np.cumsum(weights[np.argsort(values, kind="stable")])]
    up_to, below = np.searchsorted(order, values, "right"), np.searchsorted(order, values, "left")
    total = by_value[-1]
    above = (total - by_value[up_to]) + (by_value[up_to] - by_value[below]) / 2
    shares = (rankdata(values) - 0.5) / values.size
    return (above - float(shares @ weights)) / values.size


def kendall(x: ArrayLike, y: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95) -> Estimate:
    """Kendall's tau-b of x and y (n,), of which y takes few different values, such as points of a scale.

    tau = C / sqrt(A B): C the mean over pairs of sign(x_i - x_j) sign(y_i - y_j), A and B the shares of pairs that x
    and that y tell apart. Each is a U-statistic, so that an observation moves it by twice its own mean over the others
    less the whole (Hoeffding, 1948). The interval is made on atanh(tau) with Student's t.
    """
    check_confidence(confidence)
    one, other = _both(x, y)
    n = one.size
    if n < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return Estimate(None, None, None, confidence, UNVARIED)
    alike, apart_x, apart_y = np.zeros(n), _apart(one), _apart(other)
    for level in np.unique(other):
        group = np.sort(one[other == level])
        below = np.searchsorted(group, one, "left")
        above = group.size - np.searchsorted(group, one, "right")
        alike += np.sign(other - level) * (below - above)
    own = [counts / (n - 1) for counts in (alike, apart_x, apart_y)]
    c, a, b = (float(each.mean()) for each in own)
    tau = c / math.sqrt(a * b)
    moves_c, moves_a, moves_b = (2 * (each - each.mean()) for each in own)
    influence = moves_c / math.sqrt(a * b) - tau / 2 * (moves_a / a + moves_b / b)
    return _estimate(tau, influence, clusters, confidence)


def _apart(values: FloatArray) -> FloatArray:
    """By observation, how many others have another value."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (values.size - counts[codes]).astype(np.float64)


def _both(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    one, other = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"x and y must be as many of each, got {one.shape} and {other.shape}")
    for values in (one, other):
        if not np.all(np.isfinite(values)):
            raise ValueError(f"values must be finite numbers, got {values[~np.isfinite(values)][0]}")
    return one, other


def _estimate(value: float, influence: FloatArray, clusters: ArrayLike | None, confidence: float) -> Estimate:
    codes = np.arange(influence.size) if clusters is None else cluster_codes(clusters, influence.size)
    groups = int(codes.max()) + 1
    if groups < 3:
        return Estimate(value, None, None, confidence, "Two clusters or fewer say nothing about the error.")
    error = cluster_error((influence - influence.mean()) / influence.size, codes)
    if error <= 1e-12 or abs(value) >= 1 - 1e-12:
        return Estimate(value, error, None, confidence, PERFECT)
    margin = t_quantile(confidence, groups - 1) * error / (1 - value**2)
    middle = math.atanh(value)
    note = f"Only {groups} clusters: the interval is likely to be too narrow." if groups < FEW_CLUSTERS else ""
    return Estimate(value, error, (math.tanh(middle - margin), math.tanh(middle + margin)), confidence, note)
