"""Rater by rater: with the others, on their own items, and without them."""

import numpy as np
import pytest

from evaluation.statistics.agreement import gwet, krippendorff
from evaluation.statistics.raters import leave_one_out

NAN = float("nan")

# Ann, Ben and Cat on four items; Cat alone is apart, on two of them.
RATINGS: list[list[float]] = [[1, 1, 2], [2, 2, 2], [1, 1, 2], [2, 2, NAN]]
BY_COLUMN = leave_one_out(RATINGS, categories=[1, 2])


def test_the_coefficient_without_a_rater_is_that_of_the_ratings_without_theirs() -> None:
    ann, _, cat = BY_COLUMN
    everybody = gwet(RATINGS, categories=[1, 2]).value
    assert everybody is not None
    assert cat.without == gwet([row[:2] for row in RATINGS], categories=[1, 2])
    assert cat.without.value == 1
    assert cat.difference == pytest.approx(1 - everybody, abs=1e-14)
    assert ann.without == gwet([row[1:] for row in RATINGS], categories=[1, 2])
    assert ann.difference is not None and ann.difference < 0


def test_with_others_is_the_mean_over_their_items_of_the_others_who_agree() -> None:
    """Ann: 1/2, 1, 1/2 and 1. Cat: 0, 1 and 0, which leaves 1/3 with squares 6/9 over 3 * 2."""
    ann, ben, cat = BY_COLUMN
    assert ann.with_others.value == ben.with_others.value == 3 / 4
    assert cat.with_others.value == pytest.approx(1 / 3, abs=1e-14)
    assert cat.with_others.standard_error == pytest.approx(1 / 3, abs=1e-14)
    assert (ann.ratings, cat.ratings) == (4, 3)


def test_own_is_the_coefficient_of_the_items_they_rated() -> None:
    assert BY_COLUMN[2].own == gwet(RATINGS[:3], categories=[1, 2])


def test_raters_may_share_places() -> None:
    """The same judgements with the places of each item in another order."""
    shuffled = [[2, 1, 1], [2, 2, 2], [1, 2, 1], [NAN, 2, 2]]
    who = [["cat", "ann", "ben"], ["ann", "cat", "ben"], ["ann", "cat", "ben"], ["", "ben", "ann"]]
    by_name = leave_one_out(shuffled, who, categories=[1, 2])
    assert [found.rater for found in by_name] == ["ann", "ben", "cat"]
    assert [found.difference for found in by_name] == [found.difference for found in BY_COLUMN]
    assert [found.with_others for found in by_name] == [found.with_others for found in BY_COLUMN]


def test_near_misses_count_by_their_weight() -> None:
    """Linear weights on three points: 1 against 2 is half an agreement, 1 against 3 none."""
    first, second = leave_one_out([[1, 2], [1, 3], [3, 3]], weights="linear", categories=[1, 2, 3])
    assert first.with_others.value == second.with_others.value == pytest.approx(1 / 2, abs=1e-14)


def test_items_of_a_prompt_may_depend_on_each_other() -> None:
    """Cat on two prompts, the first with two items: sums -1/3 - 1/3 + ... = -2/3 and 2/3: 2 * 8/9 / 9."""
    cat = leave_one_out([[1, 2], [1, 2], [2, 2]], clusters=["p", "p", "q"])[1]
    assert cat.with_others.standard_error == pytest.approx((16 / 81) ** 0.5, abs=1e-14)


def test_another_coefficient_may_be_asked_for() -> None:
    cat = leave_one_out(RATINGS, coefficient=krippendorff, categories=[1, 2])[2]
    assert cat.own == krippendorff(RATINGS[:3], categories=[1, 2])


def test_a_rater_of_one_item_and_one_whom_nobody_meets_are_explained() -> None:
    once, alone = leave_one_out(
        [[1, 2], [NAN, 1], [2, NAN]], [["once", "x"], ["", "x"], ["alone", ""]], categories=[1, 2]
    )[1::-1]
    assert once.rater == "once" and once.ratings == 1
    assert "One cluster alone" in once.with_others.note
    assert "no item was rated by two raters" in once.without.note
    assert once.difference is None
    assert alone.rater == "alone"
    assert alone.with_others.value is None
    assert "Nobody else rated" in alone.with_others.note


def test_weights_without_a_meaning_are_explained() -> None:
    found = leave_one_out([[0, 1], [1, 1]], weights="ratio")
    assert "no meaning" in found[0].with_others.note
    assert "ratio weights need categories above zero" in found[0].own.note


def test_labels_must_fit_the_ratings() -> None:
    with pytest.raises(ValueError, match=r"shaped like the ratings, \(4, 3\), got \(2,\)"):
        leave_one_out(RATINGS, ["ann", "ben"])


def test_nobody_makes_no_rows() -> None:
    assert leave_one_out(np.full((2, 2), np.nan), categories=[1, 2]) == []
