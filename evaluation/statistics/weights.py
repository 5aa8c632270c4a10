"""Weights of partial agreement between ordered categories.

A weight w_kl says how far two raters agree when one chooses category k and the other l: 1 on the diagonal,
less the farther apart they are. After Gwet, Handbook of Inter-Rater Reliability (4th edition, 2014), chapter 3.
Each rule takes the categories' numeric values x (q,), increasing, and returns the weights (q, q).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.arrays import FloatArray


class UndefinedWeightsError(ValueError):
    """These weights have no meaning on this scale (ratio weights on a scale with a zero)."""


def weight_matrix(weights: str | ArrayLike, values: FloatArray) -> FloatArray:
    """The q x q weights for categories with increasing numeric `values` (q,), by name or from an own matrix.

    An own matrix has its rows and columns in the order of the categories, ones on the diagonal and weights
    from 0 to 1. Two raters have no order among themselves, so that only its symmetric part counts: that is
    what is returned. Raises UndefinedWeightsError when the named weights do not exist on this scale,
    ValueError for anything else.
    """
    if isinstance(weights, str):
        if weights not in WEIGHTS:
            raise ValueError(f"weights must be a matrix or one of {', '.join(WEIGHTS)}, got {weights!r}")
        return WEIGHTS[weights](values) if len(values) > 1 else np.ones((len(values), len(values)))
    return _own_matrix(weights, len(values))


def _own_matrix(weights: ArrayLike, q: int) -> FloatArray:
    matrix = np.asarray(weights, dtype=np.float64)
    if matrix.shape != (q, q):
        raise ValueError(f"weights for {q} categories must be a {q} x {q} matrix, got shape {matrix.shape}")
    if not np.all((matrix >= 0) & (matrix <= 1)):
        raise ValueError(f"weights must be between 0 and 1, got {matrix.min()} to {matrix.max()}")
    if not np.allclose(np.diag(matrix), 1):
        raise ValueError(f"weights of a category with itself must be 1, got {np.diag(matrix).tolist()}")
    return (matrix + matrix.T) / 2


def identity(x: FloatArray) -> FloatArray:
    return np.eye(len(x))


def quadratic(x: FloatArray) -> FloatArray:
    return 1 - (_distance(x) / np.ptp(x)) ** 2


def linear(x: FloatArray) -> FloatArray:
    return 1 - _distance(x) / np.ptp(x)


def radical(x: FloatArray) -> FloatArray:
    return 1 - np.sqrt(_distance(x) / np.ptp(x))


def ratio(x: FloatArray) -> FloatArray:
    """Needs a scale above zero: only there does "twice as much" mean anything."""
    if x[0] <= 0:
        raise UndefinedWeightsError(f"ratio weights need categories above zero, and the lowest is {x[0]:g}")
    return 1 - (_distance(x) / _sum(x) / (np.ptp(x) / (x[0] + x[-1]))) ** 2


def circular(x: FloatArray) -> FloatArray:
    """For scales that close on themselves (directions, hours): the last category is a neighbour of the first."""
    return _one_minus_relative(np.sin(np.pi * _distance(x) / (np.ptp(x) + 1)) ** 2)


def bipolar(x: FloatArray) -> FloatArray:
    """A given distance weighs more near the ends of the scale than across its middle."""
    span = (_sum(x) - 2 * x[0]) * (2 * x[-1] - _sum(x))
    # The span is zero only on the diagonal, at the scale's two ends, where the distance is zero too.
    return _one_minus_relative(_distance(x) ** 2 / np.where(_distance(x) > 0, span, 1))


def ordinal(x: FloatArray) -> FloatArray:
    """By ranks alone: the number of pairs of categories between k and l, both included."""
    steps = _distance(np.arange(len(x), dtype=np.float64)) + 1
    return _one_minus_relative(steps * (steps - 1) / 2)


WEIGHTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    rule.__name__: rule for rule in (identity, linear, quadratic, ordinal, radical, ratio, circular, bipolar)
}


def _distance(x: FloatArray) -> FloatArray:
    return np.abs(x[:, None] - x)


def _sum(x: FloatArray) -> FloatArray:
    return x[:, None] + x


def _one_minus_relative(disagreement: FloatArray) -> FloatArray:
    return 1 - disagreement / disagreement.max()
