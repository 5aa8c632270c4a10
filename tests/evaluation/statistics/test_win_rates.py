"""Win, tie and loss from votes: which side an item takes, what the rates are, how sure they are."""

from typing import Any

import numpy as np
import pytest

from evaluation.statistics.preferences import continuous_win_rate, majority_side, median_side, win_rate
from evaluation.statistics.proportions import wilson

NAN = float("nan")


@pytest.mark.parametrize(
    ("votes", "majority", "median"),
    [
        ([3, 1, -3], 1, 1),
        ([-3, -2, 3], -1, -1),
        ([0, 0, 3], 0, 0),
        ([3, 0, -1], 0, 0),  # three different sides: no majority
        ([3, NAN, -1], 0, 1),  # one against one: no majority, but the mean of the middle two is 1
        ([1, NAN, -1], 0, 0),
        ([2, 0, NAN], 0, 1),
        ([NAN, -2, NAN], -1, -1),
    ],
)
def test_the_side_of_an_item(votes: list[float], majority: int, median: int) -> None:
    assert majority_side([votes]).tolist() == [majority]
    assert median_side([votes]).tolist() == [median]


def test_more_than_half_is_needed_and_most_is_not_enough() -> None:
    """Two of five votes are the largest part, but no majority; their median is a tie too."""
    assert majority_side([[1, 1, 0, 0, -1]]).tolist() == [0]


def test_an_item_without_votes_has_no_side() -> None:
    assert np.isnan(majority_side([[NAN, NAN]])).all()
    assert np.isnan(median_side([[NAN, NAN]])).all()


def test_wins_ties_and_losses_are_counted_and_ties_count_half() -> None:
    result = win_rate([[1, 2, -1], [1, 1, 1], [0, 0, 1], [-1, -3, 0], [NAN, NAN, NAN]])
    assert (result.wins, result.ties, result.losses) == (2, 1, 1)
    assert (result.win.value, result.tie.value, result.loss.value) == (0.5, 0.25, 0.25)
    assert result.win_rate.value == 0.625
    assert (result.observations, result.missing) == (4, 1)


def test_votes_can_count_one_by_one() -> None:
    result = win_rate([[1, 2, -1], [0, NAN, 1]], rule="vote")
    assert (result.wins, result.ties, result.losses, result.observations) == (3, 1, 1, 5)


def test_votes_on_one_item_are_one_cluster() -> None:
    """Three equal votes on each item carry no more than one vote."""
    items = [1, -1, 1, 1]
    thrice = win_rate(np.repeat([items], 3, axis=0).T, rule="vote")
    assert thrice.win_rate == win_rate(items).win_rate


def test_the_error_is_clustered_by_prompt() -> None:
    """Points 1, 1, 0, 1 from 3/4: two prompts sum to +-1/2, 2 * (1/4 + 1/4)/16 = 1/16."""
    result = win_rate([1, 2, -1, 3], prompts=["a", "a", "b", "b"])
    assert result.win_rate.standard_error == pytest.approx(1 / 4, abs=1e-14)
    assert "Only 2 clusters" in result.win_rate.note


def test_the_interval_stays_between_0_and_1() -> None:
    assert win_rate([1, 2, -1, 3], prompts=["a", "a", "b", "b"]).win_rate.interval == (0, 1)


def test_no_loss_in_n_prompts_has_the_interval_of_0_of_n() -> None:
    result = win_rate([1, 1, 0, 1], prompts=["a", "a", "b", "c"])
    assert result.loss.value == 0
    assert result.loss.interval == wilson(0, 3).interval
    assert "Wilson" in result.loss.note


def test_votes_can_be_clustered_by_annotator_as_well() -> None:
    """One annotator always prefers the first model, the other never: nothing is known beyond two people."""
    votes = np.tile([1, -1], (12, 1))
    votes[-1] = 1
    prompts = np.arange(12)
    annotators = np.tile(["ann", "bob"], (12, 1))
    by_prompt = win_rate(votes, prompts, "vote").win_rate
    by_both = win_rate(votes, prompts, "vote", annotators).win_rate
    assert by_prompt.standard_error is not None and by_both.standard_error is not None
    assert by_both.standard_error > 5 * by_prompt.standard_error


def test_swapping_the_models_swaps_wins_and_losses() -> None:
    votes = np.random.default_rng(4).integers(-3, 4, (50, 3))
    prompts = np.arange(50) // 2
    there, back = win_rate(votes, prompts), win_rate(-votes, prompts)
    assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
    assert there.win_rate.value == pytest.approx(1 - (back.win_rate.value or 0), abs=1e-14)
    assert there.win_rate.standard_error == pytest.approx(back.win_rate.standard_error, abs=1e-14)


def test_the_order_of_items_and_raters_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    votes, prompts, order = rng.integers(-3, 4, (40, 3)), np.arange(40) // 3, rng.permutation(40)
    shuffled = win_rate(rng.permuted(votes[order], axis=1), prompts[order])
    assert shuffled.win_rate.interval == pytest.approx(win_rate(votes, prompts).win_rate.interval, abs=1e-14)


def test_continuous_preferences_average() -> None:
    """0.9, 0.4, 0.5, 0.6: mean 0.6, squares from it 0.09 + 0.04 + 0.01, over 4 * 3."""
    result = continuous_win_rate([0.9, 0.4, NAN, 0.5, 0.6])
    assert (result.wins, result.ties, result.losses, result.missing) == (2, 1, 1, 1)
    assert result.win_rate.value == pytest.approx(0.6, abs=1e-14)
    assert result.win_rate.standard_error == pytest.approx((0.14 / 12) ** 0.5, abs=1e-14)


def test_no_votes_at_all_are_said_in_words() -> None:
    for result in (win_rate([[NAN, NAN]]), win_rate(np.empty((0, 3))), continuous_win_rate([])):
        assert (result.win_rate.value, result.win_rate.interval) == (None, None)
        assert result.win_rate.note == "There is nothing to average yet."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rule": "mean"}, "rule must be one of majority, median, vote, got 'mean'"),
        ({"prompts": [1]}, "prompts must have one label for each of the 2 observations"),
        ({"annotators": [[1], [2]]}, "the majority of votes has no annotator"),
        ({"annotators": [1], "rule": "vote"}, "annotators must have one label"),
        ({"confidence": 0}, "confidence must be between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        win_rate([[1], [-1]], **arguments)


def test_an_infinite_vote_is_no_vote() -> None:
    with pytest.raises(ValueError, match="votes must be finite"):
        win_rate([[float("inf")]])


def test_a_preference_outside_its_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1.8 \(subtract 1"):
        continuous_win_rate([0.5, 1.8])
