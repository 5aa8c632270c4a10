"""Models of one comparison's outcome, given how far one model's ability is above the other's.

Each says how probable its outcomes are at a difference d of abilities (natural log-odds) and at its own parameters,
and how the logarithms of these probabilities change with both. A battle is a row of shares over the outcomes: all of
it on the outcome that came, or, where a tie is half a win, half on each.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from evaluation.statistics.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Slopes:
    """At p differences and with q parameters, for each of c outcomes.

    log_chance: (p, c) logarithms of the probabilities. gradient: (p, c, 1 + q) their derivatives, by d first.
    curvature: (p, c, 1 + q, 1 + q) their second derivatives with the sign turned.
    """

    log_chance: FloatArray
    gradient: FloatArray
    curvature: FloatArray


class OutcomeModel(Protocol):
    """What the likelihood needs to know."""

    start: FloatArray
    """(q,) parameters to start from."""

    def shares(self, votes: FloatArray) -> FloatArray:
        """(n, c) shares of each outcome in each of the votes (n,): above 0 for the first model, 0 a tie."""

    def slopes(self, difference: FloatArray, parameters: FloatArray) -> Slopes | None:
        """At differences (p,) and parameters (q,); None where the parameters are out of bounds."""

    def points(self) -> FloatArray:
        """(c,) what each outcome is worth to the first model, from 0 to 1."""


class HalfWins:
    """Bradley and Terry (1952): the first wins with probability 1 / (1 + e^-d), and a tie is half a win."""

    start = np.empty(0)

    def shares(self, votes: FloatArray) -> FloatArray:
        won = (np.sign(votes) + 1) / 2
        return np.column_stack([won, 1 - won])

    def slopes(self, difference: FloatArray, parameters: FloatArray) -> Slopes:
        won, lost = special.expit(difference), special.expit(-difference)
        log_chance = np.column_stack([special.log_expit(difference), special.log_expit(-difference)])
        curvature = np.repeat((won * lost)[:, None], 2, axis=1)
        return Slopes(log_chance, np.column_stack([lost, -won])[:, :, None], curvature[:, :, None, None])

    def points(self) -> FloatArray:
        return np.array([1.0, 0.0])


class AdjacentCategories:
    """Outcomes of several strengths k from -K to K, where P(k) is proportional to exp(k d / 2 + a_|k|).

    With k = 1, 0, -1 it is the tie model of Davidson (1970): e^a_0 is his nu, and a tie between equals is nu times as
    likely as either win. With more strengths it is the adjacent-categories logit model of Agresti (1992) for graded
    preferences: the log-odds of "k for the first" to "k for the second" are k d. The largest strength has a = 0.
    Strengths that nobody used are left out, as their probability is estimated at 0.
    """

    def __init__(self, strengths: FloatArray) -> None:
        """strengths: those that were used, signs aside, in any order and number."""
        self.used = np.unique(np.abs(strengths))
        self.levels = np.unique(np.concatenate([self.used, -self.used]))[::-1]  # the first model's best outcome first
        self.own = (np.abs(self.levels)[:, None] == self.used[:-1]).astype(np.float64)
        self.start = np.zeros(len(self.used) - 1)

    def shares(self, votes: FloatArray) -> FloatArray:
        return (votes[:, None] == self.levels).astype(np.float64)

    def slopes(self, difference: FloatArray, parameters: FloatArray) -> Slopes:
        features = np.column_stack([self.levels / 2, self.own])  # (c, 1 + q)
        weights = np.outer(difference, features[:, 0]) + features[:, 1:] @ parameters
        log_chance = weights - special.logsumexp(weights, axis=1, keepdims=True)
        chance = np.exp(log_chance)
        gradient = features - (chance @ features)[:, None, :]
        spread = np.einsum("pc,pcx,pcy->pxy", chance, gradient, gradient)
        shape = (*log_chance.shape, *spread.shape[1:])
        return Slopes(log_chance, gradient, np.broadcast_to(spread[:, None], shape))

    def points(self) -> FloatArray:
        return (np.sign(self.levels) + 1) / 2


class RaoKupper:
    """Rao and Kupper (1967): differences within a threshold c > 0 look alike to the judge.

    P(first) = 1 / (1 + e^(c - d)), P(second) = 1 / (1 + e^(c + d)), else a tie; e^c is their theta. It is the
    proportional-odds model of lose, tie, win with cut points -c and c.
    """

    start = np.array([0.5])

    def shares(self, votes: FloatArray) -> FloatArray:
        return (np.sign(votes)[:, None] == np.array([1.0, 0.0, -1.0])).astype(np.float64)

    def slopes(self, difference: FloatArray, parameters: FloatArray) -> Slopes | None:
        threshold = float(parameters[0])
        if threshold <= 0:
            return None
        for_first, for_second = difference - threshold, -difference - threshold
        won, lost = special.expit(for_first), special.expit(for_second)
        # 1 - won - lost = (1 - e^-2c) (1 - won) (1 - lost), whose logarithm has simple derivatives
        tied = special.log_expit(-for_first) + special.log_expit(-for_second) + math.log(-math.expm1(-2 * threshold))
        log_chance = np.column_stack([special.log_expit(for_first), tied, special.log_expit(for_second)])
        by_difference = np.column_stack([1 - won, lost - won, lost - 1])
        by_threshold = np.column_stack([won - 1, won + lost + 2 / math.expm1(2 * threshold), lost - 1])
        gradient = np.stack([by_difference, by_threshold], axis=-1)
        up, down = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])
        first_bends = (won * (1 - won))[:, None, None] * up
        second_bends = (lost * (1 - lost))[:, None, None] * down
        edge = np.zeros((2, 2))
        edge[1, 1] = 1 / math.sinh(threshold) ** 2  # 4 e^2c / (e^2c - 1)^2
        curvature = np.stack([first_bends, first_bends + second_bends + edge, second_bends], axis=1)
        return Slopes(log_chance, gradient, curvature)

    def points(self) -> FloatArray:
        return np.array([1.0, 0.5, 0.0])
