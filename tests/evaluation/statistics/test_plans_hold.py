"""Plans against simulated campaigns: the power and the width that were promised, and the agreement assumed."""

import math

import numpy as np
import pytest

from evaluation.statistics.agreement import fleiss
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.planning import Assumptions, for_difference
from evaluation.statistics.preferences import majority_side, win_rate

pytestmark = pytest.mark.slow

CAMPAIGNS = 1500


def votes_of(assumptions: Assumptions, prompts: int, raters: int, rng: np.random.Generator) -> FloatArray:
    """Votes 1, 0, -1 (prompts, raters): each prompt has its own chances, from which its raters draw."""
    spread = (1 - assumptions.icc) / assumptions.icc
    chances = rng.dirichlet(np.array(assumptions.shares) * spread, size=prompts)
    drawn = rng.random((prompts, raters, 1)) > np.cumsum(chances, axis=1)[:, None, :2]
    return 1.0 - drawn.sum(axis=2)


@pytest.mark.parametrize("rule", ["majority", "vote"])
def test_campaigns_find_the_difference_as_often_as_planned(rule: str) -> None:
    rng = np.random.default_rng(1)
    assumptions = Assumptions(tie_rate=0.25, icc=0.4)
    plan = for_difference(assumptions, 0.08, 3, rule)
    votes = votes_of(assumptions.at(0.58), CAMPAIGNS * plan.prompts, 3, rng)
    points = ((majority_side(votes) if rule == "majority" else votes.mean(axis=1)) + 1) / 2
    by_campaign = points.reshape(CAMPAIGNS, plan.prompts)
    means, errors = by_campaign.mean(axis=1), by_campaign.std(axis=1, ddof=1) / math.sqrt(plan.prompts)
    assert means.mean() == pytest.approx(plan.win_rate, abs=4 * plan.standard_error / math.sqrt(CAMPAIGNS))
    assert means.std() == pytest.approx(plan.standard_error, rel=0.07)
    quantile = plan.width / 2 / plan.standard_error
    found = np.mean(means - quantile * errors > 0.5)
    assert plan.power is not None
    assert found == pytest.approx(plan.power, abs=3 * math.sqrt(0.8 * 0.2 / CAMPAIGNS))


def test_a_campaign_of_the_planned_size_has_the_planned_width_and_the_assumed_agreement() -> None:
    rng = np.random.default_rng(2)
    assumptions = Assumptions(tie_rate=0.3, icc=0.5, win_rate=0.55)
    votes = votes_of(assumptions, 4000, 3, rng)
    kappa = fleiss(votes, categories=[-1, 0, 1])
    weighted = fleiss(votes, "quadratic", categories=[-1, 0, 1])
    for found in (kappa, weighted):
        assert found.value == pytest.approx(0.5, abs=4 * (found.standard_error or 0))
    assert (kappa.observed or 0) == pytest.approx(assumptions.percent_agreement, abs=0.03)
    plan = for_difference(Assumptions(0.3, 0.5), 0.05, 3)
    low, high = win_rate(votes[: plan.prompts]).win_rate.interval or (0, 1)
    assert high - low == pytest.approx(plan.width, rel=0.06)
