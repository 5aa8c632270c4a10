"""p-values of many tests at once, raised so that many tests find no more by chance than one does.

Undefined p-values (NaN) stay undefined and do not count as tests.
"""

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.arrays import FloatArray


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's step-down rule (1979): below 0.05, any one being wrong has a chance of 5 % whatever depends on what.

    The i-th smallest of m is multiplied by m - i + 1, then raised to the largest before it, and cut at 1.
    """
    p, order = _checked(p_values)
    raised = p[order] * np.arange(len(order), 0, -1)
    return _back(p, order, np.minimum(np.maximum.accumulate(raised), 1.0))


def benjamini_hochberg(p_values: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's step-up rule (1995): of those below 0.05, 5 % are wrong on average.

    It holds for independent tests and for tests that depend positively on each other, as slices and pairs that share
    prompts do. The i-th smallest of m is multiplied by m / i, then lowered to the smallest after it.
    """
    p, order = _checked(p_values)
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    return _back(p, order, np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0))


def _checked(p_values: ArrayLike) -> tuple[FloatArray, np.ndarray]:
    """The p-values and the order of those that are defined, from the smallest."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p-values must be a list of numbers, got shape {p.shape}")
    outside = p[~np.isnan(p) & ~((p >= 0) & (p <= 1))]
    if outside.size:
        raise ValueError(f"a p-value must be between 0 and 1, got {outside[0]}")
    order = np.argsort(p, kind="stable")
    return p, order[: int(np.sum(~np.isnan(p)))]


def _back(p: FloatArray, order: np.ndarray, adjusted: FloatArray) -> FloatArray:
    placed = np.full(len(p), np.nan)
    placed[order] = adjusted
    return placed
