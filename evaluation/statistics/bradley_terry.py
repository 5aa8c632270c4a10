"""Ratings of many models from comparisons of two: the model of Bradley and Terry (1952) on the Elo scale.

By their ratings, the odds that the first model is preferred to the second are 10^((first - second) / 400) to one.
Ratings are centred at 1000: only their differences mean anything. What a tie says is a matter of choice:

- "half": half a win for each. Simple and the usual practice, but no account of how ties come about: with many of
  them all ratings move together. Also the choice where some model is only linked to others by ties.
- "davidson": a tie is an outcome of its own, likelier between equals (Davidson, 1970). The default where there are
  ties.
- "rao-kupper": small differences look like ties to the judge (Rao and Kupper, 1967). It fits nearly as Davidson's
  does; prefer whichever the goodness of fit prefers.
- "graded": how much better counts too, on any symmetric scale (adjacent categories: Agresti, 1992). It uses more of
  what raters said, and assumes that a step on the scale is worth the same between any two models.
Where there are no ties the first three are one and the same.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.battles import (
    ABOVE,
    ALONE,
    APART,
    BELOW,
    RATED,
    Battles,
    battles_of,
    places_of,
    points_table,
    wins_table,
)
from evaluation.statistics.estimates import FEW_CLUSTERS, Estimate, check_confidence, cluster_codes, t_quantile
from evaluation.statistics.goodness import GoodnessOfFit, goodness_of_fit
from evaluation.statistics.likelihood import Fitted, maximum_likelihood
from evaluation.statistics.outcomes import AdjacentCategories, HalfWins, OutcomeModel, RaoKupper
from evaluation.statistics.transitivity import Transitivity, transitivity

CENTRE = 1000.0
ELO_PER_LOGIT = 400 / math.log(10)

HALF, DAVIDSON, RAO_KUPPER, GRADED, AUTOMATIC = "half", "davidson", "rao-kupper", "graded", "auto"
TIES = (AUTOMATIC, DAVIDSON, RAO_KUPPER, HALF, GRADED)

WHY_UNRATED = {
    ABOVE: "It took every point from the rated models, itself or through others: no finite rating is high enough.",
    BELOW: "It took no point from the rated models, itself or through others: no finite rating is low enough.",
    APART: "The comparisons set no distance between it and the rated models.",
    ALONE: "No two models have taken points from each other: no rating is finite.",
}
WHY_UNRATED_BY_WINS = {
    ABOVE: "It lost to no rated model, itself or through others: no finite rating is high enough.",
    BELOW: "It beat no rated model, itself or through others: no finite rating is low enough.",
    APART: "Neither it nor the rated models have beaten each other: no distance is set between them.",
    ALONE: "No two models have beaten each other: no rating is finite.",
}
SOME_UNRATED = "Some models have no finite rating: their notes say why."
TIES_AS_HALVES = "A tie counts as half a win, as Davidson's tie model can't rate all models that this one can."


@dataclass(frozen=True)
class Standing:
    """A model's `rating` in Elo; its value is None, and its note says why, where the comparisons set none.

    rank: by the upper bound, one more than the models whose lower bound lies above it, so that models that can't be
    told apart share their rank; None without an interval.
    """

    model: str
    rating: Estimate
    battles: int
    rank: int | None = None


@dataclass(frozen=True)
class Leaderboard:
    """Standings, best first; a model without a finite rating stands above, below or after the rated ones.

    clusters: those that the standard errors rest on, among the battles of rated models. ties: how they count, see
    above. even_chances: by strength of preference for the first, how a comparison of two models of equal ability
    comes out, for models of ties or grades. fit, circles: where they were asked for. with_ties: the same battles by
    the tie model that suits them, where these ratings take ties as half wins for comparison's sake.
    """

    standings: tuple[Standing, ...]
    battles: int
    clusters: int
    note: str = ""
    ties: str = HALF
    even_chances: tuple[tuple[float, float], ...] = ()
    fit: GoodnessOfFit | None = None
    circles: Transitivity | None = None
    with_ties: "Leaderboard | None" = None


def bradley_terry(
    first: ArrayLike,
    second: ArrayLike,
    points: ArrayLike,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Leaderboard:
    """Maximum-likelihood ratings from battles, each of `first` against `second`; a tie is half a win.

    first, second: (n,) names of models. points: (n,) of the first, 1 won, 0.5 tied, 0 lost, or any part between.
    clusters: (n,) labels of battles that depend on each other (the votes on a prompt); all are independent when
    omitted. Standard errors are those of the cluster-robust sandwich, of the rating's distance from the mean of the
    rated models; intervals take Student's t with one degree of freedom less than clusters. Raises ValueError for bad
    arguments.
    """
    check_confidence(confidence)
    won = np.asarray(points, dtype=np.float64)
    battles = battles_of(first, second, 2 * won - 1, "points")
    outside = won[~((won >= 0) & (won <= 1))]
    if outside.size:
        raise ValueError(f"points must be between 0 (lost) and 1 (won), got {outside[0]}")
    return _rated(battles, _codes(clusters, battles), HALF, confidence)


def leaderboard(
    first: ArrayLike,
    second: ArrayLike,
    votes: ArrayLike,
    clusters: ArrayLike | None = None,
    ties: str = AUTOMATIC,
    confidence: float = 0.95,
) -> Leaderboard:
    """Ratings with goodness of fit and circles, from votes (n,): above 0 for the first model, 0 a tie, below 0.

    ties: one of TIES; "auto" is Davidson's model where there are ties and it can rate all models that "half" can.
    Other arguments and errors as those of `bradley_terry`. "graded" needs votes whose size is the strength of a
    preference; the others take their sign alone.
    """
    check_confidence(confidence)
    if ties not in TIES:
        raise ValueError(f"ties must be one of {', '.join(TIES)}, got {ties!r}")
    battles = battles_of(first, second, votes)
    outside = battles.votes[~np.isfinite(battles.votes)]
    if outside.size:
        raise ValueError(f"votes must be finite numbers, got {outside[0]}: leave out battles without one")
    codes = _codes(clusters, battles)
    if ties != GRADED:
        battles = Battles(battles.names, battles.players, np.sign(battles.votes))
    chosen = _best_tie_model(battles) if ties == AUTOMATIC else ties
    board = _rated(battles, codes, chosen, confidence, explained=True)
    if ties == AUTOMATIC and chosen == HALF and (battles.votes == 0).any():
        note = f"{board.note} {TIES_AS_HALVES}".strip()
        board = Leaderboard(**(vars(board) | {"note": note}))
    return board


def _codes(clusters: ArrayLike | None, battles: Battles) -> IntArray:
    observations = len(battles.votes)
    return np.arange(observations) if clusters is None else cluster_codes(clusters, observations)


def _best_tie_model(battles: Battles) -> str:
    if len(battles.votes) == 0 or not (battles.votes == 0).any():
        return HALF
    by_wins, by_points = (int((_places(battles, ties) == RATED).sum()) for ties in (DAVIDSON, HALF))
    return DAVIDSON if by_wins == by_points else HALF


def _places(battles: Battles, ties: str) -> IntArray:
    """Where a tie is no win, a model must have beaten others and been beaten: ties alone leave its distance open."""
    if ties == HALF:
        return places_of(points_table(battles.players, (battles.votes + 1) / 2, battles.models))
    return places_of(wins_table(battles.players, battles.votes, battles.models))


def _outcome_model(ties: str, votes: FloatArray) -> OutcomeModel:
    if ties == HALF or not (ties == GRADED or (votes == 0).any()):
        return HalfWins()
    return RaoKupper() if ties == RAO_KUPPER else AdjacentCategories(votes)


def _rated(battles: Battles, codes: IntArray, ties: str, confidence: float, explained: bool = False) -> Leaderboard:
    """explained: with goodness of fit and circles."""
    if len(battles.votes) == 0:
        return Leaderboard((), 0, 0, "There are no comparisons yet.", ties)
    places = _places(battles, ties)
    inside = (places[battles.players] == RATED).all(axis=0)
    rated = np.flatnonzero(places == RATED)
    labels, own_codes = np.unique(codes[inside], return_inverse=True)
    ratings: list[Estimate] = []
    fit: GoodnessOfFit | None = None
    chances: tuple[tuple[float, float], ...] = ()
    if rated.size:
        outcome = _outcome_model(ties, battles.votes[inside])
        players = np.searchsorted(rated, battles.players[:, inside])
        fitted = maximum_likelihood(players, battles.votes[inside], len(rated), outcome)
        ratings = _ratings(fitted, own_codes, confidence)
        chances = _even_chances(outcome, fitted)
        if explained:
            names = [str(battles.names[model]) for model in rated]
            fit = goodness_of_fit(fitted, names, outcome.points(), own_codes)
    why = WHY_UNRATED if ties == HALF else WHY_UNRATED_BY_WINS
    return Leaderboard(
        standings=_standings(battles, places, dict(zip(rated.tolist(), ratings, strict=True)), why, confidence),
        battles=len(battles.votes),
        clusters=len(labels),
        note="" if len(rated) == battles.models else SOME_UNRATED,
        ties=ties,
        even_chances=chances,
        fit=fit,
        circles=transitivity(battles, codes) if explained else None,
    )


def _ratings(fitted: Fitted, codes: IntArray, confidence: float) -> list[Estimate]:
    elo = CENTRE + ELO_PER_LOGIT * fitted.abilities
    groups = int(codes.max()) + 1
    if groups < 2:
        note = "One cluster alone says nothing about the error of this rating."
        return [Estimate(float(value), None, None, confidence, note) for value in elo]
    variances = np.diag(fitted.covariance(codes))[: len(elo)]
    errors = ELO_PER_LOGIT * np.sqrt(np.maximum(variances, 0.0))
    margins = t_quantile(confidence, groups - 1) * errors
    note = f"Only {groups} clusters: the interval is likely to be too narrow." if groups < FEW_CLUSTERS else ""
    return [
        Estimate(float(value), float(error), (float(value - margin), float(value + margin)), confidence, note)
        for value, error, margin in zip(elo, errors, margins, strict=True)
    ]


def _even_chances(outcome: OutcomeModel, fitted: Fitted) -> tuple[tuple[float, float], ...]:
    """By strength, the best for the first model first."""
    slopes = outcome.slopes(np.zeros(1), fitted.parameters)
    if isinstance(outcome, HalfWins) or slopes is None:
        return ()
    levels = outcome.levels if isinstance(outcome, AdjacentCategories) else np.array([1.0, 0.0, -1.0])
    return tuple(zip(levels.tolist(), np.exp(slopes.log_chance[0]).tolist(), strict=True))


def _standings(
    battles: Battles, places: IntArray, ratings: dict[int, Estimate], why: dict[int, str], confidence: float
) -> tuple[Standing, ...]:
    """Best first: those above the rated ones, the rated ones by rating, those below, and those apart."""
    games = np.bincount(battles.players.ravel())
    elo = np.array([ratings[model].value if model in ratings else 0.0 for model in range(battles.models)], dtype=float)
    lowest = np.array([rating.interval[0] for rating in ratings.values() if rating.interval])
    above = int((places == ABOVE).sum())
    standings = []
    for model in np.lexsort((-elo, places)).tolist():
        rating = ratings.get(model) or Estimate(None, None, None, confidence, why[places[model]])
        rank = 1 + above + int((lowest > rating.interval[1]).sum()) if rating.interval else None
        standings.append(Standing(str(battles.names[model]), rating, int(games[model]), rank))
    return tuple(standings)
