"""How often the ratings' intervals hold the truth, where the votes on a prompt depend on each other."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.bradley_terry import ELO_PER_LOGIT, Leaderboard, leaderboard
from tests.evaluation.statistics.simulated_battles import (
    ABILITIES,
    NAMES,
    PAIRS,
    davidson_votes,
    graded_votes,
    rao_kupper_votes,
)

RUNS, PROMPTS, RATERS = 200, 50, 3


def held(board: Leaderboard) -> list[bool]:
    truth = dict(zip(NAMES.tolist(), (1000 + ELO_PER_LOGIT * ABILITIES).tolist(), strict=True))
    intervals = {standing.model: standing.rating.interval or (math.nan, math.nan) for standing in board.standings}
    return [intervals[name][0] <= value <= intervals[name][1] for name, value in truth.items()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "draw"),
    [("davidson", davidson_votes), ("rao-kupper", rao_kupper_votes), ("graded", graded_votes)],
)
def test_intervals_clustered_by_prompt_cover_as_they_say_and_independent_ones_do_not(
    how: str, draw: Callable[..., tuple[Any, Any]]
) -> None:
    """Four models' intervals in 200 samples: 95 % within three standard errors of a sample's mean coverage."""
    rng = np.random.default_rng(31)
    first, second = (np.tile(np.repeat(NAMES[PAIRS[:, side]], RATERS), PROMPTS) for side in (0, 1))
    clustered, independent = [], []
    for _ in range(RUNS):
        votes, prompts = draw(rng, PROMPTS, RATERS)
        clustered.append(np.mean(held(leaderboard(first, second, votes, prompts, how))))
        independent.append(np.mean(held(leaderboard(first, second, votes, None, how))))
    error = np.std(clustered) / math.sqrt(RUNS)
    assert abs(np.mean(clustered) - 0.95) < 3 * error + 0.005  # the half point: t with 49 degrees is approximate
    assert np.mean(independent) < 0.9
