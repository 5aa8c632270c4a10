"""What chance agreement is, by coefficient: the part in which Gwet's, Fleiss' and the other coefficients differ.

Each has the agreement expected by chance, pe, from the categories' prevalence, and its linearised value pe_i for each
pattern, which enters the variance. After Gwet, Handbook of Inter-Rater Reliability (4th edition, 2014), chapter 2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluation.statistics.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Sample:
    """What every coefficient starts from: p patterns over q categories, each rated at least once."""

    counts: FloatArray  # (p, q)
    times: FloatArray  # (p,) items with each pattern
    weights: FloatArray  # (q, q), symmetric
    divides_by_n: bool = False  # the variance, by n instead of n - 1

    @cached_property
    def raters(self) -> FloatArray:
        """Ratings of an item, (p,)."""
        return self.counts.sum(axis=1)

    @cached_property
    def agreeing(self) -> FloatArray:
        """The weights between an item's ratings, summed over ordered pairs of its raters, (p,)."""
        return np.sum(self.counts * (self.counts @ self.weights - 1), axis=1)

    @cached_property
    def agreement(self) -> FloatArray:
        """The mean weight between two of an item's ratings, (p,); 0 for an item rated once."""
        return self.agreeing / np.maximum(self.raters * (self.raters - 1), 1)

    @cached_property
    def shares(self) -> FloatArray:
        """An item's ratings by category, as parts of 1, (p, q)."""
        return self.counts / self.raters[:, None]

    @cached_property
    def items(self) -> int:
        return int(self.times.sum())

    @cached_property
    def items_rated_twice(self) -> int:
        return int(self.times @ (self.raters >= 2))


@dataclass(frozen=True)
class Chance:
    """expected: pe (...,) from weights (q, q) and prevalence (..., q). linear: pe_i (p,) of a sample with its (q,)."""

    expected: Callable[[FloatArray, FloatArray], FloatArray]
    linear: Callable[[Sample, FloatArray], FloatArray]
    needs_categories: bool = True


def _gwet_factor(weights: FloatArray) -> float:
    q = len(weights)
    return float(weights.sum() / (q * (q - 1)))


GWET = Chance(
    expected=lambda weights, prevalence: _gwet_factor(weights) * np.sum(prevalence * (1 - prevalence), axis=-1),
    linear=lambda sample, prevalence: _gwet_factor(sample.weights) * (sample.shares @ (1 - prevalence)),
)
FLEISS = Chance(
    expected=lambda weights, prevalence: np.sum(prevalence * (prevalence @ weights), axis=-1),
    linear=lambda sample, prevalence: sample.shares @ (sample.weights @ prevalence),
)
UNIFORM = Chance(
    expected=lambda weights, prevalence: np.full(prevalence.shape[:-1], weights.mean()),
    linear=lambda sample, prevalence: np.full(len(sample.times), sample.weights.mean()),
)
NOTHING = Chance(
    expected=lambda weights, prevalence: np.zeros(prevalence.shape[:-1]),
    linear=lambda sample, prevalence: np.zeros(len(sample.times)),
    needs_categories=False,
)
