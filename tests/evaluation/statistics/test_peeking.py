"""Looking at every prompt: how often a confidence sequence ever loses the truth, beside an ordinary interval."""

import math

import numpy as np
import pytest

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.sequential import is_ever_excluded

pytestmark = pytest.mark.slow

CAMPAIGNS, PROMPTS, FIRST_LOOK = 1000, 600, 30


def prompts_of(won: float, tied: float, icc: float, rng: np.random.Generator) -> FloatArray:
    """The mean of three votes on each prompt (CAMPAIGNS, PROMPTS), which agree by the icc."""
    shares = np.array([won, tied, 1 - won - tied])
    chances = rng.dirichlet(shares * (1 - icc) / icc, size=(CAMPAIGNS, PROMPTS))
    drawn = rng.random((CAMPAIGNS, PROMPTS, 3, 1)) > np.cumsum(chances, axis=2)[:, :, None, :2]
    means: FloatArray = 1 - drawn.sum(axis=3).mean(axis=2) / 2
    return means


@pytest.mark.parametrize(("won", "tied"), [(0.4, 0.2), (0.55, 0.3), (0.9, 0.05)])
def test_the_truth_is_rarely_ever_lost_where_an_ordinary_interval_often_loses_it(won: float, tied: float) -> None:
    """At most 5 of 100, within three errors of the simulation; 1.96 errors lose it in a third of the campaigns."""
    values = prompts_of(won, tied, 0.4, np.random.default_rng(7))
    truth = won + tied / 2
    lost = np.mean([is_ever_excluded(campaign, truth) for campaign in values])
    assert lost <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / CAMPAIGNS)

    n = np.arange(1, PROMPTS + 1)
    means = np.cumsum(values, axis=1) / n
    deviations = np.sqrt(np.maximum(np.cumsum(values**2, axis=1) / n - means**2, 1e-12))
    ordinary = np.abs(means - truth) > 1.96 * deviations / np.sqrt(n)
    assert np.mean(ordinary[:, FIRST_LOOK:].any(axis=1)) > 0.2
