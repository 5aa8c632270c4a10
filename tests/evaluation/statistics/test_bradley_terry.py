"""Elo ratings by maximum likelihood: values by hand, clustered errors, and models that have no finite rating."""

import math
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.bradley_terry import ELO_PER_LOGIT, Leaderboard, bradley_terry

# A beats B three times of four.
FIRST, SECOND, POINTS = ["A"] * 4, ["B"] * 4, [1, 1, 1, 0]


def ratings(board: Leaderboard) -> dict[str, Any]:
    return {standing.model: standing.rating.value for standing in board.standings}


def error(board: Leaderboard, model: str) -> float | None:
    return next(standing.rating.standard_error for standing in board.standings if standing.model == model)


def test_two_models_differ_by_the_log_of_their_odds() -> None:
    board = bradley_terry(FIRST, SECOND, POINTS)
    half = 200 * math.log10(3)
    assert ratings(board) == pytest.approx({"A": 1000 + half, "B": 1000 - half}, abs=1e-9)
    assert [(standing.model, standing.battles) for standing in board.standings] == [("A", 4), ("B", 4)]


def test_a_tie_is_half_a_win() -> None:
    """One win and one tie: odds of 1.5 to 0.5, three to one again."""
    tied = bradley_terry(["A", "B"], ["B", "A"], [1, 0.5])
    assert ratings(tied) == pytest.approx(ratings(bradley_terry(FIRST, SECOND, POINTS)), abs=1e-9)


def test_three_models_whose_odds_multiply() -> None:
    """A : B = 2 : 1, B : C = 3 : 1 and A : C = 6 : 1 are what the strengths 6, 3 and 1 expect, exactly."""
    results = [("A", "B", 2), ("B", "A", 1), ("B", "C", 3), ("C", "B", 1), ("A", "C", 6), ("C", "A", 1)]
    first = [winner for winner, _, times in results for _ in range(times)]
    second = [loser for _, loser, times in results for _ in range(times)]
    mean = math.log(18) / 3
    expected = {name: 1000 + ELO_PER_LOGIT * (math.log(odds) - mean) for name, odds in (("A", 6), ("B", 3), ("C", 1))}
    assert ratings(bradley_terry(first, second, np.ones(len(first)))) == pytest.approx(expected, abs=1e-9)


def test_a_circle_of_wins_leaves_all_alike() -> None:
    board = bradley_terry(["rock", "paper", "scissors"], ["scissors", "rock", "paper"], [1, 1, 1])
    assert ratings(board) == pytest.approx({"rock": 1000, "paper": 1000, "scissors": 1000}, abs=1e-9)


def test_the_error_of_independent_battles() -> None:
    """Residuals 1/4 thrice and -3/4: 4/3 * 3/4, over the information 3/4 squared: 4/3 logits apart, half of it each."""
    board = bradley_terry(FIRST, SECOND, POINTS)
    assert error(board, "A") == pytest.approx(2 / 3 * ELO_PER_LOGIT, rel=1e-9)
    assert error(board, "B") == pytest.approx(2 / 3 * ELO_PER_LOGIT, rel=1e-9)
    assert board.clusters == 4


def test_the_error_of_clustered_battles() -> None:
    """Clusters {win, win}, {win}, {loss} sum to 1/2, 1/4, -3/4: 7/8 in squares, times 3/2, over (3/4)^2 is 7/3."""
    board = bradley_terry(FIRST, SECOND, POINTS, clusters=["p", "p", "q", "r"])
    assert error(board, "A") == pytest.approx(math.sqrt(7 / 3) / 2 * ELO_PER_LOGIT, rel=1e-9)
    assert board.clusters == 3
    assert "Only 3 clusters" in board.standings[0].rating.note


def test_the_sandwich_agrees_with_a_bootstrap_of_whole_clusters() -> None:
    rng = np.random.default_rng(8)
    first, second, points, prompts = simulated_battles(rng, prompts=150)
    board = bradley_terry(first, second, points, prompts)
    rows = np.arange(len(points)).reshape(150, -1)
    drawn = []
    for _ in range(150):
        chosen = rows[rng.integers(0, 150, 150)].ravel()
        drawn.append(ratings(bradley_terry(first[chosen], second[chosen], points[chosen])))
    for name in ("A", "B", "C", "D"):
        assert error(board, name) == pytest.approx(np.std([draw[name] for draw in drawn]), rel=0.25)


def simulated_battles(rng: np.random.Generator, prompts: int) -> tuple[Any, Any, Any, Any]:
    """Six battles on each prompt between four models whose strength varies from prompt to prompt."""
    pairs = np.array([(a, b) for a in range(4) for b in range(a + 1, 4)])
    strengths = np.array([0.6, 0.2, -0.2, -0.6]) + rng.normal(0, 1, (prompts, 4))
    chance = 1 / (1 + np.exp(strengths[:, pairs[:, 1]] - strengths[:, pairs[:, 0]]))
    points = (rng.random(chance.shape) < chance).astype(float)
    names = np.array(["A", "B", "C", "D"])
    first, second = (np.tile(names[pairs[:, side]], prompts) for side in (0, 1))
    return first, second, points.ravel(), np.repeat(np.arange(prompts), len(pairs))


