"""Audits of judges by hand-counted verdicts."""

import math

import numpy as np
import pytest

from evaluation.statistics.judge_audits import human_agreement, length_bias, self_consistency, share, side_bias

NAN = math.nan


def test_the_place_of_an_answer_is_told_from_both_orders() -> None:
    """Six pairs in both orders: two steady, two where the first answer wins both times, one where the second does, one
    that becomes a tie; a seventh was asked once and took the first."""
    shown_first = [1, 0, 1, 1, 0, 1, 1]
    shown_second = [1, 0, 0, 0, 1, 0.5, NAN]
    found = side_bias(shown_first, shown_second, np.arange(7))
    assert (found.verdicts, found.pairs) == (13, 6)
    assert (found.flipped.value, found.reversed.value) == (pytest.approx(4 / 6), pytest.approx(3 / 6))
    assert (found.always_first, found.always_second) == (2, 1)
    # 12 decisive verdicts: the first order prefers the first in 5 of 7, the second order in 1 (the 0s) + 1 + 1 of 5
    assert found.first_preferred.value == pytest.approx((5 + 3) / 12)
    assert found.between_orders.observed == pytest.approx(2 / 6)


def test_a_judge_that_always_takes_the_first_is_seen_through() -> None:
    found = side_bias([1, 1, 1], [0, 0, 0], ["p", "q", "r"])
    assert (found.reversed.value, found.first_preferred.value, found.always_first) == (1, 1, 3)
    assert found.reversed.interval == pytest.approx((0.4385, 1.0), abs=1e-4)  # Wilson, 3 of 3


def test_one_order_alone_says_nothing_about_flips() -> None:
    found = side_bias([1, 0], [NAN, NAN], [1, 2])
    assert found.flipped.value is None and found.flipped.note
    assert found.first_preferred.value == 0.5


def test_doubling_the_length_multiplies_the_odds() -> None:
    """One pair of models: answers twice as long win 8 of 10, half as long 2 of 10: the odds go from 1/4 to 4 over two
    doublings, so that each multiplies them by 4."""
    lengths = [(200, 100)] * 10 + [(100, 200)] * 10
    preferred = [1] * 8 + [0] * 2 + [1] * 2 + [0] * 8
    found = length_bias(preferred, lengths, [NAN] * 20, np.arange(20), ["x y"] * 20)
    assert found.odds.value == pytest.approx(4)
    assert found.odds.interval is not None and found.odds.interval[0] > 1
    assert (found.longer_preferred.value, found.compared) == (0.8, 0)
    assert found.humans_longer.value is None and found.humans_longer.note
    assert found.humans_odds.value is None and found.humans_odds.note


def test_a_better_model_that_writes_longer_is_no_length_bias() -> None:
    """Every answer of the first pair's better model is longer and wins: its intercept explains that. Within the second
    pair the length decides nothing."""
    lengths = [(300, 100)] * 8 + [(200, 100), (100, 200)] * 4
    preferred = [1] * 8 + [1, 1, 0, 0] * 2
    found = length_bias(preferred, lengths, [NAN] * 16, np.arange(16), ["x y"] * 8 + ["x z"] * 8)
    assert found.odds.value == pytest.approx(1)
    assert found.longer_preferred.value == pytest.approx((8 + 4) / 16)


def test_the_judge_is_held_against_people_on_the_same_pairs() -> None:
    lengths = [(200, 100)] * 5 + [(0, 100)]  # nothing is how many times as long as an empty answer
    found = length_bias([1, 1, 1, 0, 0.5, 1], lengths, [1, -1, -1, -1, 1, 1], np.arange(6), ["x y"] * 6)
    assert (found.pairs, found.compared) == (5, 4)
    assert (found.judge_longer.value, found.humans_longer.value) == (0.75, 0.25)
    assert found.difference.value == pytest.approx(0.5)


def test_verdicts_without_variation_have_no_slope() -> None:
    found = length_bias([1, 1], [(2, 1), (1, 2)], [NAN, NAN], [1, 2], ["x y"] * 2)
    assert found.odds.value is None and "don't vary" in found.odds.note


def test_the_same_question_asked_again() -> None:
    found = self_consistency([[1, 1, 1], [1, -1, 1], [0, 0, NAN], [1, NAN, NAN]])
    assert found.questions == 3
    assert found.same.value == pytest.approx((1 + 1 / 3 + 1) / 3)


def test_the_judge_beside_the_raters() -> None:
    """Majorities 1, 1, -1, 0; the judge says 1, -1, -1, -1, and a fifth item that nobody judged."""
    votes = [[1, 1, 1], [1, 1, -1], [-1, -1, NAN], [1, 0, -1], [NAN, NAN, NAN]]
    found = human_agreement([1, -1, -1, -1, 1], votes, np.arange(5))
    assert (found.items, found.decided) == (4, 3)
    assert (found.accuracy.value, found.same.value) == (pytest.approx(2 / 3), 0.5)
    assert found.confusion == ((1, 0, 1), (0, 0, 1), (0, 0, 1))
    assert found.with_one_rater.value == pytest.approx((1 + 1 / 3 + 1 + 1 / 3) / 4)
    assert found.between_raters.value == pytest.approx((1 + 1 / 3 + 1 + 0) / 4)
    assert found.difference.value == pytest.approx((0 + 0 + 0 + 1 / 3) / 4)
    # AC1: pa = 1/2; shares of -1, 0, 1 are 4/8, 1/8, 3/8, so pe = (16/64 + 7/64 + 15/64) / 2
    assert found.ac1.value == pytest.approx((0.5 - 19 / 64) / (1 - 19 / 64))


def test_nothing_to_compare_is_said_in_words() -> None:
    found = human_agreement([NAN, 1], [[1], [NAN]], [1, 2])
    assert found.items == 0
    assert all(figure.value is None and figure.note for figure in (found.accuracy, found.same, found.between_raters))
    assert found.ac1.value is None and found.ac1.note


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        side_bias([2.0], [0.0], [1])
    with pytest.raises(ValueError, match="one for each of the 2 pairs"):
        side_bias([1, 0], [0, 0], [1])
    with pytest.raises(ValueError, match="lengths must be two numbers"):
        length_bias([1], [(-1, 2)], [1], [1], ["x"])


def test_a_share_stays_between_0_and_1() -> None:
    found = share([1, 1, 1, 0], [1, 2, 3, 4])
    assert found.value == 0.75 and found.interval is not None and found.interval[1] == 1.0
