"""Whether scores mean what they say: as the probability of a preference, and as the quality of an answer."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import expit

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.clustered_shares import cluster_error, clustered_difference, clustered_proportion
from evaluation.statistics.estimates import Estimate, check_confidence, cluster_codes, clustered_mean, t_quantile
from evaluation.statistics.rank_correlation import kendall, spearman

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Pairs whose likelier answer has a probability from `low` to `high`. predicted: its mean; observed: the share of
    them in which people did choose it."""

    low: float
    high: float
    n: int
    predicted: float | None
    observed: Estimate


@dataclass(frozen=True)
class Reliability:
    """error: the expected calibration error (Naeini et al., 2015; Guo et al., 2017), the mean gap over the pairs.

    by_chance: what the error would come to on average by chance alone, were every probability right.
    """

    n: int
    bins: tuple[Bin, ...]
    error: Estimate
    by_chance: float | None
    too_sure: Estimate
    """Mean predicted less observed: above 0 where the scores are surer than they may be."""


def reliability(differences: ArrayLike, clusters: ArrayLike, bins: int = BINS, confidence: float = 0.95) -> Reliability:
    """Whether sigmoid(difference) is the probability that people choose so, as the Bradley-Terry model behind the
    ranking loss says (section 3.2.2, equation 1).

    differences: (n,) score of the answer that was chosen less that of the other; at 0 the choice counts half for
    either. The likelier answer's probability lies between 1/2 and 1, in `bins` bins of equal width.

    The error is the mean of s (predicted - observed), s the sign of the gap of a pair's bin: with the signs held, a
    plain mean with a clustered interval, cut at 0. It can't fall below chance's share even for a perfect model: the sum
    over bins of sqrt(2 / pi) times the standard deviation of the bin's gap.
    """
    check_confidence(confidence)
    values = np.asarray(differences, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"differences must be finite numbers, got {values[~np.isfinite(values)][0]}")
    codes = cluster_codes(clusters, values.size)
    predicted = expit(np.abs(values))
    right = np.where(values == 0, 0.5, values > 0)
    places = np.minimum(((predicted - 0.5) * 2 * bins).astype(np.int64), bins - 1)
    gaps = predicted - right
    found, signs, chance = [], np.zeros(values.size), 0.0
    for place in range(bins):
        inside = places == place
        low, high = 0.5 + place / (2 * bins), 0.5 + (place + 1) / (2 * bins)
        mean = float(predicted[inside].mean()) if inside.any() else None
        observed = clustered_proportion(right[inside], codes[inside], confidence)
        found.append(Bin(low, high, int(inside.sum()), mean, observed))
        signs[inside] = np.sign(gaps[inside].sum())
        chance += math.sqrt(2 / math.pi * float((predicted[inside] * (1 - predicted[inside])).sum()))
    error = clustered_mean(signs * gaps, codes, confidence=confidence)
    if error.interval:
        low, high = error.interval
        error = Estimate(error.value, error.standard_error, (max(low, 0.0), high), confidence, error.note)
    by_chance = chance / values.size if values.size else None
    too_sure = clustered_mean(gaps, codes, confidence=confidence)
    return Reliability(values.size, tuple(found), error, by_chance, too_sure)


@dataclass(frozen=True)
class Point:
    """Answers that people gave these points. isotonic: the mean of the best fit that never falls."""

    points: int
    n: int
    score: Estimate
    isotonic: float


@dataclass(frozen=True)
class Fall:
    """Where more points go with a lower mean score, and the two-sided p-value of that being chance."""

    lower: int
    higher: int
    difference: Estimate
    p_value: float | None


@dataclass(frozen=True)
class Quality:
    """The mean score by points of a scale (section 3.4.1, figure 29)."""

    n: int
    points: tuple[Point, ...]
    falls: tuple[Fall, ...]
    spearman: Estimate
    kendall: Estimate
    misfit: float | None
    """The mean distance of an answer's group from the isotonic fit, in standard deviations of the scores."""

    @property
    def monotone(self) -> bool:
        return not self.falls


def quality(scores: ArrayLike, points: ArrayLike, clusters: ArrayLike, confidence: float = 0.95) -> Quality:
    """Scores (n,) against the points (n,) that people gave the same answers, intervals clustered."""
    values, given = np.asarray(scores, dtype=np.float64), np.asarray(points, dtype=np.int64)
    if values.shape != given.shape:
        raise ValueError(f"scores and points must be as many of each, got {values.shape} and {given.shape}")
    codes = cluster_codes(clusters, values.size)
    levels, sizes = np.unique(given, return_counts=True)
    estimates = [
        clustered_mean(values[given == level], codes[given == level], confidence=confidence) for level in levels
    ]
    means: FloatArray = np.array([estimate.value for estimate in estimates], dtype=np.float64)
    fitted = isotonic_regression(means, weights=sizes).x if levels.size else means
    falls = []
    for (lower, mean), (higher, next_mean) in pairwise(zip(levels.tolist(), means.tolist(), strict=True)):
        if next_mean < mean:
            inside = (given == lower) | (given == higher)
            difference, p_value = clustered_difference(
                values[inside], given[inside] == higher, codes[inside], confidence
            )
            falls.append(Fall(lower, higher, difference, p_value))
    spread = float(values.std()) if values.size else 0.0
    return Quality(
        n=values.size,
        points=tuple(
            Point(int(level), int(size), estimate, float(fit))
            for level, size, estimate, fit in zip(levels, sizes, estimates, fitted, strict=True)
        ),
        falls=tuple(falls),
        spearman=spearman(values, given, codes, confidence),
        kendall=kendall(values, given, codes, confidence),
        misfit=float(np.abs(means - fitted) @ sizes / values.size / spread) if spread else None,
    )


def correlation(x: ArrayLike, y: ArrayLike, clusters: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Pearson's correlation of x and y (n,): an observation moves it by z_x z_y - r (z_x^2 + z_y^2) / 2. The interval
    is made on atanh(r) with Student's t."""
    check_confidence(confidence)
    one, other = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return Estimate(None, None, None, confidence, "One of the two never varies: nothing can rise with it.")
    z_x, z_y = ((values - values.mean()) / values.std() for values in (one, other))
    r = float(z_x @ z_y) / one.size
    codes = cluster_codes(clusters, one.size)
    groups = int(codes.max()) + 1
    if groups < 3 or abs(r) >= 1 - 1e-12:
        return Estimate(r, None, None, confidence, "Too few clusters, or a perfect line: the error is not known.")
    error = cluster_error((z_x * z_y - r * (z_x**2 + z_y**2) / 2) / one.size, codes)
    margin = t_quantile(confidence, groups - 1) * error / (1 - r**2)
    return Estimate(r, error, (math.tanh(math.atanh(r) - margin), math.tanh(math.atanh(r) + margin)), confidence)
