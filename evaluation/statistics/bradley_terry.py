"""Ratings of many models from comparisons of two: the model of Bradley and Terry (1952) on the Elo scale.

By their ratings, the first model is preferred with probability 1 / (1 + 10^((second - first) / 400)); a tie
counts as half a win. Ratings are centred at 1000: only their differences mean anything.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, special
from scipy.sparse import csgraph

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.estimates import FEW_CLUSTERS, Estimate, check_confidence, cluster_codes, t_quantile

CENTRE = 1000.0
ELO_PER_LOGIT = 400 / math.log(10)

MAX_STEPS = 200

ABOVE, RATED, BELOW, APART, ALONE = range(5)
WHY_UNRATED = {
    ABOVE: "It took every point from the rated models, itself or through others: no finite rating is high enough.",
    BELOW: "It took no point from the rated models, itself or through others: no finite rating is low enough.",
    APART: "The comparisons set no distance between it and the rated models.",
    ALONE: "No two models have taken points from each other: no rating is finite.",
}


@dataclass(frozen=True)
class Standing:
    """A model's `rating` in Elo; its value is None, and its note says why, where the comparisons set none."""

    model: str
    rating: Estimate
    battles: int


@dataclass(frozen=True)
class Leaderboard:
    """Standings, best first; a model without a finite rating stands above, below or after the rated ones.

    clusters: those that the standard errors rest on, among the battles of rated models.
    """

    standings: tuple[Standing, ...]
    battles: int
    clusters: int
    note: str = ""


