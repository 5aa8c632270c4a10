"""Two proportions on the same prompts: their difference with its interval, and the exact test of no difference."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import Estimate, check_confidence, clustered_mean
from evaluation.statistics.proportions import wilson


@dataclass(frozen=True)
class PairedDifference:
    """The first model's share less the second's over the prompts that both have.

    first_only, second_only: prompts where only the one shows it; with several answers per prompt, where its share is
    the larger one. p_value: two-sided; None where there is nothing to test.
    """

    difference: Estimate
    prompts: int
    first_only: int
    second_only: int
    p_value: float | None
    method: str


def paired_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> PairedDifference:
    """first, second (prompts,): the share of a prompt's answers that show it, for each of two models, from 0 to 1.

    With one answer per prompt and model (0s and 1s): Newcombe's interval for paired proportions (1998, Statistics in
    Medicine 17:2635, method 10), which holds where few prompts differ or none, and McNemar's exact test. With several:
    the mean of the prompts' differences with Student's t. Raises ValueError for shares out of range or unequal length.
    """
    check_confidence(confidence)
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(
            f"first and second must have a share for each of the same prompts, got {x.shape} and {y.shape}"
        )
    shares = np.concatenate([x, y])
    if not np.all((shares >= 0) & (shares <= 1)):
        raise ValueError(f"shares must be between 0 and 1, got {shares[~((shares >= 0) & (shares <= 1))][0]}")
    ahead, behind = int(np.sum(x > y)), int(np.sum(x < y))
    if x.size == 0:
        nothing = Estimate(None, None, None, confidence, "No prompt was judged for both models.")
        return PairedDifference(nothing, 0, 0, 0, None, "")
    if not np.all(np.isin(shares, (0.0, 1.0))):
        return PairedDifference(
            clustered_mean(x - y, confidence=confidence),
            int(x.size),
            ahead,
            behind,
            sign_test(ahead, behind),
            "mean of the prompts' differences, Student's t; sign test",
        )
    return PairedDifference(
        _newcombe(x, y, confidence),
        int(x.size),
        ahead,
        behind,
        sign_test(ahead, behind),
        "Newcombe's interval for paired proportions; McNemar's exact test",
    )


def sign_test(ahead: int, behind: int) -> float | None:
    """The two-sided exact p-value of so many prompts one way and so many the other, if either way were as likely: that
    of McNemar's test. None where no prompt differs."""
    if ahead + behind == 0:
        return None
    return float(min(1.0, 2 * binom.cdf(min(ahead, behind), ahead + behind, 0.5)))


def _newcombe(x: FloatArray, y: FloatArray, confidence: float) -> Estimate:
    """With l, u Wilson's limits of each share: d - sqrt((p1-l1)^2 - 2 phi (p1-l1)(u2-p2) + (u2-p2)^2), and the upper
    limit alike; phi is the correlation, its numerator less n/2 where it is positive, or 0 where that is negative."""
    n = x.size
    both, neither = int(np.sum((x == 1) & (y == 1))), int(np.sum((x == 0) & (y == 0)))
    only_x, only_y = int(np.sum(x > y)), int(np.sum(x < y))
    product = math.sqrt(float((both + only_x) * (only_y + neither) * (both + only_y) * (only_x + neither)))
    numerator = float(both * neither - only_x * only_y)
    numerator = max(numerator - n / 2, 0.0) if numerator > 0 else numerator
    phi = numerator / product if product else 0.0
    first, second = wilson(both + only_x, n, confidence), wilson(both + only_y, n, confidence)
    assert first.interval and second.interval  # noqa: S101 - n is above 0
    p1, p2 = (both + only_x) / n, (both + only_y) / n
    below1, above1 = p1 - first.interval[0], first.interval[1] - p1
    below2, above2 = p2 - second.interval[0], second.interval[1] - p2
    low = math.sqrt(max(below1**2 - 2 * phi * below1 * above2 + above2**2, 0.0))
    high = math.sqrt(max(above1**2 - 2 * phi * above1 * below2 + below2**2, 0.0))
    difference = p1 - p2
    error = math.sqrt(max(only_x + only_y - (only_x - only_y) ** 2 / n, 0.0)) / n
    return Estimate(difference, error, (difference - low, difference + high), confidence)
