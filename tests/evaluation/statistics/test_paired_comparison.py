"""Two models on the same prompts: sign flips, the sign test and McNemar's, by hand and by their level."""

import math
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.pairing import (
    DRAWN,
    EXACT,
    exact_binomial,
    mcnemar,
    paired_comparison,
    sign_flips,
    student_p_value,
)
from evaluation.statistics.preferences import win_rate

NAN = float("nan")


def test_sign_flips_are_counted() -> None:
    """3, 2 and 1 have the sums 6, 4, 2, 0, 0, -2, -4, -6: the observed 4 = 3 + 2 - 1 is reached by 4 of 8."""
    assert sign_flips(np.array([3.0, 2.0, -1.0])) == (pytest.approx(4 / 8), EXACT)


def test_half_points_are_counted_as_well() -> None:
    """0.5, 0.5, 1 and 1, all for the first: 2 of 16."""
    assert sign_flips(np.array([0.5, 0.5, 1, 1])) == (pytest.approx(2 / 16), EXACT)


def test_equal_sizes_are_a_binomial_test() -> None:
    """Seven ones against two, ties between: 2 * (C(9,0) + C(9,1) + C(9,2)) / 2^9 = 92 / 512, by either test."""
    found = paired_comparison([1] * 7 + [-1] * 2 + [0] * 3)
    assert (found.prompts, found.for_first, found.for_second, found.even) == (12, 7, 2, 3)
    assert found.p_value == pytest.approx(92 / 512)
    assert found.sign_p_value == pytest.approx(92 / 512)


def test_any_sizes_are_drawn_and_come_out_the_same_each_time() -> None:
    """For three thirds all eight flips are known: 2 of 8 are as large."""
    sizes = np.array([1 / 3, 1 / 3, 1 / 3])
    p_value, method = sign_flips(sizes)
    assert method == DRAWN
    assert p_value == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 9_999))
    assert sign_flips(sizes) == (p_value, method)


def test_a_prompt_counts_once_however_many_items_it_has() -> None:
    """Five prompts with three like votes each: 2 of 2^5, not 2 of 2^15."""
    found = paired_comparison([1] * 15, np.repeat(np.arange(5), 3))
    assert (found.prompts, found.for_first) == (5, 5)
    assert found.p_value == pytest.approx(2 / 32)
    assert found.sign_p_value == pytest.approx(2 / 32)


def test_students_t_of_differences_by_hand() -> None:
    """1, 2, 3 and 2: mean 2, squares 2 / (4 * 3) = 1/6, t = 2 sqrt 6 = 4.899 with 3 degrees: between 1 and 2 %."""
    found = paired_comparison([1, 2, 3, 2])
    assert found.difference.value == 2
    assert found.difference.standard_error == pytest.approx(math.sqrt(1 / 6))
    assert found.t_p_value is not None and 0.01 < found.t_p_value < 0.02  # t tables: 4.541 at 2 %, 5.841 at 1 %


def test_swapping_the_models_turns_the_difference_alone() -> None:
    rng = np.random.default_rng(3)
    differences, prompts = rng.integers(-3, 4, 60), np.arange(60) // 2
    there, back = paired_comparison(differences, prompts), paired_comparison(-differences, prompts)
    assert (there.for_first, there.for_second) == (back.for_second, back.for_first)
    assert (there.p_value, there.sign_p_value) == (back.p_value, back.sign_p_value)
    assert there.difference.value == -(back.difference.value or 0)


def test_the_order_of_items_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    differences, prompts, order = rng.integers(-3, 4, 60), np.arange(60) // 2, rng.permutation(60)
    assert (
        paired_comparison(differences[order], prompts[order]).p_value == paired_comparison(differences, prompts).p_value
    )


def test_items_without_both_models_are_left_out() -> None:
    assert paired_comparison([1, NAN, 1, NAN]).prompts == 2


def test_even_prompts_have_no_test() -> None:
    found = paired_comparison([0, 0, 1, -1], ["a", "b", "c", "c"])
    assert (found.p_value, found.sign_p_value, found.t_p_value) == (None, None, None)
    assert (found.even, found.note) == (3, "Every prompt is even: there is no difference to test.")


def test_no_prompt_is_said_in_words() -> None:
    found = paired_comparison([NAN])
    assert (found.prompts, found.p_value, found.difference.value) == (0, None, None)
    assert "No prompt has judgements of both models" in found.note


def test_the_test_keeps_its_level_with_few_prompts() -> None:
    """Ten prompts of three votes that depend on each other: at most 5 % of 700 samples, and a little less."""
    rng = np.random.default_rng(5)
    prompts = np.repeat(np.arange(10), 3)
    rejected = 0
    for _ in range(700):
        common = rng.integers(-1, 2, 10)[prompts]
        votes = np.where(rng.random(30) < 0.6, common, rng.integers(-1, 2, 30))
        p_value = paired_comparison(votes, prompts).p_value
        rejected += p_value is not None and p_value < 0.05
    assert 0.01 < rejected / 700 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 700)


def test_mcnemar_counts_who_alone_beat_the_opponent() -> None:
    """Six of the first's alone, one of the second's: 2 * (1 + 7) / 2^7. A tie is no win."""
    first = [1] * 6 + [0] + [1, 1] + [0, 0.5, NAN]
    second = [0] * 5 + [0.5] + [1] + [1, 1] + [0, 0, 1]
    found = mcnemar(first, second)
    assert (found.both, found.only_first, found.only_second, found.neither) == (2, 6, 1, 2)
    assert found.p_value == pytest.approx(16 / 128)


def test_mcnemar_of_models_that_nothing_tells_apart() -> None:
    assert mcnemar([1, 0], [1, 0]).p_value is None
    assert mcnemar([1, 0], [1, 0]).note == "No prompt tells the two models apart."
    assert mcnemar([NAN], [1]).note == "No prompt has points of both models."


@pytest.mark.parametrize(("successes", "trials", "p"), [(0, 0, 1), (5, 10, 1), (0, 5, 2 / 32), (1, 4, 10 / 16)])
def test_the_exact_binomial_test(successes: int, trials: int, p: float) -> None:
    assert exact_binomial(successes, trials) == pytest.approx(p)


def test_an_estimate_without_error_has_no_students_p_value() -> None:
    assert student_p_value(win_rate([1, 1, 1]).win_rate, 2, 0.5) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_comparison([[1, 2]]), r"one number for each item, got shape \(1, 2\)"),
        (lambda: paired_comparison([float("inf")]), "differences must be finite numbers"),
        (lambda: paired_comparison([1, 2], ["a"]), "prompts must have one label for each of the 2 observations"),
        (lambda: mcnemar([1, 0], [1]), r"points on the same prompts, got shapes \(2,\) and \(1,\)"),
        (lambda: exact_binomial(3, 2), "successes must be between 0 and the 2 trials, got 3"),
    ],
)
def test_bad_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
