"""Ratings where ties and strengths of preference are outcomes of their own: by hand, by the likelihood's equations."""

import math
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.bradley_terry import ELO_PER_LOGIT, Leaderboard, bradley_terry, leaderboard
from evaluation.statistics.outcomes import AdjacentCategories, HalfWins, OutcomeModel, RaoKupper


def two_models(wins: int, ties: int, losses: int, how: str) -> Leaderboard:
    votes = [1] * wins + [0] * ties + [-1] * losses
    return leaderboard(["A"] * len(votes), ["B"] * len(votes), votes, ties=how)


def logits(board: Leaderboard) -> dict[str, float]:
    """Abilities in natural log-odds."""
    return {s.model: ((s.rating.value or math.nan) - 1000) / ELO_PER_LOGIT for s in board.standings}


def simulated(seed: int, size: int = 600, steps: int = 1) -> tuple[Any, Any, Any]:
    """Battles between four models whose votes lie around the differences of 1.2, 0.4, -0.4, -1.2."""
    rng = np.random.default_rng(seed)
    strength = np.array([1.2, 0.4, -0.4, -1.2])
    first = rng.integers(0, 4, size)
    second = (first + rng.integers(1, 4, size)) % 4
    votes = np.clip(np.rint(strength[first] - strength[second] + rng.normal(0, 1.5, size)), -steps, steps)
    names = np.array(["A", "B", "C", "D"])
    return names[first], names[second], votes


def test_davidson_of_two_models_fits_their_counts() -> None:
    """Wins 4, ties 3, losses 1: d = ln(4 / 1), and nu = 3 / sqrt(4 * 1) is 1.5: ties between equals 1.5 of 3.5."""
    board = two_models(4, 3, 1, "davidson")
    assert logits(board)["A"] - logits(board)["B"] == pytest.approx(math.log(4), abs=1e-9)
    assert board.even_chances == (
        (1.0, pytest.approx(2 / 7, abs=1e-9)),
        (0.0, pytest.approx(3 / 7, abs=1e-9)),
        (-1.0, pytest.approx(2 / 7, abs=1e-9)),
    )


def test_davidsons_error_is_that_of_a_log_odds() -> None:
    """Saturated: the delta method gives 1/4 + 1/1 for the variance of ln(4 / 1), times 8/7, and half of it each."""
    board = two_models(4, 3, 1, "davidson")
    assert board.standings[0].rating.standard_error == pytest.approx(
        math.sqrt(8 / 7 * 1.25) / 2 * ELO_PER_LOGIT, rel=1e-8
    )


def test_rao_kupper_of_two_models_fits_their_counts() -> None:
    """Of 10, 4 won and 2 lost: d - c = ln(2 / 3) and -d - c = ln(1 / 4), so d = ln(8 / 3) / 2 and c = ln(6) / 2.

    Equals tie with 1 - 2 / (1 + sqrt 6).
    """
    board = two_models(4, 4, 2, "rao-kupper")
    assert logits(board)["A"] - logits(board)["B"] == pytest.approx(math.log(8 / 3) / 2, abs=1e-9)
    assert board.even_chances[1][1] == pytest.approx(1 - 2 / (1 + math.sqrt(6)), abs=1e-9)


def test_grades_count() -> None:
    """The likelihood's equations: the sum of votes, and how often their strength is 1, are as expected.

    P(k) goes with e^(k d / 2) times what it is between equals.
    """
    votes = [2, 2, 1, 1, -1, -1, -2, 2]
    board = leaderboard(["A"] * 8, ["B"] * 8, votes, ties="graded")
    d = logits(board)["A"] - logits(board)["B"]
    even = dict(board.even_chances)
    assert list(even) == [2, 1, -1, -2]
    weights = {k: chance * math.exp(k * d / 2) for k, chance in even.items()}
    whole = sum(weights.values())
    assert 8 * sum(k * weight for k, weight in weights.items()) / whole == pytest.approx(sum(votes), abs=1e-8)
    assert 8 * (weights[1] + weights[-1]) / whole == pytest.approx(4, abs=1e-8)


