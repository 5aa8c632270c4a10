"""Plans of campaigns: what a pilot says about ties and agreement, and the alternatives by number of raters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.judging import collect
from evaluation.models import Campaign
from evaluation.statistics.agreement import fleiss
from evaluation.statistics.planning import (
    AnotherRater,
    Assumptions,
    Costs,
    NoPlanError,
    Plan,
    another_rater,
    best_number_of_raters,
    for_difference,
    for_width,
)

SIDES = (-1, 0, 1)
RATERS = (1, 2, 3, 4, 5)


class NoPilotError(ValueError):
    """The campaign can't tell how often raters tie and agree; the message says why."""


@dataclass(frozen=True)
class Pilot:
    """What a campaign's votes say: the share of ties, and Fleiss' kappa with quadratic weights on win, tie, loss."""

    campaign: str
    votes: int
    items: int
    tie_rate: float
    icc: float
    interval: tuple[float, float] | None


def pilot(campaign: Campaign) -> Pilot:
    """Raises NoPilotError where nobody, or never two, judged the same item."""
    sides = collect(campaign).ballots.sides
    cast = ~np.isnan(sides)
    if not cast.any():
        raise NoPilotError(f'Nobody has judged a pair of "{campaign.slug}" yet: it is no pilot.')
    kappa = fleiss(sides, "quadratic", categories=SIDES)
    if kappa.value is None:
        raise NoPilotError(f'"{campaign.slug}" does not tell how far raters agree. {kappa.note}')
    ties = float(np.mean(sides[cast] == 0))
    return Pilot(campaign.slug, int(cast.sum()), kappa.items, ties, min(max(kappa.value, 0.0), 1.0), kappa.interval)


@dataclass(frozen=True)
class Wanted:
    """A width of the interval or a difference to be found; the other is None. pairs: of models, judged together."""

    width: float | None = None
    difference: float | None = None
    power: float = 0.8
    confidence: float = 0.95
    pairs: int = 1


@dataclass(frozen=True)
class Alternatives:
    """Plans for the same end by number of raters. best_raters: what the formula of costs recommends, not rounded."""

    assumptions: Assumptions
    wanted: Wanted
    costs: Costs
    plans: tuple[Plan, ...]
    third_rater: AnotherRater
    best_raters: float | None
    refused: str = ""

    @property
    def cheapest(self) -> Plan | None:
        return min(self.plans, key=lambda plan: (plan.cost, plan.judgements), default=None)

    @property
    def says(self) -> str:
        """What a third rater is worth against new prompts."""
        third = self.third_rater
        more, prompts = (f"{100 * (1 - part):.0f} %" for part in (third.by_rater, third.by_prompts))
        said = (
            f"A third rater on each prompt takes {more} off the variance of the mean vote; new prompts for the same "
            f"money {prompts}: "
        )
        worth = "new prompts are worth more" if third.prompts_are_worth_more else "the third rater is worth more"
        return f"{said}{worth}. Two raters or more are needed all the same to know how far they agree."


def alternatives(
    assumptions: Assumptions,
    wanted: Wanted,
    rule: str = "majority",
    costs: Costs | None = None,
    raters: Sequence[int] = RATERS,
) -> Alternatives:
    """Raises ValueError for what can't be; where no number of prompts is enough, `refused` says so."""
    costs = costs or Costs()
    if (wanted.width is None) == (wanted.difference is None):
        raise ValueError("Ask for either a width of the interval or a difference to be found.")
    plans, refused = [], ""
    for number in raters:
        try:
            if wanted.width is not None:
                plan = for_width(assumptions, wanted.width, number, rule, wanted.confidence, wanted.pairs, costs)
            else:
                plan = for_difference(
                    assumptions,
                    wanted.difference or 0.0,
                    number,
                    rule,
                    wanted.power,
                    wanted.confidence,
                    wanted.pairs,
                    costs,
                )
        except NoPlanError as error:
            refused = str(error)
            continue
        plans.append(plan)
    best = best_number_of_raters(assumptions.icc, costs)
    return Alternatives(
        assumptions,
        wanted,
        costs,
        tuple(plans),
        another_rater(assumptions, 2, costs),
        best if math.isfinite(best) else None,
        refused,
    )
