"""Logistic regression against values that follow from counts."""

import math

import numpy as np
import pytest

from evaluation.statistics.logistic import UndefinedFitError, logistic_regression


def test_two_groups_give_their_own_log_odds() -> None:
    """8 of 10 without, 3 of 10 with: the intercept is log 4, the slope log(3/7) - log 4. Without clusters the variance
    of a group's log odds is 1/(n p (1-p)), times G/(G-1)."""
    x = np.repeat([0.0, 1.0], 10)
    y = np.array([1] * 8 + [0] * 2 + [1] * 3 + [0] * 7, dtype=float)
    fit = logistic_regression(np.column_stack([np.ones(20), x]), y)
    assert fit.coefficients == pytest.approx([math.log(4), math.log(3 / 7) - math.log(4)])
    assert fit.covariance[0, 0] == pytest.approx(20 / 19 / (10 * 0.8 * 0.2))
    assert fit.covariance[1, 1] == pytest.approx(20 / 19 * (1 / (10 * 0.8 * 0.2) + 1 / (10 * 0.3 * 0.7)))


def test_a_tie_counts_as_half_of_each() -> None:
    fit = logistic_regression(np.ones((4, 1)), [1, 1, 1, 0.5])
    assert fit.coefficients == pytest.approx([math.log(0.875 / 0.125)])


def test_repeating_every_observation_within_its_cluster_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y = np.column_stack([np.ones(60), rng.normal(size=60)]), (rng.random(60) < 0.6).astype(float)
    once = logistic_regression(x, y, np.arange(60))
    twice = logistic_regression(np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(np.arange(60), 2))
    assert twice.coefficients == pytest.approx(once.coefficients)
    assert twice.covariance == pytest.approx(once.covariance)


@pytest.mark.parametrize(
    ("design", "outcomes", "reason"),
    [
        ([[1, -1], [1, -2], [1, 1], [1, 2]], [0, 0, 1, 1], "told apart"),
        ([[1, 2], [1, 2], [1, 2]], [0, 1, 1], "don't vary enough"),
        ([[1]], [1], "Fewer than two"),
    ],
)
def test_what_has_no_finite_fit_is_explained(design: list[list[float]], outcomes: list[float], reason: str) -> None:
    with pytest.raises(UndefinedFitError, match=reason):
        logistic_regression(design, outcomes)


def test_outcomes_beyond_0_and_1_are_refused() -> None:
    with pytest.raises(ValueError, match="outcomes between 0 and 1"):
        logistic_regression(np.ones((2, 1)), [0, 2])
