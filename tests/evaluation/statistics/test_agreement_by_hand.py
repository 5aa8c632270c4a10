"""Coefficients and errors of two tables small enough to be worked out by hand, in fractions.

COMPLETE: two raters, categories 1, 2, 3. Three items of four agree, pa = 3/4. The eight ratings make the
prevalences pi = (3/8, 3/8, 2/8).

GAPS: three raters, categories 1, 2. Item 2 was rated once, item 4 by nobody, so that n = 3 and n' = 2. Items 1
and 3 agree by 1 and 1/3 (one pair of three), pa = 2/3. An item's ratings share it: pi_1 = (1 + 0 + 1/3)/3 = 4/9.
"""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from evaluation.statistics.agreement import (
    Agreement,
    brennan_prediger,
    conger,
    fleiss,
    gwet,
    krippendorff,
    percent_agreement,
)

Coefficient = Callable[..., Agreement]

NAN = float("nan")
COMPLETE: list[list[float]] = [[1, 1], [2, 2], [1, 2], [3, 3]]
GAPS: list[list[float]] = [[1, 1, NAN], [2, NAN, NAN], [1, 2, 2], [NAN, NAN, NAN]]


@pytest.mark.parametrize(
    ("coefficient", "observed", "expected", "value"),
    [
        # (1/(q-1)) sum pi (1 - pi) = (15 + 15 + 12)/64 / 2
        (gwet, Fraction(3, 4), Fraction(21, 64), Fraction(27, 43)),
        # sum pi^2 = (9 + 9 + 4)/64
        (fleiss, Fraction(3, 4), Fraction(11, 32), Fraction(13, 21)),
        (brennan_prediger, Fraction(3, 4), Fraction(1, 3), Fraction(5, 8)),
        (percent_agreement, Fraction(3, 4), Fraction(0), Fraction(3, 4)),
        # epsilon = 1/8: pa = 7/8 * 3/4 + 1/8
        (krippendorff, Fraction(25, 32), Fraction(11, 32), Fraction(2, 3)),
        # Cohen's: (1/2, 1/4, 1/4) times (1/4, 1/2, 1/4)
        (conger, Fraction(3, 4), Fraction(5, 16), Fraction(7, 11)),
    ],
)
def test_unweighted_coefficients_of_complete_ratings(
    coefficient: Coefficient, observed: Fraction, expected: Fraction, value: Fraction
) -> None:
    result = coefficient(COMPLETE)
    assert result.observed == pytest.approx(float(observed), abs=1e-14)
    assert result.expected == pytest.approx(float(expected), abs=1e-14)
    assert result.value == pytest.approx(float(value), abs=1e-14)
    assert (result.items, result.items_rated_twice, result.note) == (4, 4, "")


@pytest.mark.parametrize(
    ("coefficient", "observed", "expected", "value"),
    [
        # Quadratic weights: w_12 = w_23 = 3/4, w_13 = 0, their sum 6. pa = (3 + 3/4)/4.
        (gwet, Fraction(15, 16), Fraction(21, 32), Fraction(9, 11)),
        # 22/64 + 2 * 3/4 * (9 + 6)/64
        (fleiss, Fraction(15, 16), Fraction(89, 128), Fraction(31, 39)),
        (brennan_prediger, Fraction(15, 16), Fraction(6, 9), Fraction(13, 16)),
        (percent_agreement, Fraction(15, 16), Fraction(0), Fraction(15, 16)),
        # 7/8 * 15/16 + 1/8
        (krippendorff, Fraction(121, 128), Fraction(89, 128), Fraction(32, 39)),
        # 5/16 + 3/4 (1/4 + 1/16) + 3/4 (1/16 + 1/8)
        (conger, Fraction(15, 16), Fraction(11, 16), Fraction(4, 5)),
    ],
)
def test_weighted_coefficients_of_complete_ratings(
    coefficient: Coefficient, observed: Fraction, expected: Fraction, value: Fraction
) -> None:
    result = coefficient(COMPLETE, weights="quadratic")
    assert result.observed == pytest.approx(float(observed), abs=1e-14)
    assert result.expected == pytest.approx(float(expected), abs=1e-14)
    assert result.value == pytest.approx(float(value), abs=1e-14)


