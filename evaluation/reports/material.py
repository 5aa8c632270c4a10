"""What a report is made from: all that was collected of a campaign, once, and what several sections need of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from evaluation.comparing_models import Comparison, Sides, compare
from evaluation.judging import Ballots, Collected
from evaluation.statistics.agreement import Agreement, gwet
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.bradley_terry import Leaderboard, bradley_terry
from evaluation.statistics.preferences import majority_side

SEVEN_POINT_SCALE = (-3, -2, -1, 0, 1, 2, 3)
SIDES = (-1, 0, 1)


@dataclass(frozen=True)
class Facts:
    """What a report says of the campaign itself. made_at: an ISO time, the one that its data are as of."""

    campaign: str
    name: str
    dimension: str
    made_at: str
    raters_per_item: int
    models: tuple[str, ...]
    """The campaign's model versions, by name; judgements may be of more."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How answers were sampled and raters were instructed, for the method."""


@dataclass(frozen=True)
class Reliability:
    """How far the raters agree: AC2 with quadratic weights, and AC1, for which only equal ratings agree."""

    ac2: Agreement
    ac1: Agreement


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that sections compute from."""

    facts: Facts
    collected: Collected
    extras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What a section collects beyond the ballots, by the section's key."""

    @property
    def ballots(self) -> Ballots:
        return self.collected.ballots

    @property
    def categories(self) -> tuple[int, ...]:
        """The points that a vote can have, above 0 for the first model."""
        return SEVEN_POINT_SCALE if self.collected.graded else SIDES

    @cached_property
    def majority(self) -> FloatArray:
        """(n,) the side that more than half of an item's votes take."""
        return majority_side(self.ballots.sides)

    @cached_property
    def leaderboard(self) -> Leaderboard:
        return leaderboard_of(self.ballots, self.majority)

    @cached_property
    def comparison(self) -> Comparison:
        """Every two models, by the majority of each item and the words of the answers; the better one first."""
        ballots = self.ballots
        gaps = (ballots.words[:, 0] - ballots.words[:, 1]).astype(np.float64)
        sides = Sides(ballots.first, ballots.second, (self.majority + 1) / 2, ballots.prompts, gaps)
        judged = ~np.isnan(self.majority)
        return compare(sides.where(judged), order=self.models)

    @cached_property
    def models(self) -> tuple[str, ...]:
        """All models, best first; those without a judgement last, by name."""
        standing = [standing.model for standing in self.leaderboard.standings]
        if all(standing.rating.value is None for standing in self.leaderboard.standings):
            # One wins everything: no rating is finite, and yet it is the best.
            standing.sort(key=lambda model: -self._points_taken(model))
        names = {*self.facts.models, *self.ballots.first.tolist(), *self.ballots.second.tolist()}
        return (*standing, *sorted(names.difference(standing)))

    def _points_taken(self, model: str) -> float:
        """The mean, from -1 to 1, of what the majorities of the judged items of a model say about it."""
        own = self.ballots.has(model)
        return float(np.nanmean(self.majority[own] * self.ballots.towards(model)[own]))

    def reliability(self, votes: FloatArray) -> Reliability:
        """Of votes (items x raters), on the scale that all of them were given on."""
        return Reliability(
            ac2=gwet(votes, weights="quadratic", categories=self.categories),
            ac1=gwet(votes, weights="identity", categories=self.categories),
        )


def leaderboard_of(ballots: Ballots, sides: FloatArray) -> Leaderboard:
    """From one side (n,) for each item, so that an item counts once however many raters it had."""
    judged = ~np.isnan(sides)
    return bradley_terry(
        ballots.first[judged], ballots.second[judged], (sides[judged] + 1) / 2, clusters=ballots.prompts[judged]
    )


def meetings(ballots: Ballots, models: Sequence[str]) -> Iterator[tuple[str, str, Ballots]]:
    """Every two models that meet, the better one first."""
    for first, second in combinations(models, 2):
        between = ballots.between(first, second)
        if len(between):
            yield first, second, between


def judged_prompts(ballots: Ballots) -> int:
    return len(np.unique(ballots.prompts[ballots.cast.any(axis=1)]))
