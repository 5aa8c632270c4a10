"""Ratings from which no agreement can be computed are explained in words: never NaN, never an exception."""

from collections.abc import Callable

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
from evaluation.statistics.patterns import Patterns

Coefficient = Callable[..., Agreement]

NAN = float("nan")
CORRECTED = [gwet, fleiss, brennan_prediger, krippendorff, conger]
ALL = [*CORRECTED, percent_agreement]


def assert_undefined(result: Agreement, reason: str) -> None:
    assert (result.value, result.standard_error, result.interval, result.p_value) == (None, None, None, None)
    assert reason in result.note


@pytest.mark.parametrize("coefficient", ALL)
def test_no_ratings_at_all(coefficient: Coefficient) -> None:
    assert_undefined(coefficient([[NAN, NAN]], categories=[1, 2]), "no ratings")
    assert_undefined(coefficient([[NAN, NAN]]), "no ratings")
    assert_undefined(coefficient([]), "no ratings")


@pytest.mark.parametrize("coefficient", ALL)
def test_one_rater(coefficient: Coefficient) -> None:
    assert_undefined(coefficient([[1], [2], [1]]), "no item was rated by two raters")


@pytest.mark.parametrize("coefficient", ALL)
def test_raters_without_a_common_item(coefficient: Coefficient) -> None:
    assert_undefined(coefficient([[1, NAN], [NAN, 2]]), "no item was rated by two raters")


@pytest.mark.parametrize("coefficient", CORRECTED)
def test_a_scale_of_one_category(coefficient: Coefficient) -> None:
    assert_undefined(coefficient([[1, 1], [1, 1]]), "one category only")


def test_percent_agreement_needs_no_second_category() -> None:
    assert percent_agreement([[1, 1], [1, 1]]).value == 1


@pytest.mark.parametrize("coefficient", [fleiss, krippendorff, conger])
def test_agreement_that_chance_explains_in_full(coefficient: Coefficient) -> None:
    assert_undefined(coefficient([[1, 1], [1, 1]], categories=[1, 2]), "chance alone")


def test_gwet_calls_the_same_ratings_full_agreement() -> None:
    """The reason for which the coefficient was made: pi = (1, 0) leaves nothing to chance, pe = 0."""
    assert gwet([[1, 1], [1, 1]], categories=[1, 2]).value == 1


def test_the_items_are_counted_all_the_same() -> None:
    undefined = fleiss([[1, 1], [1, 1], [1, NAN], [NAN, NAN]], categories=[1, 2])
    assert (undefined.value, undefined.items, undefined.items_rated_twice) == (None, 3, 2)


@pytest.mark.parametrize("coefficient", ALL)
def test_ratio_weights_on_a_scale_with_a_zero(coefficient: Coefficient) -> None:
    assert_undefined(coefficient([[0, 1], [1, 1]], weights="ratio"), "ratio weights need categories above zero")


@pytest.mark.parametrize("coefficient", ALL)
def test_one_item_has_a_value_but_no_error(coefficient: Coefficient) -> None:
    result = coefficient([[1, 2]])
    assert result.value is not None
    assert (result.standard_error, result.interval, result.p_value) == (None, None, None)
    assert "One item alone" in result.note


def test_full_agreement_has_no_p_value() -> None:
    result = gwet([[1, 1], [2, 2]])
    assert (result.value, result.standard_error, result.p_value) == (1, 0, None)
    assert "no test is possible" in result.note


def test_patterns_that_no_item_has() -> None:
    assert_undefined(gwet(Patterns.from_counts([[2, 0]], [0])), "no ratings")
    assert_undefined(gwet(Patterns.from_counts([], [], categories=[1, 2])), "no ratings")