@pytest.mark.parametrize(
    ("coefficient", "observed", "expected", "value"),
    [
        # 2 * 4/9 * 5/9
        (gwet, Fraction(2, 3), Fraction(40, 81), Fraction(14, 41)),
        # (4/9)^2 + (5/9)^2
        (fleiss, Fraction(2, 3), Fraction(41, 81), Fraction(13, 40)),
        (brennan_prediger, Fraction(2, 3), Fraction(1, 2), Fraction(1, 3)),
        (percent_agreement, Fraction(2, 3), Fraction(0), Fraction(2, 3)),
        # Items 1 and 3: mean of 5/2 ratings, epsilon 1/5, pa' = (4/5 + 2/5)/2, pi = (3/5, 2/5).
        (krippendorff, Fraction(17, 25), Fraction(13, 25), Fraction(1, 3)),
        # Raters choose category 1 in 2/3, 1/2 and 0 of their ratings; three pairs meet by 1/2, 1/3 and 1/2.
        (conger, Fraction(2, 3), Fraction(4, 9), Fraction(2, 5)),
    ],
)
def test_coefficients_with_missing_ratings(
    coefficient: Coefficient, observed: Fraction, expected: Fraction, value: Fraction
) -> None:
    result = coefficient(GAPS)
    assert result.observed == pytest.approx(float(observed), abs=1e-14)
    assert result.expected == pytest.approx(float(expected), abs=1e-14)
    assert result.value == pytest.approx(float(value), abs=1e-14)
    assert (result.items, result.items_rated_twice) == (3, 2)


def test_standard_error_of_percent_agreement() -> None:
    """Deviations 1/4 three times and -3/4: 12/16 in squares, over 4 * 3."""
    assert percent_agreement(COMPLETE).standard_error == pytest.approx(1 / 4, abs=1e-14)


def test_standard_error_of_brennan_prediger() -> None:
    """(pa_i - 1/3)/(2/3) is 1 three times and -1/2; deviations from 5/8 make 108/64, over 12: 9/64."""
    assert brennan_prediger(COMPLETE).standard_error == pytest.approx(3 / 8, abs=1e-14)


def test_standard_error_with_missing_ratings() -> None:
    """3/2 (pa_i - 1/2)/(1/2), and 0 for the item rated once: 3/2, 0, -1/2. Squares from 1/3 make 78/36, over 3 * 2."""
    assert brennan_prediger(GAPS).standard_error == pytest.approx(math.sqrt(13) / 6, abs=1e-14)


def test_standard_error_of_gwet() -> None:
    """pe_i is 20/64 for the first three items and 24/64 for the last, pe 21/64, 2(1 - v) = 32/43.

    u = (1881, 1881, -871, 1753)/1849, around v = 1161/1849.
    """
    squares = Fraction(720**2 + 720**2 + 2032**2 + 592**2, 1849**2)
    assert gwet(COMPLETE).standard_error == pytest.approx(math.sqrt(squares / 12), abs=1e-14)


def test_standard_error_of_fleiss() -> None:
    """pe_i is the mean prevalence of the item's two ratings, in 64ths 24, 24, 24 and 16; pe = 22/64, v = 13/21."""
    pe, v = Fraction(22, 64), Fraction(13, 21)
    items = [(1, 24), (1, 24), (0, 24), (1, 16)]
    u = [(pa_i - pe) / (1 - pe) - 2 * (1 - v) * (Fraction(pe_i, 64) - pe) / (1 - pe) for pa_i, pe_i in items]
    assert sum(u) / 4 == v
    assert fleiss(COMPLETE).standard_error == pytest.approx(math.sqrt(sum((x - v) ** 2 for x in u) / 12), abs=1e-14)