def bradley_terry(
    first: ArrayLike,
    second: ArrayLike,
    points: ArrayLike,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Leaderboard:
    """Maximum-likelihood ratings from battles, each of `first` against `second`.

    first, second: (n,) names of models. points: (n,) of the first, 1 won, 0.5 tied, 0 lost. clusters: (n,) labels
    of battles that depend on each other (the votes on a prompt); all are independent when omitted. Standard
    errors are those of the cluster-robust sandwich, of the rating's distance from the mean of the rated models;
    intervals take Student's t with one degree of freedom less than clusters.

    A finite maximum exists among models where each has taken a point from each other, directly or through
    others (Ford, 1957). The largest such group is rated, as it would be if the others' ratings grew without
    bound; their notes say why they have none. Raises ValueError for bad arguments.
    """
    check_confidence(confidence)
    names, players, won = _battles(first, second, points)
    codes = np.arange(len(won)) if clusters is None else cluster_codes(clusters, len(won))
    if len(won) == 0:
        return Leaderboard((), 0, 0, "There are no comparisons yet.")
    places = _places(_points_table(players, won, len(names)))
    inside = (places[players] == RATED).all(axis=0)
    rated = np.flatnonzero(places == RATED)
    ratings = _ratings(np.searchsorted(rated, players[:, inside]), won[inside], codes[inside], len(rated), confidence)
    estimates = dict(zip(rated.tolist(), ratings, strict=True))
    battles = np.bincount(players.ravel())
    elo = [estimates[model].value if model in estimates else 0.0 for model in range(len(names))]
    standings = tuple(
        Standing(
            str(names[model]),
            estimates.get(model) or Estimate(None, None, None, confidence, WHY_UNRATED[places[model]]),
            int(battles[model]),
        )
        for model in np.lexsort((-np.array(elo), places)).tolist()
    )
    note = "" if len(rated) == len(names) else "Some models have no finite rating: their notes say why."
    return Leaderboard(standings, len(won), len(np.unique(codes[inside])), note)


def _battles(
    first: ArrayLike, second: ArrayLike, points: ArrayLike
) -> tuple[NDArray[np.generic], IntArray, FloatArray]:
    """The models' names in order, the positions of both players among them (2, n), and the first one's points (n,)."""
    won = np.asarray(points, dtype=np.float64)
    sides = [np.asarray(first), np.asarray(second)]
    if won.ndim != 1 or any(side.shape != won.shape for side in sides):
        shapes = ", ".join(str(array.shape) for array in (*sides, won))
        raise ValueError(f"first, second and points must be lists of one length, got shapes {shapes}")
    outside = won[~((won >= 0) & (won <= 1))]
    if outside.size:
        raise ValueError(f"points must be between 0 (lost) and 1 (won), got {outside[0]}")
    names, players = np.unique(np.concatenate(sides), return_inverse=True)
    players = players.reshape(2, -1).astype(np.int64)
    same = np.flatnonzero(players[0] == players[1])
    if same.size:
        raise ValueError(f"a model cannot be compared with itself, got {names[players[0, same[0]]]} on both sides")
    return names, players, won


def _points_table(players: IntArray, won: FloatArray, models: int) -> FloatArray:
    """Points (models, models) that the row's model took from the column's."""
    first, second = players
    cells = np.concatenate([first * models + second, second * models + first])
    return np.bincount(cells, np.concatenate([won, 1 - won]), models**2).reshape(models, models).astype(np.float64)


def _places(table: FloatArray) -> IntArray:
    """Which models are RATED, and where the others stand to them."""
    took = sparse.csr_array(table > 0)
    groups = csgraph.connected_components(took, connection="strong")[1]
    sizes = np.bincount(groups)
    if sizes.max() < 2:
        return np.full(len(table), ALONE)
    games = np.bincount(groups, weights=table.sum(axis=0) + table.sum(axis=1))
    largest = np.flatnonzero(groups == np.lexsort((games, sizes))[-1])
    places = np.full(len(table), APART)
    places[csgraph.breadth_first_order(took, largest[0], return_predecessors=False)] = BELOW
    places[csgraph.breadth_first_order(took.T, largest[0], return_predecessors=False)] = ABOVE
    places[largest] = RATED
    return places


def _ratings(players: IntArray, won: FloatArray, codes: IntArray, models: int, confidence: float) -> list[Estimate]:
    """Ratings and their errors, for models among which a finite maximum exists."""
    if models == 0:
        return []
    logits, information = _maximum_likelihood(_points_table(players, won, models))
    elo = CENTRE + ELO_PER_LOGIT * logits
    labels, codes = np.unique(codes, return_inverse=True)
    groups = len(labels)
    if groups < 2:
        note = "One cluster alone says nothing about the error of this rating."
        return [Estimate(float(value), None, None, confidence, note) for value in elo]
    residuals = won - special.expit(logits[players[0]] - logits[players[1]])
    scores = sparse.coo_array(
        (np.concatenate([residuals, -residuals]), (np.tile(codes, 2), players.ravel())), shape=(groups, models)
    ).tocsr()
    bread = np.linalg.inv(information)
    covariance = groups / (groups - 1) * bread @ (scores.T @ scores).toarray() @ bread
    errors = ELO_PER_LOGIT * np.sqrt(np.diag(covariance))
    margins = t_quantile(confidence, groups - 1) * errors
    note = f"Only {groups} clusters: the interval is likely to be too narrow." if groups < FEW_CLUSTERS else ""
    return [
        Estimate(float(value), float(error), (float(value - margin), float(value + margin)), confidence, note)
        for value, error, margin in zip(elo, errors, margins, strict=True)
    ]


def _maximum_likelihood(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log-odds (m,) of mean 0 by Newton's method, and the information matrix (m, m) there.

    The likelihood leaves the mean free. A penalty of (sum of logits)^2 / 2m holds it at 0 without moving the
    differences, and makes the matrix invertible.
    """
    models = len(table)
    games = table + table.T
    logits = np.zeros(models)
    for _ in range(MAX_STEPS):
        chance = special.expit(logits[:, None] - logits)
        gradient = (table - games * chance).sum(axis=1)
        spread = games * chance * (1 - chance)
        information = np.diag(spread.sum(axis=1)) - spread + 1 / models
        step = np.linalg.solve(information, gradient)
        logits += step / max(1.0, float(np.abs(step).max()))  # a full step overshoots where the curve is flat
        if np.abs(step).max() < 1e-10:
            return logits - logits.mean(), information
    raise ArithmeticError(f"the ratings of {models} models did not settle in {MAX_STEPS} steps")
