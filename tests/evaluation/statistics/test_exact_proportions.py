"""Exact limits, above all of nothing in n trials, by hand."""

import pytest

from evaluation.statistics.exact_proportions import clopper_pearson, upper_bound_of_none


def test_none_of_n_has_the_bound_that_follows_by_hand() -> None:
    """(1 - u)^60 = 0.05 gives u = 1 - 0.05^(1/60) = 0.0487; the rule of three says 3/60 = 0.05."""
    assert upper_bound_of_none(60) == pytest.approx(0.04870, abs=5e-6)
    assert upper_bound_of_none(1) == pytest.approx(0.95)


def test_the_two_sided_limits_of_none_and_all() -> None:
    """(1 - u)^10 = 0.025 gives u = 0.30850."""
    none, every = clopper_pearson(0, 10), clopper_pearson(10, 10)
    assert none.interval == (0.0, pytest.approx(0.30850, abs=5e-6))
    assert every.interval == (pytest.approx(0.69150, abs=5e-6), 1.0)


def test_one_of_two_is_solved_by_hand() -> None:
    """P(X >= 1) = 1 - (1-l)^2 = 0.025 gives l = 1 - sqrt(0.975); the upper limit mirrors it."""
    low = 1 - 0.975**0.5
    assert clopper_pearson(1, 2).interval == (pytest.approx(low), pytest.approx(1 - low))


def test_nothing_tried_has_no_limits() -> None:
    assert clopper_pearson(0, 0).value is None


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_named(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes must be between 0 and the 3 trials"):
        clopper_pearson(successes, trials)
    with pytest.raises(ValueError, match="trials must be 1 or more"):
        upper_bound_of_none(0)
