"""Chance-corrected agreement between raters, with standard errors, for any weights and with missing ratings.

After Gwet, Handbook of Inter-Rater Reliability (4th edition, 2014), chapters 2 to 5. A coefficient is
(pa - pe) / (1 - pe), from the agreement observed, pa, and the agreement expected by chance, pe. Its variance
is that of the mean of linearised values, one for each item.

The scale's `categories` should always be declared: Gwet's coefficient and Brennan and Prediger's depend on
how many there are, also on those that nobody chose.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from evaluation.statistics.arrays import FloatArray, IntArray, Table
from evaluation.statistics.estimates import check_confidence, t_quantile
from evaluation.statistics.patterns import MISSING, Patterns, encode
from evaluation.statistics.weights import UndefinedWeightsError, weight_matrix

ROUNDING = 1e-12


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement; None wherever it is undefined, and then `note` says why.

    observed, expected: agreement observed and agreement expected by chance (pa, pe).
    interval: value -/+ t standard errors with items - 1 degrees of freedom, its upper end at most 1.
    p_value: one-sided, as in R's irrCAC since 2021: the chance of a t at least this large if the true value were 0.
    items, items_rated_twice: items with one rating or more, and with two or more.
    """

    P_VALUE_SIDE: ClassVar[str] = "one-sided (greater than 0)"

    coefficient: str
    value: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    observed: float | None = None
    expected: float | None = None
    p_value: float | None = None
    items: int = 0
    items_rated_twice: int = 0
    confidence: float = 0.95
    note: str = ""


class UndefinedAgreementError(Exception):
    """The coefficient does not exist for these ratings; the message is the note for the reader."""


