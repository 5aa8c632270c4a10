"""Every figure of the report once more, with the interval that drawing the prompts anew gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from evaluation.reports.lines import Subject
from evaluation.reports.material import Material
from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.bradley_terry import Leaderboard
from evaluation.statistics.replicates import Coefficient, Sums, coefficients, ratings, ratios

REPLICATES = 1000
SEED = 20230719
"""The same draws each time: a report that is made again says the same."""


class Resampled(NamedTuple):
    """A figure and how to get it from the totals (replicates, columns) of the columns that it asked for."""

    subject: Subject
    name: str
    replicates: Callable[[FloatArray], FloatArray]
    n: int


@dataclass(frozen=True, eq=False)
class Resampling:
    """Where a section asks for its columns. The point value is the figure in the sample itself, each prompt once."""

    material: Material
    sums: Sums

    def ratio(self, subject: Subject, name: str, above: int, below: int, n: int) -> Resampled:
        return Resampled(subject, name, lambda totals: ratios(totals, above, below), n)

    def rates(self, subject: Subject, sides: FloatArray, at: IntArray | None) -> Iterator[Resampled]:
        """Win, tie, loss and win rate of sides (k,) or (k, r), NaN where missing, of the items `at`."""
        table = sides.reshape(len(sides), -1)
        cast = ~np.isnan(table)
        n, below = int(cast.sum()), self.sums.column(cast.sum(axis=1), at)
        counts = {"win": table > 0, "tie": table == 0, "loss": table < 0}
        for name, where in counts.items():
            yield self.ratio(subject, name, self.sums.column(where.sum(axis=1), at), below, n)
        points = self.sums.column(np.where(cast, (np.sign(table) + 1) / 2, 0).sum(axis=1), at)
        yield self.ratio(subject, "win_rate", points, below, n)

    def agreement(self, subject: Subject, votes: FloatArray, at: IntArray | None) -> Iterator[Resampled]:
        for name, weights in (("ac2", "quadratic"), ("ac1", "identity")):
            columns = self.sums.coefficient(votes, self.material.categories, weights, at)
            yield Resampled(subject, name, _coefficients_of(columns), int((~np.isnan(votes)).sum()))

    def elo(self, judge: str, leaderboard: Leaderboard, sides: FloatArray) -> Iterator[Resampled]:
        """Of the models that have a rating, from one side (n,) of each item."""
        ballots = self.material.ballots
        rated = [standing for standing in leaderboard.standings if standing.rating.value is not None]
        cells: list[tuple[int, int, int]] = []
        for (i, one), (j, other) in combinations(enumerate(rated), 2):
            at = np.flatnonzero(ballots.meet(one.model, other.model) & ~np.isnan(sides))
            if len(at):
                won = (sides[at] * ballots.towards(one.model)[at] + 1) / 2
                cells += [(i, j, self.sums.column(won, at)), (j, i, self.sums.column(1 - won, at))]
        solved = _solved(len(rated), cells)
        for place, standing in enumerate(rated):
            subject = Subject(judge, "leaderboard", standing.model)
            yield Resampled(subject, "elo", _column_of(solved, place), standing.battles)


def _coefficients_of(columns: Coefficient) -> Callable[[FloatArray], FloatArray]:
    return lambda totals: coefficients(totals, columns)


def _column_of(solved: Callable[[FloatArray], FloatArray], place: int) -> Callable[[FloatArray], FloatArray]:
    return lambda totals: solved(totals)[:, place]


def _solved(models: int, cells: list[tuple[int, int, int]]) -> Callable[[FloatArray], FloatArray]:
    """Ratings (replicates, models) from totals, solved once for all models."""
    known: list[tuple[int, FloatArray]] = []

    def solve(totals: FloatArray) -> FloatArray:
        if not known or known[0][0] != id(totals):
            points = np.zeros((len(totals), models, models))
            for i, j, column in cells:
                points[:, i, j] = totals[:, column]
            known[:] = [(id(totals), ratings(points))]
        return known[0][1]

    return solve
