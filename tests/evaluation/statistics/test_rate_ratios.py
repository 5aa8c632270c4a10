"""The ratio of two Poisson rates with its exact conditional interval, by hand."""

import pytest

from evaluation.statistics.exact_proportions import clopper_pearson
from evaluation.statistics.rates import rate_ratio


def test_the_ratio_and_its_limits_by_hand() -> None:
    """The paper's 1.8 and 0.45 violating prompts per person-hour, as 18 in 10 hours against 9 in 20: ratio 4. Of 27
    events 18 are the first's; a share theta of them says R = theta / (1 - theta) * 20 / 10."""
    found = rate_ratio(18, 10, 9, 20)
    assert found.value == pytest.approx(4.0)
    low, high = clopper_pearson(18, 27).interval or (0, 0)
    assert found.low == pytest.approx(2 * low / (1 - low))
    assert found.high == pytest.approx(2 * high / (1 - high))


def test_the_p_value_by_hand() -> None:
    """3 events against 0 in equal time: 2 * (1/2)^3 = 0.25."""
    found = rate_ratio(3, 1, 0, 1)
    assert found.p_value == pytest.approx(0.25)
    assert (found.value, found.high) == (None, None)
    assert found.low == pytest.approx(0.41, abs=0.005)  # (0.025)^(1/3) = 0.2924 of the events, odds 0.4132
    assert "lower bound alone" in found.note


def test_equal_rates_differ_by_nothing() -> None:
    found = rate_ratio(5, 2, 10, 4)
    assert found.value == pytest.approx(1.0)
    assert found.low is not None and found.high is not None
    assert found.low < 1 < found.high
    assert found.p_value == 1.0


def test_turned_around_it_is_the_inverse() -> None:
    one, other = rate_ratio(18, 10, 9, 20), rate_ratio(9, 20, 18, 10)
    assert other.value == pytest.approx(1 / 4)
    assert one.low is not None and other.high is not None
    assert other.high == pytest.approx(1 / one.low)
    assert one.p_value == pytest.approx(other.p_value)


def test_without_events_or_time_there_is_no_ratio() -> None:
    assert "Neither" in rate_ratio(0, 5, 0, 5).note
    assert "no time" in rate_ratio(3, 5, 0, 0).note
    zero = rate_ratio(0, 5, 4, 5)
    assert (zero.value, zero.low) == (0.0, 0.0)
    assert zero.high is not None


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="events must be 0 or more, got -1"):
        rate_ratio(1, 1, -1, 1)
