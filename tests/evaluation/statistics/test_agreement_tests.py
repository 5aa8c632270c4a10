"""p-values by their side, and what a finite population does to them."""

import math

import pytest

from evaluation.statistics.agreement import Agreement, brennan_prediger, gwet, percent_agreement

FOUR: list[list[float]] = [[1, 1], [2, 2], [1, 2], [3, 3]]


def test_the_two_sided_p_value_is_twice_the_smaller_tail() -> None:
    """t = 3 with 3 degrees of freedom: 2 P(T > 3) = 1/3 - sqrt(3)/(2 pi)."""
    found = percent_agreement(FOUR)
    assert found.two_sided_p_value == pytest.approx(1 / 3 - math.sqrt(3) / (2 * math.pi), abs=1e-14)


def test_agreement_below_chance_is_likely_one_sided_and_unlikely_two_sided() -> None:
    """One agreement of four on two categories: -1/2 with error 1/2, t = -1, 3 degrees: P(T < -1) in closed form."""
    found = brennan_prediger([[1, 2], [2, 1], [1, 2], [1, 1]])
    assert (found.value, found.standard_error) == (pytest.approx(-1 / 2), pytest.approx(1 / 2))
    tail = 1 / 3 - math.sqrt(3) / (4 * math.pi)
    assert found.p_value == pytest.approx(1 - tail, abs=1e-14)
    assert found.two_sided_p_value == pytest.approx(2 * tail, abs=1e-14)


def test_each_side_has_a_name() -> None:
    assert Agreement.P_VALUE_SIDE == "one-sided (greater than 0)"
    assert Agreement.TWO_SIDED == "two-sided (other than 0)"


def test_a_population_rated_in_full_leaves_no_error() -> None:
    found = gwet(FOUR, population=4)
    assert found.value is not None
    assert (found.standard_error, found.interval, found.p_value) == (0.0, (found.value, found.value), None)
    assert "All items of the population are rated" in found.note
