"""Slices by length: quarters of words, named by what is in them."""

import numpy as np

from evaluation.reports.length_slices import from_the_shortest, quarters

ALL = np.ones(8, dtype=bool)


def test_quarters_hold_as_many_items_each_and_are_named_by_their_ends() -> None:
    labels = quarters(np.array([8, 1, 7, 2, 6, 3, 5, 4]), ALL, "{} words")
    assert labels.tolist() == [
        "7 to 8 words", "1 to 2 words", "7 to 8 words", "1 to 2 words",
        "5 to 6 words", "3 to 4 words", "5 to 6 words", "3 to 4 words",
    ]  # fmt: skip


def test_equal_lengths_stay_together() -> None:
    """Six fives are in one quarter, whatever the quantiles say."""
    labels = quarters(np.array([5, 5, 5, 5, 5, 5, 9, 9]), ALL, "{} words")
    assert set(labels) == {"5 words", "9 words"}


def test_shorter_has_a_true_minus_sign() -> None:
    labels = quarters(np.array([-4, -3, -2, -1, 0, 1, 2, 3]), ALL, "{} more")
    assert labels[0] == "\N{MINUS SIGN}4 to \N{MINUS SIGN}3 more"


def test_items_that_are_not_chosen_have_no_quarter_and_few_items_none_at_all() -> None:
    chosen = np.array([True] * 8 + [False])
    assert quarters(np.arange(9), chosen, "{} words")[8] == ""
    assert set(quarters(np.arange(9), np.arange(9) < 7, "{} words")) == {""}


def test_quarters_stand_from_the_shortest() -> None:
    minus = "\N{MINUS SIGN}"
    labels = [
        "13 to 40 words more",
        f"{minus}9 to 0 words more",
        "1 to 12 words more",
        f"{minus}117 to {minus}10 words more",
    ]
    assert [label.split()[0] for label in from_the_shortest(labels)] == [f"{minus}117", f"{minus}9", "1", "13"]
