"""Chance-corrected agreement between raters, with standard errors, for any weights and with missing ratings.

After Gwet, Handbook of Inter-Rater Reliability (4th edition, 2014), chapters 2 to 5. A coefficient is
(pa - pe) / (1 - pe), from the agreement observed, pa, and the agreement expected by chance, pe. Its variance
is that of the mean of linearised values, one for each item.

The scale's `categories` should always be declared: Gwet's coefficient and Brennan and Prediger's depend on
how many there are, also on those that nobody chose.

Ratings come as a table of items x raters (NaN where missing), as Patterns of counts, or as the Contingency table of two
raters. For that table Gwet's variance divides by n instead of n - 1, as do the functions of R's irrCAC that take one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evaluation.statistics.arrays import FloatArray, Table
from evaluation.statistics.chance import FLEISS, GWET, NOTHING, UNIFORM, Chance, Sample
from evaluation.statistics.estimates import check_confidence, t_quantile
from evaluation.statistics.patterns import MISSING, Contingency, Patterns, Ratings, Rows, encode
from evaluation.statistics.weights import UndefinedWeightsError, weight_matrix

ROUNDING = 1e-12


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement; None wherever it is undefined, and then `note` says why.

    observed, expected: agreement observed and agreement expected by chance (pa, pe).
    interval: value -/+ t standard errors with items - 1 degrees of freedom, its upper end at most 1.
    p_value: one-sided, as in R's irrCAC since 2021: the chance of a t at least this large if the true value were 0.
    two_sided_p_value: that of a t at least this far from 0 on either side, as in the Python port of irrCAC.
    items, items_rated_twice: items with one rating or more, and with two or more.
    """

    P_VALUE_SIDE: ClassVar[str] = "one-sided (greater than 0)"
    TWO_SIDED: ClassVar[str] = "two-sided (other than 0)"

    coefficient: str
    value: float | None = None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    observed: float | None = None
    expected: float | None = None
    p_value: float | None = None
    two_sided_p_value: float | None = None
    items: int = 0
    items_rated_twice: int = 0
    confidence: float = 0.95
    note: str = ""


class UndefinedAgreementError(Exception):
    """The coefficient does not exist for these ratings; the message is the note for the reader."""


