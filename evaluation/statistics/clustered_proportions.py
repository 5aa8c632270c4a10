"""Proportions of outcomes that come in clusters: several answers to one prompt are not as many independent trials."""

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.estimates import Estimate, check_confidence, cluster_codes
from evaluation.statistics.proportions import wilson


def effective_trials(outcomes: ArrayLike, clusters: ArrayLike) -> float:
    """How many independent trials would tell as much as these 0s and 1s (n,), which depend on each other within a
    cluster (n,).

    n over the design effect (Kish, 1965): the variance of the mean with clusters, over the p(1-p)/(n-1) that it has
    without. Never more than n. Where all outcomes are alike nothing is known about their dependence, and a cluster
    counts as one trial, which is the cautious end. Raises ValueError for an outcome other than 0 and 1.
    """
    y = np.asarray(outcomes, dtype=np.float64)
    if not np.all((y == 0) | (y == 1)):
        raise ValueError(f"outcomes must be 0 or 1, got {y[(y != 0) & (y != 1)][0]}")
    codes = cluster_codes(clusters, y.size)
    if y.size == 0:
        return 0.0
    groups = int(codes.max()) + 1
    p = float(y.mean())
    if groups == y.size:
        return float(y.size)
    if groups == 1 or p in (0.0, 1.0):
        return float(groups)
    sums = np.bincount(codes, weights=y - p)
    clustered = groups / (groups - 1) * float(sums @ sums) / y.size**2
    alone = p * (1 - p) / (y.size - 1)
    return y.size / max(clustered / alone, 1.0)


def clustered_wilson(outcomes: ArrayLike, clusters: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The share of 1s among outcomes (n,) with Wilson's interval on the effective number of trials.

    So survey statistics take score intervals to clustered samples (Korn and Graubard, 1998; Franco, Little, Louis and
    Slud, 2019). With one outcome per cluster it is Wilson's interval itself.
    """
    check_confidence(confidence)
    y = np.asarray(outcomes, dtype=np.float64)
    trials = effective_trials(y, clusters)
    if y.size == 0:
        return Estimate(None, None, None, confidence, "Nothing was counted yet.")
    p = float(y.mean())
    found = wilson(p * trials, trials, confidence)
    note = "All outcomes are of one cluster: the interval takes them for one trial." if trials == 1 < y.size else ""
    return Estimate(p, found.standard_error, found.interval, confidence, note)