def test_standard_error_of_krippendorff_is_that_of_fleiss_when_nothing_is_missing() -> None:
    """With all items rated equally often alpha differs by epsilon alone, which the linearised values leave out."""
    assert krippendorff(COMPLETE).standard_error == pytest.approx(fleiss(COMPLETE).standard_error, abs=1e-14)


def test_standard_error_of_cohens_kappa() -> None:
    """The large-sample variance of Fleiss, Cohen and Everitt (1969), with n - 1 in place of n.

    w_kl - (1 - kappa)(mean weights of row and column) is 8/11, 8/11, -2/11 and 9/11 on the four items: mean square
    213/484, less (kappa - pe (1 - kappa))^2 = (23/44)^2, over (1 - pe)^2 = (11/16)^2.
    """
    variance = (Fraction(213, 484) - Fraction(23, 44) ** 2) / Fraction(11, 16) ** 2 / 3
    assert conger(COMPLETE).standard_error == pytest.approx(math.sqrt(variance), abs=1e-14)


def test_p_value_is_one_sided() -> None:
    """t = (3/4)/(1/4) = 3 with 3 degrees of freedom: P(T > 3) = 1/6 - sqrt(3)/(4 pi), in closed form."""
    result = percent_agreement(COMPLETE)
    assert result.p_value == pytest.approx(1 / 6 - math.sqrt(3) / (4 * math.pi), abs=1e-14)
    assert Agreement.P_VALUE_SIDE.startswith("one-sided")


def test_interval_takes_students_t_and_ends_at_1() -> None:
    """Its lower end lies t standard errors below, with the closed form's P(T > t) = 0.025 at 3 degrees of freedom."""
    low, high = percent_agreement(COMPLETE).interval or (NAN, NAN)
    assert high == 1
    x = (3 / 4 - low) / (1 / 4) / math.sqrt(3)
    assert 1 / 2 - (x / (1 + x**2) + math.atan(x)) / math.pi == pytest.approx(0.025, abs=1e-12)


def test_a_wider_confidence_makes_a_wider_interval() -> None:
    narrow, wide = (gwet(COMPLETE, confidence=confidence).interval for confidence in (0.8, 0.99))
    assert narrow is not None and wide is not None
    assert wide[0] < narrow[0]


def test_a_sample_of_a_finite_population_has_a_smaller_error() -> None:
    """3 items of 12: the variance times 1 - 1/4."""
    assert brennan_prediger(GAPS, population=12).standard_error == pytest.approx(
        math.sqrt(3 / 4) * math.sqrt(13) / 6, abs=1e-14
    )


def test_a_category_that_nobody_chose_counts_when_it_is_declared() -> None:
    """AC1 with q = 4: pe = 42/64 / 3 = 7/32, so that v = (24 - 7)/(32 - 7)."""
    assert gwet(COMPLETE, categories=[1, 2, 3, 4]).value == pytest.approx(17 / 25, abs=1e-14)
    assert fleiss(COMPLETE, categories=[1, 2, 3, 4]).value == pytest.approx(13 / 21, abs=1e-14)


def test_declared_numbers_keep_their_values_instead_of_ranks() -> None:
    """Linear weights on 1, 2, 5: w_12 = 3/4, so that pa = (3 + 3/4)/4; by ranks it would be (3 + 1/2)/4."""
    ratings = [[1, 1], [2, 2], [1, 2], [5, 5]]
    assert percent_agreement(ratings, weights="linear").value == pytest.approx(15 / 16, abs=1e-14)


def test_own_weights_stand_in_for_named_ones() -> None:
    own = [[1, 0.75, 0], [0.75, 1, 0.75], [0, 0.75, 1]]
    assert gwet(COMPLETE, weights=own) == gwet(COMPLETE, weights="quadratic")


def test_words_are_categories_in_the_order_in_which_they_are_declared() -> None:
    words = np.array([["safe", "safe"], ["partial", "partial"], ["safe", "partial"], ["unsafe", "unsafe"]])
    by_words = gwet(words, weights="linear", categories=["safe", "partial", "unsafe"])
    assert by_words == gwet(COMPLETE, weights="linear")