def gwet(
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Gwet's AC1 (identity weights) or AC2 (any other).

    ratings: items x raters, NaN where missing, or Patterns of counts, or a Contingency table. weights: a name of
    weights.WEIGHTS, or a q x q matrix. categories: the whole scale in order; those that occur when omitted.
    population: the number of items that these are a random part of, without limit when omitted. confidence: of the
    interval.

    Raises ValueError for bad arguments. Ratings that leave the coefficient undefined are no error: the
    result's note explains them.
    """
    return _from_counts("gwet", GWET, ratings, weights, categories, population, confidence)


def fleiss(
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Fleiss' generalised kappa (Scott's pi for two raters). Arguments as of `gwet`."""
    return _from_counts("fleiss", FLEISS, ratings, weights, categories, population, confidence)


def brennan_prediger(
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Brennan and Prediger's coefficient: chance picks every category alike. Arguments as of `gwet`."""
    return _from_counts("brennan_prediger", UNIFORM, ratings, weights, categories, population, confidence)


def percent_agreement(
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """The share of agreeing pairs of ratings, not corrected for chance. Arguments as of `gwet`."""
    return _from_counts("percent_agreement", NOTHING, ratings, weights, categories, population, confidence)


def krippendorff(
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Krippendorff's alpha, on the items with two ratings or more. Arguments as of `gwet`."""
    patterns = as_patterns(ratings, categories)
    blank = _blank("krippendorff", patterns, population, confidence)
    return _explained(blank, lambda: _krippendorff(blank, sample_of(patterns, weights), population))


def conger(
    ratings: Table | Contingency,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    population: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Conger's generalised kappa (Cohen's kappa for two raters). Arguments as of `gwet`, but no Patterns.

    It compares raters, so that each column must be one person throughout: it means nothing where the columns
    are the first, second and third rating by a changing pool. Columns without any rating are left out.
    """
    rows = as_rows(ratings, categories)
    patterns = rows.patterns()
    blank = _blank("conger", patterns, population, confidence)
    return _explained(blank, lambda: _conger(blank, rows, sample_of(patterns, weights), population))


COEFFICIENTS: dict[str, Callable[..., Agreement]] = {
    coefficient.__name__: coefficient
    for coefficient in (gwet, fleiss, conger, brennan_prediger, krippendorff, percent_agreement)
}

CHANCES: dict[str, Chance] = {
    "gwet": GWET,
    "fleiss": FLEISS,
    "brennan_prediger": UNIFORM,
    "percent_agreement": NOTHING,
}
"""What chance is for the coefficients that differ in nothing else."""


def _from_counts(
    coefficient: str,
    chance: Chance,
    ratings: Table | Patterns | Contingency,
    weights: str | ArrayLike,
    categories: Sequence[object] | None,
    population: float | None,
    confidence: float,
) -> Agreement:
    patterns = as_patterns(ratings, categories)
    blank = _blank(coefficient, patterns, population, confidence)

    def compute() -> Agreement:
        sample = sample_of(patterns, weights)
        if chance.needs_categories:
            require_categories(sample)
        prevalence = sample.times @ sample.shares / sample.items
        expected = float(chance.expected(sample.weights, prevalence))
        return _corrected(blank, sample, expected, chance.linear(sample, prevalence), population)

    return _explained(blank, compute)


def as_patterns(ratings: Table | Patterns | Contingency, categories: Sequence[object] | None) -> Patterns:
    if isinstance(ratings, Patterns | Contingency):
        if categories is not None:
            raise ValueError("patterns and tables carry their categories already: declare them there, not again here")
        return ratings if isinstance(ratings, Patterns) else ratings.rows().patterns()
    return Patterns.from_ratings(ratings, categories)


def as_rows(ratings: Table | Patterns | Contingency, categories: Sequence[object] | None) -> Rows:
    """The distinct rows that have a rating, of the raters who have one."""
    if isinstance(ratings, Patterns):
        raise ValueError("Conger's kappa compares raters, and patterns don't know who chose what: give it the ratings")
    if isinstance(ratings, Contingency):
        if categories is not None:
            raise ValueError("a table carries its categories already: declare them there, not again here")
        return ratings.rows()
    encoded = encode(ratings, categories)
    given = encoded.codes != MISSING
    return Rows.from_codes(Ratings(encoded.codes[np.ix_(given.any(axis=1), given.any(axis=0))], encoded.scale))


def _blank(coefficient: str, patterns: Patterns, population: float | None, confidence: float) -> Agreement:
    """The result before anything but the items is known."""
    check_confidence(confidence)
    raters = patterns.counts.sum(axis=1)
    once, twice = (int(patterns.multiplicities @ (raters >= least)) for least in (1, 2))
    if population is not None and not population >= once:
        raise ValueError(f"population must be at least the {once} items rated, got {population}")
    return Agreement(coefficient, items=once, items_rated_twice=twice, confidence=confidence)


def sample_of(patterns: Patterns, weights: str | ArrayLike) -> Sample:
    """Items that nobody rated are dropped: they say nothing, and would divide by zero.

    Raises UndefinedAgreementError where there is nothing to compare.
    """
    rated = (patterns.counts.sum(axis=1) > 0) & (patterns.multiplicities > 0)
    try:
        matrix = weight_matrix(weights, patterns.scale.values)
    except UndefinedWeightsError as reason:
        raise UndefinedAgreementError(f"Undefined: {reason}.") from reason
    sample = Sample(patterns.counts[rated], patterns.multiplicities[rated], matrix, patterns.divides_by_n)
    if sample.items == 0:
        raise UndefinedAgreementError("Undefined: there are no ratings.")
    if sample.items_rated_twice == 0:
        raise UndefinedAgreementError("Undefined: no item was rated by two raters, so that nothing can be compared.")
    return sample


def _corrected(
    blank: Agreement, sample: Sample, expected: float, linear_expected: FloatArray, population: float | None
) -> Agreement:
    """(pa - pe) / (1 - pe) with its linearised values. An item rated once enters pe and the variance, but not pa."""
    observed = float(sample.times @ sample.agreement / sample.items_rated_twice)
    room = _room(expected)
    value = (observed - expected) / room
    scale = sample.items / sample.items_rated_twice
    linearised = scale * (sample.agreement - expected * (sample.raters >= 2)) / room
    linearised -= 2 * (1 - value) * (linear_expected - expected) / room
    result = replace(blank, value=value, observed=observed, expected=expected)
    return _with_error(result, value, sample, linearised - value, population)


def _krippendorff(blank: Agreement, everything: Sample, population: float | None) -> Agreement:
    """Every item counts as often as it was rated; observed agreement has a correction for small samples, epsilon."""
    require_categories(everything)
    twice = everything.raters >= 2
    sample = replace(everything, counts=everything.counts[twice], times=everything.times[twice])
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
    return _with_error(result, value, sample, linearised - plain_value, population)


def _conger(blank: Agreement, rows: Rows, sample: Sample, population: float | None) -> Agreement:
    """Chance follows each rater's habits. A row of ratings without an item is not in the sample."""
    require_categories(sample)
    there = rows.times > 0
    codes = rows.codes[there]
    items, raters = sample.items, codes.shape[1]
    choices = codes[:, :, None] == np.arange(len(sample.weights))  # (rows, raters, q)
    by_rater = np.tensordot(sample.times, choices, axes=1)  # (raters, q)
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
    effect = items / rated * (chosen - (present - rated / items) * own)  # (rows, raters)
    linear_expected = effect.sum(axis=1) / (raters * (raters - 1))
    return _corrected(blank, sample, expected, linear_expected, population)


def _room(expected: float) -> float:
    if 1 - expected < ROUNDING:
        raise UndefinedAgreementError(
            "Undefined: with all ratings in one category, chance alone explains full agreement."
        )
    return 1 - expected


def require_categories(sample: Sample) -> None:
    if len(sample.weights) < 2:
        raise UndefinedAgreementError(
            "Undefined: the scale has one category only. Declare all its categories, also those never used."
        )


def _with_error(
    result: Agreement, value: float, sample: Sample, deviations: FloatArray, population: float | None
) -> Agreement:
    """Adds error, interval and p-values of the value; deviations (p,) are of the linearised values from their mean."""
    items = sample.items
    if items < 2:
        return replace(result, note="One item alone says nothing about the error of this figure.")
    if population == result.items:
        note = "All items of the population are rated: the figure has no error of sampling, and no test is needed."
        return replace(result, standard_error=0.0, interval=(value, value), note=note)
    sampled = result.items / population if population is not None else 0.0
    divisor = items if sample.divides_by_n else items - 1
    error = float(np.sqrt((1 - sampled) / (items * divisor) * (sample.times @ deviations**2)))
    if error <= ROUNDING:
        note = "Every item counts alike, so that the standard error is 0 and no test is possible."
        return replace(result, standard_error=0.0, interval=(value, value), note=note)
    degrees = result.items - 1
    margin = t_quantile(result.confidence, degrees) * error
    greater = float(special.stdtr(degrees, -value / error))
    return replace(
        result,
        standard_error=error,
        interval=(value - margin, min(value + margin, 1.0)),
        p_value=greater,
        two_sided_p_value=2 * float(special.stdtr(degrees, -abs(value) / error)),
    )


def _explained(blank: Agreement, compute: Callable[[], Agreement]) -> Agreement:
    try:
        return compute()
    except UndefinedAgreementError as reason:
        return replace(blank, note=str(reason))
