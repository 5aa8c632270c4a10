"""Few human labels and a judge's verdict on everything: prediction-powered inference of a mean.

After Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Prediction-Powered Inference (Science, 2023), and Angelopoulos,
Duchi and Zrnic, PPI++ (2023), section 6, with errors that let the items of a cluster depend on each other.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.estimates import (
    FEW_CLUSTERS,
    Estimate,
    check_confidence,
    cluster_codes,
    clustered_mean,
    t_quantile,
)

MOST_TUNING = 1.0


@dataclass(frozen=True)
class PoweredMean:
    """A mean from labels and predictions, beside what each of them gives alone.

    combined: the prediction-powered mean; without an advantage to be had, the labels' own, and then `note` says why.
    humans: the mean of the labels alone. judge: of all predictions, which nothing corrects. bias: predictions less
    labels on the items that have both. shift: predictions on labelled items less those on the others; an interval that
    excludes 0 says that the labelled items are no fair sample of all. tuning: PPI++'s lambda, from 0 (the judge is
    ignored) to 1. gain: how many times as many labels would give the labels alone the same standard error.
    """

    combined: Estimate
    humans: Estimate
    judge: Estimate
    bias: Estimate
    shift: Estimate
    tuning: float | None
    gain: float | None
    labelled: int
    unlabelled: int
    labelled_clusters: int
    left_out: int
    """Items without a prediction, which none of these figures holds."""
    note: str = ""


def prediction_powered_mean(
    labels: ArrayLike,
    predictions: ArrayLike,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
    tuning: float | None = None,
    fewest_clusters: int = FEW_CLUSTERS,
) -> PoweredMean:
    """The mean of labels (items,), known for n of the items, with the help of predictions (items,); NaN where missing.

    The labelled items must be a random part of all. With predictions f on the n labelled and the N other items,

        mean = lambda * mean_N(f) + mean_n(Y - lambda f),

    unbiased for every fixed lambda. Its cluster-robust variance is G/(G-1) sum_g (a_g - lambda b_g)^2, G the clusters
    with a label, a_g the sum of (Y - mean_n(Y))/n over a cluster's labelled items, and b_g that of (f - mean_n(f))/n
    less that of (f - mean_N(f))/N over its others; lambda = sum a_g b_g / sum b_g^2 makes it smallest and is cut to 0
    and 1. Where every item is a cluster of its own this is PPI++'s lambda, Cov(Y, f) / ((1 + n/N) Var(f)), with each
    part's own variance of f. The interval takes Student's t with G-1 degrees of freedom.

    tuning: lambda, where it is not to be estimated; 1 is the first paper's estimator. fewest_clusters: labelled
    clusters below which lambda can't be told from the data, and the labels stand alone. Raises ValueError for arguments
    that are not what they should be.
    """
    check_confidence(confidence)
    y, f = _columns(labels, predictions)
    codes = np.arange(len(y)) if clusters is None else cluster_codes(clusters, len(y))
    if tuning is not None and not 0 <= tuning <= MOST_TUNING:
        raise ValueError(f"tuning must be between 0 and 1, got {tuning}")
    kept = ~np.isnan(f)
    left_out = int((~kept).sum())
    y, f, codes = y[kept], f[kept], codes[kept]
    labelled = ~np.isnan(y)
    groups = len(np.unique(codes[labelled]))
    humans = clustered_mean(y[labelled], codes[labelled], confidence=confidence)
    blank = PoweredMean(
        combined=humans,
        humans=humans,
        judge=clustered_mean(f, codes, confidence=confidence),
        bias=clustered_mean((f - y)[labelled], codes[labelled], confidence=confidence),
        shift=_shift(f, labelled, codes, confidence),
        tuning=None,
        gain=None,
        labelled=int(labelled.sum()),
        unlabelled=int((~labelled).sum()),
        labelled_clusters=groups,
        left_out=left_out,
    )
    if reason := _why_alone(blank, fewest_clusters):
        return replace(blank, note=reason)
    label_part, judge_part = _parts(y, f, labelled, codes)
    chosen = _best_tuning(label_part, judge_part) if tuning is None else tuning
    value = chosen * f[~labelled].mean() + (y - chosen * f)[labelled].mean()
    correction = groups / (groups - 1)
    error = float(np.sqrt(correction * np.sum((label_part - chosen * judge_part) ** 2)))
    alone = float(np.sqrt(correction * np.sum(label_part**2)))
    if error <= 1e-12:
        return replace(blank, note="The labels don't vary, so that a judge has nothing to add.")
    margin = t_quantile(confidence, groups - 1) * error
    combined = Estimate(float(value), error, (float(value - margin), float(value + margin)), confidence)
    note = "" if chosen > 0 else "The judge's verdicts tell nothing about the labels: they are not used."
    return replace(blank, combined=combined, tuning=float(chosen), gain=(alone / error) ** 2, note=note)


def _columns(labels: ArrayLike, predictions: ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, f = np.asarray(labels, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    if y.ndim != 1 or y.shape != f.shape:
        raise ValueError(f"labels and predictions must be one number for each item, got shapes {y.shape}, {f.shape}")
    for name, column in (("labels", y), ("predictions", f)):
        if np.isinf(column).any():
            raise ValueError(f"{name} must be finite numbers, or NaN where missing, got an infinite one")
    return y, f


def _why_alone(found: PoweredMean, fewest: int) -> str:
    if found.labelled == 0:
        return "No item has both a human label and the judge's verdict: nothing tells how far the judge is off."
    if found.unlabelled == 0:
        return "Every item has human labels: the judge has nothing to add."
    if found.labelled_clusters < max(fewest, 2):
        return (
            f"Only {found.labelled_clusters} prompts have human labels, and {max(fewest, 2)} are needed to tell how "
            "far the judge can be trusted: the human labels stand alone."
        )
    return ""


def _parts(y: FloatArray, f: FloatArray, labelled: NDArray[np.bool_], codes: IntArray) -> tuple[FloatArray, FloatArray]:
    """a and b of each cluster (see prediction_powered_mean)."""
    n, others = int(labelled.sum()), int((~labelled).sum())
    residuals = np.where(labelled, y - y[labelled].mean(), 0.0) / n
    centred = np.where(labelled, (f - f[labelled].mean()) / n, -(f - f[~labelled].mean()) / others)
    label_part, judge_part = np.zeros(codes.max() + 1), np.zeros(codes.max() + 1)
    np.add.at(label_part, codes, residuals)
    np.add.at(judge_part, codes, centred)
    return label_part, judge_part


def _best_tuning(label_part: FloatArray, judge_part: FloatArray) -> float:
    spread = float(judge_part @ judge_part)
    if spread <= 1e-24:  # the judge says the same of every item
        return 0.0
    return min(max(float(label_part @ judge_part) / spread, 0.0), MOST_TUNING)


def _shift(f: FloatArray, labelled: NDArray[np.bool_], codes: IntArray, confidence: float) -> Estimate:
    groups = min(len(np.unique(codes[part])) for part in (labelled, ~labelled))
    if groups < 2:
        return Estimate(None, None, None, confidence, "Too few items are labelled, or all are.")
    _, judge_part = _parts(np.where(labelled, 0.0, np.nan), f, labelled, codes)
    value = float(f[labelled].mean() - f[~labelled].mean())
    error = float(np.sqrt(groups / (groups - 1) * np.sum(judge_part**2)))
    if error <= 1e-12:
        return Estimate(value, 0.0, None, confidence, "The judge says the same of every item.")
    margin = t_quantile(confidence, groups - 1) * error
    return Estimate(value, error, (value - margin, value + margin), confidence)
