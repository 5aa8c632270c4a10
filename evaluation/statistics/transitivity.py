"""Whether "better than" is a ranking at all: circles among models, where A beats B, B beats C, and C beats A."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.battles import Battles
from evaluation.statistics.multiplicity import holm

MOST_CIRCLES = 10


@dataclass(frozen=True)
class Circle:
    """`models` beat each other in a circle: the first the second, the second the third, the third the first.

    margins: how far each wins, as its share of points less one half. p_value: of the weakest of the three wins,
    one-sided, as all three must be real (Berger's intersection-union test, 1982); adjusted: by Holm's rule over all
    circles that were found. None where a pair says nothing about its error.
    """

    models: tuple[str, str, str]
    margins: tuple[float, float, float]
    p_value: float | None
    adjusted: float | None


@dataclass(frozen=True)
class Transitivity:
    """triples: of models that all met each other and drew with none. circular: of these, that go in a circle.

    expected: a quarter of them, if each pair tossed a coin (Kendall and Babington Smith, 1940). consistency: their
    zeta, 1 without a circle and 0 with as many as there can be; None unless every pair has met and none drew.
    cyclic_share: of the variance of the pairs' mean votes, how much no ranking can explain (the least-squares
    residual of HodgeRank: Jiang, Lim, Yao and Ye, 2011), from 0 to 1. circles: the surest first, at most ten.
    """

    triples: int
    circular: int
    expected: float
    consistency: float | None
    cyclic_share: float | None
    circles: tuple[Circle, ...]
    note: str = ""


def transitivity(battles: Battles, clusters: IntArray) -> Transitivity:
    """From the sides of the votes, each battle one point; clusters: (n,) from 0, of battles that depend."""
    names = [str(name) for name in battles.names]
    models = len(names)
    margins, errors, degrees, games = _pairs(battles, clusters)
    beats = (margins > 1e-12).astype(np.int64)
    linked = beats + beats.T
    # Each circular triple is walked from each of its three corners.
    circular = int(np.trace(beats @ beats @ beats)) // 3
    triples = int(np.trace(linked @ linked @ linked)) // 6
    note = "" if triples else "No three models have all met each other without a draw: there can be no circle."
    return Transitivity(
        triples=triples,
        circular=circular,
        expected=triples / 4,
        consistency=_zeta(circular, models) if linked.sum() == models * (models - 1) and models > 2 else None,
        cyclic_share=_cyclic_share(margins, games),
        circles=_circles(names, beats, margins, errors, degrees) if circular else (),
        note=note,
    )


def _pairs(battles: Battles, clusters: IntArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(m, m) mean points less one half of the row's model against the column's, their errors (NaN where undefined),
    the errors' degrees of freedom, and how many battles."""
    models = battles.models
    low_is_first = battles.players[0] < battles.players[1]
    low, high = np.where(low_is_first, battles.players, battles.players[::-1])
    codes, pair_of = np.unique(low * models + high, return_inverse=True)
    sides = np.sign(np.where(low_is_first, battles.votes, -battles.votes)) / 2
    games = np.bincount(pair_of)
    means = np.bincount(pair_of, sides) / games
    span = int(clusters.max(initial=0)) + 1
    cells, cell_of = np.unique(pair_of * span + clusters, return_inverse=True)
    sums = np.bincount(cell_of, sides - means[pair_of])
    groups = np.bincount(cells // span, minlength=len(codes))
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.sqrt(groups / (groups - 1) * np.bincount(cells // span, sums**2, len(codes))) / games
    rows, columns = codes // models, codes % models
    margin, met = np.zeros((models, models)), np.zeros((models, models))
    error, degrees = np.full((models, models), np.nan), np.zeros((models, models))
    margin[rows, columns], margin[columns, rows] = means, -means
    error[rows, columns] = error[columns, rows] = errors
    degrees[rows, columns] = degrees[columns, rows] = groups - 1
    met[rows, columns] = met[columns, rows] = games
    return margin, error, degrees, met


def _zeta(circular: int, models: int) -> float:
    most = models * (models**2 - (1 if models % 2 else 4)) / 24
    return 1 - circular / most


def _cyclic_share(margins: FloatArray, games: FloatArray) -> float | None:
    """The share of the battle-weighted squares of margins that differences of one score per model leave over."""
    whole = float((games * margins**2).sum()) / 2
    if whole <= 1e-12:
        return None
    laplacian = np.diag(games.sum(axis=1)) - games
    scores = np.linalg.lstsq(laplacian, (games * margins).sum(axis=1), rcond=None)[0]
    left = float((games * (margins - scores[:, None] + scores) ** 2).sum()) / 2
    return min(max(left / whole, 0.0), 1.0)


def _circles(
    names: list[str], beats: IntArray, margins: FloatArray, errors: FloatArray, degrees: FloatArray
) -> tuple[Circle, ...]:
    found = []
    for first in range(len(names)):
        # second and third come after the first in the alphabet, so that each circle is found once
        after = np.arange(len(names)) > first
        seconds, thirds = np.nonzero(
            beats * (beats[first] > 0)[:, None] * (beats[:, first] > 0) * np.outer(after, after)
        )
        found.append(np.column_stack([np.full(len(seconds), first), seconds, thirds]))
    trios = np.concatenate(found)
    edges = [(trios[:, 0], trios[:, 1]), (trios[:, 1], trios[:, 2]), (trios[:, 2], trios[:, 0])]
    sizes = np.column_stack([margins[edge] for edge in edges])
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = sizes / np.column_stack([errors[edge] for edge in edges])
    chances = special.stdtr(np.column_stack([degrees[edge] for edge in edges]), -reached)
    p_values = np.where(np.isnan(chances).any(axis=1), np.nan, chances.max(axis=1))
    adjusted = holm(p_values)
    order = np.lexsort((-sizes.min(axis=1), np.nan_to_num(p_values, nan=2.0)))[:MOST_CIRCLES]
    return tuple(
        Circle(
            models=(names[trios[row, 0]], names[trios[row, 1]], names[trios[row, 2]]),
            margins=(float(sizes[row, 0]), float(sizes[row, 1]), float(sizes[row, 2])),
            p_value=None if np.isnan(p_values[row]) else float(p_values[row]),
            adjusted=None if np.isnan(adjusted[row]) else float(adjusted[row]),
        )
        for row in order.tolist()
    )
