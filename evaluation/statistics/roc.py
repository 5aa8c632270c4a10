"""How well a score tells two classes apart: the ROC curve, its area, and what a threshold on the score comes to."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.clustered_shares import clustered_proportion
from evaluation.statistics.estimates import (
    FEW_CLUSTERS,
    Estimate,
    check_confidence,
    cluster_codes,
    normal_quantile,
)

ONE_CLASS = "Every answer is of one class: an ROC curve needs both."
APART = "The classes don't overlap in this sample, which says nothing about the error of the area."


def auc(
    scores: ArrayLike, is_positive: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95
) -> Estimate:
    """The area under the ROC curve: the chance that a positive scores higher than a negative, ties counted half.

    scores, is_positive: (n,). The error is that of DeLong, DeLong and Clarke-Pearson (1988): with the placements
    V10 of the M positives among the negatives and V01 of the N negatives among the positives, var(V10) / M +
    var(V01) / N. clusters: (n,) labels of what belongs together (answers to one prompt); the error is then that of
    Obuchowski (1997), which is DeLong's where every observation is a cluster of its own. The interval is made on
    the logit of the area, so that it stays within 0 and 1 and holds near 1 (Qin and Hotilovac, 2008).
    """
    check_confidence(confidence)
    values, positive = checked(scores, is_positive)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return Estimate(None, None, None, confidence, ONE_CLASS)
    overall = rankdata(values)
    within_positive, within_negative = rankdata(values[positive]), rankdata(values[~positive])
    placements = np.empty(values.size)
    placements[positive] = (overall[positive] - within_positive) / n
    placements[~positive] = 1 - (overall[~positive] - within_negative) / m
    area = float(placements[positive].mean())
    codes = np.arange(values.size) if clusters is None else cluster_codes(clusters, values.size)
    variance = _obuchowski(placements - area, positive, codes)
    if variance is None:
        few = "One answer, or one prompt, of a class says nothing about the error of the area."
        return Estimate(area, None, None, confidence, few)
    error = math.sqrt(max(variance, 0.0))
    if error <= 1e-12 or area in (0.0, 1.0):
        return Estimate(area, error, None, confidence, APART)
    middle = math.log(area / (1 - area))
    margin = normal_quantile(confidence) * error / (area * (1 - area))
    interval = (1 / (1 + math.exp(margin - middle)), 1 / (1 + math.exp(-margin - middle)))
    fewer = min(len(np.unique(codes[positive])), len(np.unique(codes[~positive])))
    note = f"Only {fewer} of one class: the interval is likely to be too narrow." if fewer < FEW_CLUSTERS else ""
    return Estimate(area, error, interval, confidence, note)


def checked(scores: ArrayLike, is_positive: ArrayLike) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Both as arrays (n,). Raises ValueError for scores that are no finite numbers, and for lengths that differ."""
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(is_positive, dtype=np.bool_)
    if values.shape != positive.shape or values.ndim != 1:
        raise ValueError(f"scores and classes must be as many of each, got {values.shape} and {positive.shape}")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"scores must be finite numbers, got {values[~np.isfinite(values)][0]}")
    return values, positive


def _obuchowski(deviations: FloatArray, positive: NDArray[np.bool_], codes: ArrayLike) -> float | None:
    """Obuchowski (1997), equation 3, from the placements less the area; None where a class has one cluster."""
    code = np.asarray(codes)
    groups = int(code.max()) + 1
    m, n = int(positive.sum()), int((~positive).sum())
    sums10 = np.bincount(code[positive], weights=deviations[positive], minlength=groups)
    sums01 = np.bincount(code[~positive], weights=deviations[~positive], minlength=groups)
    with_positive, with_negative = len(np.unique(code[positive])), len(np.unique(code[~positive]))
    if with_positive < 2 or with_negative < 2:
        return None
    s10 = with_positive / ((with_positive - 1) * m) * float(sums10 @ sums10)
    s01 = with_negative / ((with_negative - 1) * n) * float(sums01 @ sums01)
    s11 = groups / (groups - 1) * float(sums10 @ sums01)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


@dataclass(frozen=True)
class Curve:
    """Corners of an ROC curve from (0, 0) to (1, 1), at most so many; each with the threshold that gives it."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    threshold: tuple[float | None, ...]
    """Scores at or above it count as positive; None, of the first corner: no score does."""


def roc_curve(scores: ArrayLike, is_positive: ArrayLike, most: int = 200) -> Curve | None:
    """The curve, thinned to `most` corners that lie evenly along it; None where there is one class alone."""
    values, positive = checked(scores, is_positive)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return None
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(values[order]) != 0, True])  # the last of each run of equal scores
    true = np.r_[0.0, np.cumsum(positive[order])[ends] / m]
    false = np.r_[0.0, np.cumsum(~positive[order])[ends] / n]
    thresholds = values[order][ends]
    kept = np.unique(np.searchsorted(true + false, np.linspace(0, 2, most)).clip(max=len(true) - 1))
    kept = np.unique(np.r_[0, kept, len(true) - 1])
    corners = (None, *thresholds[kept[1:] - 1].tolist())
    return Curve(tuple(false[kept].tolist()), tuple(true[kept].tolist()), corners)


@dataclass(frozen=True)
class AtThreshold:
    """What flagging everything that scores below a threshold comes to; the wanted class is to be flagged."""

    threshold: float
    flagged: int
    wanted: int
    caught: int
    precision: Estimate
    """Of what is flagged, the share that is wanted."""
    recall: Estimate
    """Of what is wanted, the share that is flagged."""
    false_alarms: Estimate
    """Of what is not wanted, the share that is flagged."""


def at_threshold(
    scores: ArrayLike, is_wanted: ArrayLike, threshold: float, clusters: ArrayLike, confidence: float = 0.95
) -> AtThreshold:
    """Precision and recall of flagging scores (n,) below `threshold`, with intervals clustered by `clusters`."""
    values, wanted = checked(scores, is_wanted)
    flagged = values < threshold
    codes = cluster_codes(clusters, values.size)

    def share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> Estimate:
        return clustered_proportion(of[among].astype(np.float64), codes[among], confidence)

    return AtThreshold(
        threshold=threshold,
        flagged=int(flagged.sum()),
        wanted=int(wanted.sum()),
        caught=int((flagged & wanted).sum()),
        precision=share(wanted, flagged),
        recall=share(flagged, wanted),
        false_alarms=share(flagged, ~wanted),
    )


def threshold_for_recall(scores: ArrayLike, is_wanted: ArrayLike, recall: float) -> float | None:
    """The lowest threshold below which at least the share `recall` of the wanted class scores; None without any.

    It is the smallest number above the score that has to be flagged last.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be above 0 and at most 1, got {recall}")
    values, wanted = checked(scores, is_wanted)
    own = np.sort(values[wanted])
    if not own.size:
        return None
    last = math.ceil(recall * own.size - 1e-9) - 1
    return float(np.nextafter(own[last], np.inf))
