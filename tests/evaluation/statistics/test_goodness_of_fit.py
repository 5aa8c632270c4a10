"""Whether ratings reproduce the pairs' results: X2 and G2 by hand, and a test that keeps its level among clusters."""

import math

import numpy as np
import pytest

from evaluation.statistics.bradley_terry import Leaderboard, leaderboard
from evaluation.statistics.goodness import GoodnessOfFit
from tests.evaluation.statistics.simulated_battles import NAMES, PAIRS, davidson_votes

# Each beats the next three times of four, in a circle: equal ratings, which expect two of four.
CIRCLE = (["A"] * 4 + ["B"] * 4 + ["C"] * 4, ["B"] * 4 + ["C"] * 4 + ["A"] * 4, [1, 1, 1, -1] * 3)


def fit_of(board: Leaderboard) -> GoodnessOfFit:
    assert board.fit is not None
    return board.fit


def test_a_circle_fits_no_ratings() -> None:
    """X2 has (3 - 2)^2 / 2 in six cells; G2 is 2 * 3 * (3 ln(3/2) + ln(1/2)); three pairs less two distances leave 1.

    Were battles independent, a chi-squared of 3 with one degree has p = 2 (1 - Phi(sqrt 3)).
    """
    fit = fit_of(leaderboard(*CIRCLE))
    assert (fit.x2, fit.g2) == pytest.approx((3, 6 * (3 * math.log(1.5) - math.log(2))), abs=1e-9)
    assert fit.degrees == 1
    assert fit.p_independent == pytest.approx(math.erfc(math.sqrt(3 / 2)), abs=1e-9)


def test_independent_battles_have_a_design_effect_of_their_number_over_one_less() -> None:
    """Each residual squared is its variance, 1/4, so the sandwich is the model's but for the factor 12 / 11."""
    fit = fit_of(leaderboard(*CIRCLE))
    assert fit.design_effect == pytest.approx(12 / 11, abs=1e-9)
    assert fit.p_value == pytest.approx(math.erfc(math.sqrt(3 * 11 / 12 / 2)), abs=1e-9)


def test_a_pairs_residual_is_in_its_standard_errors() -> None:
    """One point more than expected, whose variance is 4/4 less two thirds that the ratings take up, times 12 / 11."""
    residuals = fit_of(leaderboard(*CIRCLE)).pairs
    by_pair = {(pair.first, pair.second): pair for pair in residuals}
    assert (by_pair["A", "B"].observed, by_pair["A", "B"].battles) == (3, 4)
    assert by_pair["A", "B"].expected == pytest.approx(2, abs=1e-9)
    assert by_pair["A", "B"].residual == pytest.approx(1 / math.sqrt(12 / 33), abs=1e-6)
    assert by_pair["A", "C"].residual == pytest.approx(-1 / math.sqrt(12 / 33), abs=1e-6)


def test_everything_twice_in_one_cluster_is_no_more_evidence() -> None:
    """X2 doubles and so does the design effect: the corrected p-value stays."""
    once = fit_of(leaderboard(*CIRCLE, clusters=np.arange(12)))
    first, second, votes = CIRCLE
    twice = fit_of(leaderboard(first * 2, second * 2, votes * 2, clusters=np.tile(np.arange(12), 2)))
    assert twice.x2 == pytest.approx(2 * once.x2, abs=1e-9)
    assert twice.p_value == pytest.approx(once.p_value, abs=1e-9)
    assert (twice.p_independent or 1) < (once.p_independent or 0)


def test_two_models_fit_whatever_came() -> None:
    fit = fit_of(leaderboard(["A"] * 4, ["B"] * 4, [1, 1, 0, -1]))
    assert (fit.x2, fit.degrees, fit.p_value) == (pytest.approx(0, abs=1e-9), 0, None)
    assert "No pair is left over" in fit.note
    assert fit.pairs[0].residual is None


def test_halves_are_no_counts_and_have_no_test_of_independent_battles() -> None:
    first, second, votes = CIRCLE
    fit = fit_of(leaderboard(first, second, [*votes[:-1], 0], ties="half"))
    assert fit.p_independent is None
    assert fit.p_value is not None


def test_one_cluster_has_no_test() -> None:
    fit = fit_of(leaderboard(*CIRCLE, clusters=[1] * 12))
    assert (fit.design_effect, fit.p_value) == (None, None)
    assert "One cluster alone" in fit.note


@pytest.mark.slow
def test_the_corrected_test_keeps_its_level_where_votes_depend_and_the_independent_one_does_not() -> None:
    """Five percent of 250 samples from Davidson's model, within three standard errors (4.1 %)."""
    rng = np.random.default_rng(21)
    corrected = independent = 0
    for _ in range(250):
        votes, prompts = davidson_votes(rng, prompts=60, raters=3)
        first, second = (np.tile(np.repeat(NAMES[PAIRS[:, side]], 3), 60) for side in (0, 1))
        fit = fit_of(leaderboard(first, second, votes, prompts, "davidson"))
        corrected += (fit.p_value or 0) < 0.05
        independent += (fit.p_independent or 0) < 0.05
    assert abs(corrected / 250 - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 250)
    assert independent / 250 > 0.2
