"""What a leaderboard says besides its ratings: ranks by upper bound, which tie model, and whom it can't rate."""

import math
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.bradley_terry import leaderboard


def ladder(size: int, gap: float = 1.0) -> tuple[Any, Any, Any]:
    """Four models in order, each as good as the odds e^gap against the next; `size` battles for each pair."""
    first, second, votes = [], [], []
    for one in range(4):
        for other in range(one + 1, 4):
            won = round(size / (1 + math.exp(-gap * (other - one))))
            first += ["ABCD"[one]] * size
            second += ["ABCD"[other]] * size
            votes += [1] * won + [-1] * (size - won)
    return first, second, votes


def test_models_that_can_be_told_apart_have_ranks_of_their_own() -> None:
    board = leaderboard(*ladder(400))
    assert [(standing.model, standing.rank) for standing in board.standings] == list(
        zip("ABCD", (1, 2, 3, 4), strict=True)
    )


def test_models_that_cannot_be_told_apart_share_a_rank() -> None:
    """With few battles the intervals overlap: a rank is one more than the models that are surely above."""
    board = leaderboard(*ladder(12, gap=0.9))
    intervals = [standing.rating.interval or (0, 0) for standing in board.standings]
    surely_above = [sum(other[0] > own[1] for other in intervals) for own in intervals]
    assert [standing.rank for standing in board.standings] == [1 + above for above in surely_above]
    assert 1 < sum(standing.rank == 1 for standing in board.standings) < 4


def test_a_champion_without_a_rating_pushes_the_others_down() -> None:
    board = leaderboard(["A", "B", "champion", "champion"], ["B", "A", "A", "B"], [1, 1, 1, 1])
    assert [(standing.model, standing.rank) for standing in board.standings] == [("champion", None), ("A", 2), ("B", 2)]


def test_ties_bring_davidsons_model_and_no_ties_the_plain_one() -> None:
    first, second = ["A"] * 5, ["B"] * 5
    assert leaderboard(first, second, [1, 1, 0, -1, 1]).ties == "davidson"
    assert leaderboard(first, second, [1, 1, 1, -1, 1]).ties == "half"


def test_where_only_ties_link_a_model_they_count_as_halves() -> None:
    """C never lost but for a tie: no tie model can say how far above it is, half wins can."""
    board = leaderboard(["A", "B", "C", "C"], ["B", "A", "A", "B"], [1, 1, 1, 0])
    assert board.ties == "half"
    assert "half a win" in board.note
    assert all(standing.rating.value is not None for standing in board.standings)
    asked = leaderboard(["A", "B", "C", "C"], ["B", "A", "A", "B"], [1, 1, 1, 0], ties="davidson")
    assert asked.standings[0].model == "C"
    assert "lost to no rated model" in asked.standings[0].rating.note


@pytest.mark.parametrize("how", ["davidson", "rao-kupper", "graded"])
def test_ties_alone_rate_nobody(how: str) -> None:
    board = leaderboard(["A", "B"], ["B", "C"], [0, 0], ties=how)
    assert {standing.rating.value for standing in board.standings} == {None}
    assert "No two models have beaten each other" in board.standings[0].rating.note


def test_strengths_that_nobody_used_change_nothing() -> None:
    """Votes of 3 and -3 alone are wins and losses with odds of e^(3 d): abilities are a third as far apart."""
    rng = np.random.default_rng(2)
    votes = np.where(rng.random(60) < 0.7, 3, -3)
    graded, plain = (leaderboard(["A"] * 60, ["B"] * 60, votes, ties=how) for how in ("graded", "half"))
    distances = [(board.standings[0].rating.value or 0) - 1000 for board in (graded, plain)]
    assert 3 * distances[0] == pytest.approx(distances[1], abs=1e-6)


def test_no_battles_make_an_empty_board() -> None:
    board = leaderboard([], [], [])
    assert (board.standings, board.fit, board.note) == ((), None, "There are no comparisons yet.")


def test_one_prompt_has_ratings_but_neither_errors_nor_ranks() -> None:
    board = leaderboard(["A"] * 4, ["B"] * 4, [1, 0, 1, -1], clusters=["p"] * 4)
    assert board.standings[0].rating.value is not None
    assert (board.standings[0].rating.interval, board.standings[0].rank) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"votes": [1, float("nan")]}, "votes must be finite numbers, got nan: leave out battles without one"),
        ({"ties": "third"}, "ties must be one of auto, davidson, rao-kupper, half, graded, got 'third'"),
        ({"first": ["A"]}, r"first, second and votes must be lists of one length, got shapes \(1,\), \(2,\), \(2,\)"),
        ({"second": ["A", "B"]}, "a model cannot be compared with itself, got A"),
        ({"clusters": [1]}, "one label for each of the 2 observations"),
        ({"confidence": 95}, "confidence must be between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        given: dict[str, Any] = {"first": ["A", "A"], "second": ["B", "B"], "votes": [1, -1]}
        leaderboard(**(given | arguments))