def test_neither_the_order_of_battles_nor_of_sides_matters() -> None:
    rng = np.random.default_rng(9)
    first, second, points, prompts = simulated_battles(rng, prompts=30)
    order, swap = rng.permutation(len(points)), rng.random(len(points)) < 0.5
    board = bradley_terry(first, second, points, prompts)
    shuffled = bradley_terry(
        np.where(swap, second, first)[order],
        np.where(swap, first, second)[order],
        np.where(swap, 1 - points, points)[order],
        prompts[order],
    )
    for before, after in zip(board.standings, shuffled.standings, strict=True):
        assert after.model == before.model
        assert after.rating.interval == pytest.approx(before.rating.interval, abs=1e-7)


def test_lopsided_results_still_settle() -> None:
    """One loss in ten thousand: the odds are still odds."""
    points = np.ones(10_000)
    points[0] = 0
    board = bradley_terry(np.repeat("A", 10_000), np.repeat("B", 10_000), points)
    assert ratings(board)["A"] == pytest.approx(1000 + 200 * math.log10(9_999), abs=1e-6)


def test_the_ratings_expect_the_points_that_each_model_took() -> None:
    """The likelihood's equations, on results so contradictory that Newton's full steps would run away."""
    results = {"AC": 113, "AE": 3, "BC": 355, "BD": 62, "BF": 535, "CG": 2, "DA": 6247, "DG": 3}
    results |= {"EB": 5441, "EC": 1868, "FB": 5, "FC": 1, "FG": 1617, "GD": 2202, "GF": 2}
    first, second = (np.repeat([pair[side] for pair in results], list(results.values())) for side in (0, 1))
    found = ratings(bradley_terry(first, second, np.ones(len(first))))
    for model in "ABCDEFG":
        taken = sum(times for pair, times in results.items() if pair[0] == model)
        expected = sum(
            times / (1 + 10 ** ((found[pair[pair[0] == model]] - found[model]) / 400))
            for pair, times in results.items()
            if model in pair
        )
        assert expected == pytest.approx(taken, abs=1e-5)


def test_a_model_that_always_wins_stands_above_without_a_rating() -> None:
    board = bradley_terry(["A", "B", "champion", "champion"], ["B", "A", "A", "B"], [1, 1, 1, 1])
    assert [standing.model for standing in board.standings] == ["champion", "A", "B"]
    assert ratings(board) == pytest.approx({"champion": None, "A": 1000, "B": 1000})
    assert "took every point" in board.standings[0].rating.note
    assert "no finite rating" in board.note


def test_a_model_that_always_loses_stands_below_without_a_rating() -> None:
    board = bradley_terry(["A", "B", "A"], ["B", "A", "last"], [1, 1, 1])
    assert [standing.model for standing in board.standings] == ["A", "B", "last"]
    assert board.standings[-1].rating.value is None
    assert "took no point" in board.standings[-1].rating.note


def test_models_that_no_comparison_links_are_not_put_on_one_scale() -> None:
    board = bradley_terry(["A", "B", "C", "X", "Y"], ["B", "C", "A", "Y", "X"], [1, 1, 1, 1, 1])
    assert ratings(board) == pytest.approx({"A": 1000, "B": 1000, "C": 1000, "X": None, "Y": None})
    assert "no distance" in board.standings[-1].rating.note


def test_a_plain_ranking_has_no_finite_ratings() -> None:
    board = bradley_terry(["A", "B"], ["B", "C"], [1, 1])
    assert set(ratings(board).values()) == {None}
    assert all("No two models" in standing.rating.note for standing in board.standings)
    assert board.clusters == 0


def test_one_cluster_has_ratings_but_no_errors() -> None:
    board = bradley_terry(FIRST, SECOND, POINTS, clusters=[1, 1, 1, 1])
    assert board.standings[0].rating.value is not None
    assert error(board, "A") is None
    assert "One cluster alone" in board.standings[0].rating.note


def test_no_comparisons_make_an_empty_board() -> None:
    board = bradley_terry([], [], [])
    assert board.standings == ()
    assert board.note == "There are no comparisons yet."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["A"], ["A"], [1]), "a model cannot be compared with itself, got A"),
        ((["A"], ["B"], [2]), r"points must be between 0 \(lost\) and 1 \(won\), got 2.0"),
        ((["A"], ["B"], [float("nan")]), "points must be between 0"),
        ((["A", "A"], ["B"], [1]), r"lists of one length, got shapes \(2,\), \(1,\), \(1,\)"),
        ((["A"], ["B"], [1], [1, 2]), "one label for each of the 1 observations"),
        ((["A"], ["B"], [1], None, 2), "confidence must be between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bradley_terry(*arguments)
