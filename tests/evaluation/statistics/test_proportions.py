"""Wilson's interval: the proportions that a score test would not reject."""

import pytest

from evaluation.statistics.estimates import normal_quantile
from evaluation.statistics.proportions import wilson

Z2 = normal_quantile(0.95) ** 2


def test_both_ends_are_one_quantile_of_their_own_error_away() -> None:
    """The definition: (p - bound)^2 = z^2 bound (1 - bound)/n at either end."""
    result = wilson(7, 20)
    assert result.value == 7 / 20 and result.interval is not None
    for bound in result.interval:
        assert (7 / 20 - bound) ** 2 == pytest.approx(Z2 * bound * (1 - bound) / 20, abs=1e-14)


def test_none_of_n_still_leaves_room_above() -> None:
    """0 of 10: p = 0 in the definition leaves bound = z^2/(n + z^2)."""
    result = wilson(0, 10)
    assert result.interval == pytest.approx((0, Z2 / (10 + Z2)), abs=1e-14)


def test_all_of_n_mirrors_none_of_n() -> None:
    assert wilson(10, 10).interval == pytest.approx((10 / (10 + Z2), 1), abs=1e-14)


def test_nothing_counted_is_said_in_words() -> None:
    result = wilson(0, 0)
    assert (result.value, result.standard_error, result.interval) == (None, None, None)
    assert result.note == "Nothing was counted yet."


@pytest.mark.parametrize("successes", [-1, 11, float("nan")])
def test_successes_are_between_none_and_all(successes: float) -> None:
    with pytest.raises(ValueError, match="successes must be between 0 and the 10 trials"):
        wilson(successes, 10)


def test_confidence_is_a_part_of_1() -> None:
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        wilson(1, 2, confidence=1)