def test_davidsons_ratings_expect_the_points_and_the_ties_that_there_were() -> None:
    """The likelihood's equations (Davidson, 1970, section 3): by model wins plus half of ties, and ties in all."""
    first, second, votes = simulated(3)
    board = leaderboard(first, second, votes, ties="davidson")
    ability, nu = logits(board), board.even_chances[1][1] / board.even_chances[0][1]
    expected, ties = dict.fromkeys("ABCD", 0.0), 0.0
    for one, other in zip(first, second, strict=True):
        d = ability[one] - ability[other]
        whole = math.exp(d / 2) + math.exp(-d / 2) + nu
        expected[one] += (math.exp(d / 2) + nu / 2) / whole
        expected[other] += (math.exp(-d / 2) + nu / 2) / whole
        ties += nu / whole
    taken = dict.fromkeys("ABCD", 0.0)
    for one, other, vote in zip(first, second, votes, strict=True):
        taken[one] += (vote + 1) / 2
        taken[other] += (1 - vote) / 2
    assert expected == pytest.approx(taken, abs=1e-7)
    assert ties == pytest.approx((votes == 0).sum(), abs=1e-7)


@pytest.mark.parametrize("how", ["davidson", "rao-kupper", "half"])
def test_without_ties_the_models_are_one(how: str) -> None:
    first, second, votes = simulated(4)
    decided = votes != 0
    plain = bradley_terry(first[decided], second[decided], (votes[decided] + 1) / 2)
    board = leaderboard(first[decided], second[decided], votes[decided], ties=how)
    for standing, expected in zip(board.standings, plain.standings, strict=True):
        assert standing.rating.interval == pytest.approx(expected.rating.interval, abs=1e-7)


@pytest.mark.parametrize("how", ["davidson", "rao-kupper", "half", "graded"])
def test_neither_the_order_of_battles_nor_of_sides_matters(how: str) -> None:
    first, second, votes = simulated(5, steps=3)
    rng = np.random.default_rng(6)
    prompts, order, swap = rng.integers(0, 90, len(votes)), rng.permutation(len(votes)), rng.random(len(votes)) < 0.5
    board = leaderboard(first, second, votes, prompts, how)
    other = leaderboard(
        np.where(swap, second, first)[order],
        np.where(swap, first, second)[order],
        np.where(swap, -votes, votes)[order],
        prompts[order],
        how,
    )
    for before, after in zip(board.standings, other.standings, strict=True):
        assert (after.model, after.rank) == (before.model, before.rank)
        assert after.rating.interval == pytest.approx(before.rating.interval, abs=1e-6)
    assert other.fit is not None and board.fit is not None
    assert other.fit.x2 == pytest.approx(board.fit.x2, rel=1e-8)


@pytest.mark.parametrize("how", ["davidson", "rao-kupper", "half", "graded"])
def test_turning_every_vote_turns_the_board_over(how: str) -> None:
    first, second, votes = simulated(7, steps=3)
    there, back = (logits(leaderboard(first, second, sign * votes, ties=how)) for sign in (1, -1))
    assert {model: -ability for model, ability in back.items()} == pytest.approx(there, abs=1e-8)


@pytest.mark.parametrize("how", ["davidson", "rao-kupper", "half", "graded"])
def test_every_battle_twice_changes_no_rating_nor_its_error_by_cluster(how: str) -> None:
    first, second, votes = simulated(8, steps=2)
    prompts = np.arange(len(votes)) // 4
    once = leaderboard(first, second, votes, prompts, how)
    twice = leaderboard(np.tile(first, 2), np.tile(second, 2), np.tile(votes, 2), np.tile(prompts, 2), how)
    for before, after in zip(once.standings, twice.standings, strict=True):
        assert after.rating.interval == pytest.approx(before.rating.interval, abs=1e-6)


@pytest.mark.parametrize("outcome", [HalfWins(), AdjacentCategories(np.arange(4.0)), RaoKupper()])
def test_slopes_are_those_of_the_log_chances(outcome: OutcomeModel) -> None:
    """Against differences of small steps, at three differences of abilities."""
    d, q, step = np.array([-1.3, 0.2, 2.0]), len(outcome.start), 1e-5
    at = outcome.start + 0.3 * np.arange(1, q + 1)
    found = outcome.slopes(d, at)
    assert found is not None
    assert np.exp(found.log_chance).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-12)
    for index in range(1 + q):
        moves = [outcome.slopes(*moved(d, at, index, sign * step)) for sign in (1, -1)]
        up, down = (move for move in moves if move is not None)
        assert found.gradient[:, :, index] == pytest.approx((up.log_chance - down.log_chance) / (2 * step), abs=1e-8)
        assert found.curvature[:, :, index] == pytest.approx(-(up.gradient - down.gradient) / (2 * step), abs=1e-7)


def moved(d: Any, at: Any, index: int, step: float) -> tuple[Any, Any]:
    if index == 0:
        return d + step, at
    return d, at + step * (np.arange(len(at)) == index - 1)


def test_a_threshold_below_nothing_is_out_of_bounds() -> None:
    assert RaoKupper().slopes(np.zeros(1), np.array([-0.1])) is None
