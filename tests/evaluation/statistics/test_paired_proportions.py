"""Two shares on the same prompts, by hand."""

import math

import numpy as np
import pytest

from evaluation.statistics.paired_proportions import paired_difference, sign_test
from evaluation.statistics.proportions import wilson


def pairs(both: int, first_only: int, second_only: int, neither: int) -> tuple[list[float], list[float]]:
    table = [(1.0, 1.0)] * both + [(1.0, 0.0)] * first_only + [(0.0, 1.0)] * second_only + [(0.0, 0.0)] * neither
    first, second = zip(*table, strict=True)
    return list(first), list(second)


def test_the_difference_and_its_limits_by_hand() -> None:
    """20 prompts: 4 violate with both, 6 with the first alone, 1 with the second alone, 9 with neither. The difference
    is 10/20 - 5/20; phi's numerator is 4*9 - 6*1 - 20/2 = 20 over sqrt(10*10*5*15) = 86.6."""
    found = paired_difference(*pairs(4, 6, 1, 9))
    assert found.difference.value == pytest.approx(0.25)
    phi = 20 / math.sqrt(7500)
    (l1, u1), (l2, u2) = (wilson(n, 20).interval or (0, 0) for n in (10, 5))
    low = 0.25 - math.sqrt((0.5 - l1) ** 2 - 2 * phi * (0.5 - l1) * (u2 - 0.25) + (u2 - 0.25) ** 2)
    high = 0.25 + math.sqrt((u1 - 0.5) ** 2 - 2 * phi * (u1 - 0.5) * (0.25 - l2) + (0.25 - l2) ** 2)
    assert found.difference.interval == (pytest.approx(low), pytest.approx(high))
    assert (found.first_only, found.second_only) == (6, 1)


def test_the_exact_p_value_by_hand() -> None:
    """Of 7 prompts that differ at most one goes the other way: 2 * (1 + 7) / 2^7 = 0.125."""
    assert sign_test(6, 1) == pytest.approx(0.125)
    assert paired_difference(*pairs(4, 6, 1, 9)).p_value == pytest.approx(0.125)
    assert sign_test(3, 3) == 1.0


def test_two_models_without_a_violation_still_have_limits() -> None:
    """Both are 0 of 30: each of Wilson's upper limits bounds one side, and nothing correlates."""
    found = paired_difference(*pairs(0, 0, 0, 30))
    upper = (wilson(0, 30).interval or (0, 0))[1]
    assert found.difference.value == 0
    assert found.difference.interval == (pytest.approx(-upper), pytest.approx(upper))
    assert found.p_value is None


def test_changing_sides_changes_the_sign_alone() -> None:
    first, second = pairs(4, 6, 1, 9)
    one, other = paired_difference(first, second), paired_difference(second, first)
    assert other.difference.value == pytest.approx(-0.25)
    assert one.difference.interval == pytest.approx([-bound for bound in reversed(other.difference.interval or ())])
    assert one.p_value == other.p_value


def test_prompts_of_several_answers_are_averaged() -> None:
    """Differences 0.5, 0, 0.5, -0.5: mean 0.125, standard deviation 0.4787, error 0.2394, t with 3 degrees 3.182."""
    found = paired_difference([1.0, 0.5, 0.5, 0.0], [0.5, 0.5, 0.0, 0.5])
    assert found.difference.value == pytest.approx(0.125)
    assert found.difference.standard_error == pytest.approx(0.23936, abs=1e-5)
    assert found.difference.interval == (pytest.approx(-0.63676, abs=1e-4), pytest.approx(0.88676, abs=1e-4))
    assert (found.first_only, found.second_only) == (2, 1)


def test_no_common_prompt_is_explained() -> None:
    found = paired_difference([], [])
    assert found.difference.value is None
    assert "No prompt" in found.difference.note


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="the same prompts"):
        paired_difference([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match=r"between 0 and 1, got 2\.0"):
        paired_difference([2.0], [1.0])


@pytest.mark.slow
def test_the_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    """50 prompts; 10 % violate with both, 8 % with the first alone, 2 % with the second alone."""
    chance = np.random.default_rng(2)
    rounds, hits = 2000, 0
    for _ in range(rounds):
        table = chance.multinomial(50, [0.10, 0.08, 0.02, 0.80])
        low, high = paired_difference(*pairs(*table)).difference.interval or (1.0, 0.0)
        hits += low <= 0.06 <= high
    assert 0.935 <= hits / rounds <= 0.985  # Newcombe's own tables: 0.95 to 0.97 at such shares
