"""Poisson rates, against the published table of exact limits (Garwood, 1936: 95 % limits of counts 0, 1, 10)."""

import math

import pytest

from evaluation.statistics.rates import poisson_rate


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (2, 0.2422, 7.225), (10, 4.795, 18.390)]
)
def test_the_limits_are_those_of_the_table(events: int, low: float, high: float) -> None:
    estimate = poisson_rate(events, 1.0)
    assert estimate.value == events
    assert estimate.interval is not None
    assert estimate.interval == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))


def test_without_an_event_the_upper_limit_follows_by_hand() -> None:
    """P(no event) = exp(-mu) = 0.025 gives mu = -ln 0.025 = 3.6889."""
    interval = poisson_rate(0, 2.0).interval
    assert interval == (0.0, pytest.approx(-math.log(0.025) / 2))


def test_a_rate_is_per_unit_of_exposure() -> None:
    estimate = poisson_rate(9, 5.0)  # the paper's 1.8 violating prompts per person and hour
    assert estimate.value == pytest.approx(1.8)
    assert estimate.standard_error == pytest.approx(0.6)  # sqrt(9) / 5


def test_no_exposure_is_no_rate() -> None:
    assert poisson_rate(0, 0.0).value is None


@pytest.mark.parametrize(("events", "exposure"), [(-1, 1.0), (1, -1.0), (1, math.nan), (1, math.inf)])
def test_bad_input_is_named(events: int, exposure: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        poisson_rate(events, exposure)