def gwet(
    ratings: Table | Patterns,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Gwet's AC1 (identity weights) or AC2 (any other).

    ratings: items x raters, NaN where missing, or Patterns of counts. weights: a name of weights.WEIGHTS, or
    a q x q matrix. categories: the whole scale in order; those that occur when omitted. population: the number
    of items that these are a random part of, without limit when omitted. confidence: of the interval.

    Raises ValueError for bad arguments. Ratings that leave the coefficient undefined are no error: the
    result's note explains them.
    """
    return _from_counts("gwet", _gwet_chance, ratings, weights, categories, population, confidence)


def fleiss(
    ratings: Table | Patterns,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Fleiss' generalised kappa (Scott's pi for two raters). Arguments as of `gwet`."""
    return _from_counts("fleiss", _fleiss_chance, ratings, weights, categories, population, confidence)


def brennan_prediger(
    ratings: Table | Patterns,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Brennan and Prediger's coefficient: chance picks every category alike. Arguments as of `gwet`."""
    return _from_counts("brennan_prediger", _uniform_chance, ratings, weights, categories, population, confidence)


def percent_agreement(
    ratings: Table | Patterns,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """The share of agreeing pairs of ratings, not corrected for chance. Arguments as of `gwet`."""
    return _from_counts("percent_agreement", _no_chance, ratings, weights, categories, population, confidence)


def krippendorff(
    ratings: Table | Patterns,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Krippendorff's alpha, on the items with two ratings or more. Arguments as of `gwet`."""
    patterns = _patterns(ratings, categories)
    blank = _blank("krippendorff", patterns, population, confidence)
    return _explained(blank, lambda: _krippendorff(blank, _sample(patterns, weights), population))


def conger(
    ratings: Table,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Conger's generalised kappa (Cohen's kappa for two raters). Arguments as of `gwet`, but no Patterns.

    It compares raters, so that each column must be one person throughout: it means nothing where the columns
    are the first, second and third rating by a changing pool. Columns without any rating are left out.
    """
    encoded = encode(ratings, categories)
    given = encoded.codes != MISSING
    codes = encoded.codes[np.ix_(given.any(axis=1), given.any(axis=0))]
    choices = codes[:, :, None] == np.arange(len(encoded.scale.values))  # (items, raters, q)
    patterns = Patterns(choices.sum(axis=1).astype(np.float64), np.ones(len(codes)), encoded.scale)
    blank = _blank("conger", patterns, population, confidence)
    return _explained(blank, lambda: _conger(blank, codes, choices, _sample(patterns, weights), population))


@dataclass(frozen=True, eq=False)
class _Sample:
    """What every coefficient starts from: p patterns over q categories, each rated at least once."""

    counts: FloatArray  # (p, q)
    times: FloatArray  # (p,) items with each pattern
    weights: FloatArray  # (q, q), symmetric

    @cached_property
    def raters(self) -> FloatArray:
        """Ratings of an item, (p,)."""
        return self.counts.sum(axis=1)

    @cached_property
    def agreeing(self) -> FloatArray:
        """The weights between an item's ratings, summed over ordered pairs of its raters, (p,)."""
        return np.sum(self.counts * (self.counts @ self.weights - 1), axis=1)

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


# The agreement expected by chance, pe, and its linearised value for each pattern, pe_i.
_Chance = Callable[[_Sample, FloatArray], tuple[float, FloatArray]]


def _gwet_chance(sample: _Sample, prevalence: FloatArray) -> tuple[float, FloatArray]:
    q = len(prevalence)
    factor = sample.weights.sum() / (q * (q - 1))
    return float(factor * prevalence @ (1 - prevalence)), factor * (sample.shares @ (1 - prevalence))


def _fleiss_chance(sample: _Sample, prevalence: FloatArray) -> tuple[float, FloatArray]:
    towards = sample.weights @ prevalence
    return float(prevalence @ towards), sample.shares @ towards


def _uniform_chance(sample: _Sample, prevalence: FloatArray) -> tuple[float, FloatArray]:
    expected = float(sample.weights.mean())
    return expected, np.full(len(sample.times), expected)


def _no_chance(sample: _Sample, prevalence: FloatArray) -> tuple[float, FloatArray]:
    return 0.0, np.zeros(len(sample.times))


def _from_counts(
    coefficient: str,
    chance: _Chance,
    ratings: Table | Patterns,
    weights: str | ArrayLike,
    categories: Sequence[object] | None,
    population: float | None,
    confidence: float,
) -> Agreement:
    patterns = _patterns(ratings, categories)
    blank = _blank(coefficient, patterns, population, confidence)

    def compute() -> Agreement:
        sample = _sample(patterns, weights)
        if chance is not _no_chance:
            _require_categories(sample)
        expected, linear_expected = chance(sample, sample.times @ sample.shares / sample.items)
        return _corrected(blank, sample, expected, linear_expected, population)

    return _explained(blank, compute)


def _patterns(ratings: Table | Patterns, categories: Sequence[object] | None) -> Patterns:
    if not isinstance(ratings, Patterns):
        return Patterns.from_ratings(ratings, categories)
    if categories is not None:
        raise ValueError("patterns carry their categories already: declare them there, not again here")
    return ratings


def _blank(coefficient: str, patterns: Patterns, population: float | None, confidence: float) -> Agreement:
    """The result before anything but the items is known."""
    check_confidence(confidence)
    raters = patterns.counts.sum(axis=1)
    once, twice = (int(patterns.multiplicities @ (raters >= least)) for least in (1, 2))
    if population is not None and not population >= once:
        raise ValueError(f"population must be at least the {once} items rated, got {population}")
    return Agreement(coefficient, items=once, items_rated_twice=twice, confidence=confidence)


def _sample(patterns: Patterns, weights: str | ArrayLike) -> _Sample:
    """Items that nobody rated are dropped: they say nothing, and would divide by zero."""
    rated = (patterns.counts.sum(axis=1) > 0) & (patterns.multiplicities > 0)
    try:
        matrix = weight_matrix(weights, patterns.scale.values)
    except UndefinedWeightsError as reason:
        raise UndefinedAgreementError(f"Undefined: {reason}.") from reason
    sample = _Sample(patterns.counts[rated], patterns.multiplicities[rated], matrix)
    if sample.items == 0:
        raise UndefinedAgreementError("Undefined: there are no ratings.")
    if sample.items_rated_twice == 0:
        raise UndefinedAgreementError("Undefined: no item was rated by two raters, so that nothing can be compared.")
    return sample


def _corrected(
    blank: Agreement, sample: _Sample, expected: float, linear_expected: FloatArray, population: float | None
) -> Agreement:
    """(pa - pe) / (1 - pe) with its linearised values. An item rated once enters pe and the variance, but not pa."""
    agreement = sample.agreeing / np.maximum(sample.raters * (sample.raters - 1), 1)
    observed = float(sample.times @ agreement / sample.items_rated_twice)
    room = _room(expected)
    value = (observed - expected) / room
    scale = sample.items / sample.items_rated_twice
    linearised = scale * (agreement - expected * (sample.raters >= 2)) / room
    linearised -= 2 * (1 - value) * (linear_expected - expected) / room
    result = replace(blank, value=value, observed=observed, expected=expected)
    return _with_error(result, value, sample.times, linearised - value, population)


def _krippendorff(blank: Agreement, everything: _Sample, population: float | None) -> Agreement:
    """Every item counts as often as it was rated; observed agreement has a correction for small samples, epsilon."""
    _require_categories(everything)
    twice = everything.raters >= 2
    sample = _Sample(everything.counts[twice], everything.times[twice], everything.weights)
    mean_raters = float(sample.times @ sample.raters / sample.items)
    epsilon = 1 / float(sample.times @ sample.raters)
    shares = sample.counts / mean_raters
    prevalence = sample.times @ shares / sample.items
    towards = sample.weights @ prevalence
    expected = float(prevalence @ towards)
    room = _room(expected)
    agreement = sample.agreeing / (mean_raters * (sample.raters - 1))
    plain = float(sample.times @ agreement / sample.items)
    observed = (1 - epsilon) * plain + epsilon

    plain_value = (plain - expected) / room
    excess = sample.raters / mean_raters - 1
    linear_observed = agreement - plain * excess
    linear_expected = shares @ towards - expected * excess
    linearised = (linear_observed - expected) / room - 2 * (1 - plain_value) * (linear_expected - expected) / room
    value = (observed - expected) / room
    result = replace(blank, value=value, observed=observed, expected=expected)
    return _with_error(result, value, sample.times, linearised - plain_value, population)


def _conger(
    blank: Agreement, codes: IntArray, choices: NDArray[np.bool_], sample: _Sample, population: float | None
) -> Agreement:
    """codes (items, raters) and choices (items, raters, q) are the same ratings; chance follows each rater's habits."""
    _require_categories(sample)
    items, raters = codes.shape
    by_rater = choices.sum(axis=0)  # (raters, q)
    rated = by_rater.sum(axis=1)
    shares = by_rater / rated[:, None]
    mean_share = shares.mean(axis=0)
    covariance = np.atleast_2d(np.cov(shares, rowvar=False))
    expected = float(np.sum(sample.weights * (np.outer(mean_share, mean_share) - covariance / raters)))

    # How each rater's choice of a category moves pe: through what the other raters choose.
    others = (raters * mean_share - shares) @ sample.weights  # (raters, q)
    own = np.sum(others * shares, axis=1)
    present = codes != MISSING
    chosen = np.where(present, others[np.arange(raters), codes], 0)
    effect = items / rated * (chosen - (present - rated / items) * own)  # (items, raters)
    linear_expected = effect.sum(axis=1) / (raters * (raters - 1))
    return _corrected(blank, sample, expected, linear_expected, population)


def _room(expected: float) -> float:
    if 1 - expected < ROUNDING:
        raise UndefinedAgreementError(
            "Undefined: with all ratings in one category, chance alone explains full agreement."
        )
    return 1 - expected


def _require_categories(sample: _Sample) -> None:
    if len(sample.weights) < 2:
        raise UndefinedAgreementError(
            "Undefined: the scale has one category only. Declare all its categories, also those never used."
        )


def _with_error(
    result: Agreement, value: float, times: FloatArray, deviations: FloatArray, population: float | None
) -> Agreement:
    """Adds error, interval and p-value of the value; deviations (p,) are of the linearised values from their mean."""
    items = float(times.sum())
    if items < 2:
        return replace(result, note="One item alone says nothing about the error of this figure.")
    sampled = result.items / population if population is not None else 0.0
    error = float(np.sqrt((1 - sampled) / (items * (items - 1)) * (times @ deviations**2)))
    if error <= ROUNDING:
        note = "Every item counts alike, so that the standard error is 0 and no test is possible."
        return replace(result, standard_error=0.0, interval=(value, value), note=note)
    degrees = result.items - 1
    margin = t_quantile(result.confidence, degrees) * error
    return replace(
        result,
        standard_error=error,
        interval=(value - margin, min(value + margin, 1.0)),
        p_value=float(special.stdtr(degrees, -value / error)),
    )


def _explained(blank: Agreement, compute: Callable[[], Agreement]) -> Agreement:
    try:
        return compute()
    except UndefinedAgreementError as reason:
        return replace(blank, note=str(reason))
