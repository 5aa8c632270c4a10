"""Every two models of a set of battles: win rates, tests on the same prompts, and win rates at equal length.

The battles come from a campaign or from a file; what is computed is the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.length_control import Difficulty, LengthControlled, length_controlled, shared_difficulty
from evaluation.statistics.multiplicity import benjamini_hochberg, holm
from evaluation.statistics.pairing import Mcnemar, PairedComparison, mcnemar, paired_comparison
from evaluation.statistics.preferences import WinRate, continuous_win_rate

MOST_THROUGH = 300
"""Pairs through an opponent that are tested; where there are more, each model is compared with the next one alone."""

FEWEST_MODELS = 3
"""From which on prompts have a difficulty that models share."""


@dataclass(frozen=True, eq=False)
class Sides:
    """n battles: who met, points (n,) of the first from 0 to 1, what to cluster by, and lengths where known."""

    first: NDArray[np.str_]
    second: NDArray[np.str_]
    points: FloatArray
    prompts: NDArray[np.generic]
    gaps: FloatArray
    """(n,) own length less the other's; NaN where unknown."""

    def where(self, chosen: NDArray[np.bool_]) -> "Sides":
        first, second, points = self.first[chosen], self.second[chosen], self.points[chosen]
        return Sides(first, second, points, self.prompts[chosen], self.gaps[chosen])

    def turned(self, which: NDArray[np.bool_]) -> "Sides":
        """With first and second exchanged in these battles (n,)."""
        return Sides(
            np.where(which, self.second, self.first),
            np.where(which, self.first, self.second),
            np.where(which, 1 - self.points, self.points),
            self.prompts,
            np.where(which, -self.gaps, self.gaps),
        )


@dataclass(frozen=True)
class Adjusted:
    """A p-value among others: as it is, by Holm's rule, and by Benjamini and Hochberg's."""

    p_value: float | None
    holm: float | None
    benjamini_hochberg: float | None


UNTESTED = Adjusted(None, None, None)


@dataclass(frozen=True)
class Meeting:
    """Two models that were compared directly; `test` asks whether the win rate differs from one half."""

    first: str
    second: str
    rates: WinRate
    paired: PairedComparison
    test: Adjusted
    length: LengthControlled | None


@dataclass(frozen=True)
class Through:
    """Two models that met the same opponents on the same prompts and not each other.

    paired: of their points there. mcnemar: by who of them beat the opponent.
    """

    first: str
    second: str
    opponents: tuple[str, ...]
    paired: PairedComparison
    mcnemar: Mcnemar
    test: Adjusted


@dataclass(frozen=True)
class Comparison:
    """meetings: in the order of the models; through: likewise. shared_slope: of length, where several models share
    it."""

    models: tuple[str, ...]
    meetings: tuple[Meeting, ...]
    through: tuple[Through, ...]
    shared_slope: float | None


def compare(sides: Sides, order: Sequence[str] = (), confidence: float = 0.95) -> Comparison:
    """order: models, best first, the better one of two being the first; without it by their mean points, but that a
    baseline that every battle has is always the second. Raises ValueError for bad arguments."""
    baseline = _baseline(sides)
    models = list(order) if order else _by_points(sides, baseline)
    place = {model: index for index, model in enumerate(models)}
    difficulty = None if baseline is None else _difficulty(sides.turned(sides.first == baseline))
    behind = np.array([place[a] > place[b] for a, b in zip(sides.first, sides.second, strict=True)], dtype=np.bool_)
    sides = sides.turned(behind)
    meetings = list(_meetings(sides, models, difficulty, confidence))
    through = list(_through(sides, models, {(meeting.first, meeting.second) for meeting in meetings}, confidence))
    tests = adjusted([meeting.paired.p_value for meeting in meetings])
    others = adjusted([pair.paired.p_value for pair in through])
    return Comparison(
        models=tuple(models),
        meetings=tuple(replace(meeting, test=test) for meeting, test in zip(meetings, tests, strict=True)),
        through=tuple(replace(pair, test=test) for pair, test in zip(through, others, strict=True)),
        shared_slope=None if difficulty is None else difficulty.slope,
    )


def adjusted(p_values: Sequence[float | None]) -> list[Adjusted]:
    """Each p-value with what it is among all of them; undefined ones stay so."""
    known = np.array([np.nan if p is None else p for p in p_values], dtype=np.float64)
    rules = (holm(known).tolist(), benjamini_hochberg(known).tolist())
    return [
        UNTESTED if p is None else Adjusted(p, by_holm, by_bh)
        for p, by_holm, by_bh in zip(p_values, *rules, strict=True)
    ]


def _baseline(sides: Sides) -> str | None:
    """The one model that takes part in every battle, where there are at least three."""
    appears = Counter(sides.first.tolist()) + Counter(sides.second.tolist())
    everywhere = [model for model, battles in appears.items() if battles == len(sides.first)]
    return everywhere[0] if len(everywhere) == 1 and len(appears) >= FEWEST_MODELS else None


def _by_points(sides: Sides, baseline: str | None) -> list[str]:
    """By the mean points of each, best first; the baseline last."""
    said = ~np.isnan(sides.points)
    names = np.concatenate([sides.first[said], sides.second[said]])
    models, codes = np.unique(names, return_inverse=True)
    means = np.bincount(codes, np.concatenate([sides.points[said], 1 - sides.points[said]])) / np.bincount(codes)
    ranked = models[np.lexsort((models, -means))].tolist()
    unsaid = sorted({*sides.first.tolist(), *sides.second.tolist()} - set(ranked))
    return sorted([*ranked, *unsaid], key=lambda model: model == baseline)


def _difficulty(sides: Sides) -> Difficulty | None:
    """Of the prompts, where several models met the baseline, who is second, on them and lengths are known."""
    known = ~(np.isnan(sides.points) | np.isnan(sides.gaps))
    if not known.any():
        return None
    own = sides.where(known)
    if len(np.unique(own.first)) < FEWEST_MODELS or len(np.unique(own.prompts)) == len(own.prompts):
        return None
    return shared_difficulty(own.first, own.prompts, own.points, own.gaps)


def _meetings(
    sides: Sides, models: Sequence[str], difficulty: Difficulty | None, confidence: float
) -> Iterator[Meeting]:
    if not len(sides.points):
        return
    names = np.array(models)
    order = np.argsort(names)
    first, second = (order[np.searchsorted(names[order], side)] for side in (sides.first, sides.second))
    pairs, pair_of = np.unique(first * len(names) + second, return_inverse=True)
    rows = np.split(np.argsort(pair_of, kind="stable"), np.cumsum(np.bincount(pair_of))[:-1])
    for pair, chosen in zip(pairs.tolist(), rows, strict=True):
        points, prompts, gaps = sides.points[chosen], sides.prompts[chosen], sides.gaps[chosen]
        hard = None if difficulty is None else difficulty.at(prompts)
        slope = None if difficulty is None else difficulty.slope
        known = not np.isnan(gaps).all()
        yield Meeting(
            first=models[pair // len(names)],
            second=models[pair % len(names)],
            rates=continuous_win_rate(points, prompts, confidence),
            paired=paired_comparison(2 * points - 1, prompts, confidence),
            test=UNTESTED,
            length=length_controlled(points, gaps, prompts, hard, slope, confidence) if known else None,
        )


def _through(sides: Sides, models: Sequence[str], met: set[tuple[str, str]], confidence: float) -> Iterator[Through]:
    """By mean points on each prompt against each opponent that both met there."""
    strange = [pair for pair in combinations(models, 2) if pair not in met and pair[::-1] not in met]
    if len(strange) > MOST_THROUGH:
        strange = [pair for pair in pairwise(models) if pair in set(strange)]
    taken = _points_by_model(sides)
    for first, second in strange:
        shared = sorted(taken.get(first, {}).keys() & taken.get(second, {}).keys())
        if not shared:
            continue
        ours, theirs = (np.array([taken[model][key] for key in shared]) for model in (first, second))
        yield Through(
            first=first,
            second=second,
            opponents=tuple(sorted({opponent for opponent, _ in shared})),
            paired=paired_comparison(ours - theirs, [prompt for _, prompt in shared], confidence),
            mcnemar=mcnemar(ours, theirs),
            test=UNTESTED,
        )


def _points_by_model(sides: Sides) -> dict[str, dict[tuple[str, str], float]]:
    """Of each model, its mean points by opponent and prompt."""
    sums: dict[str, dict[tuple[str, str], list[float]]] = {}
    said = ~np.isnan(sides.points)
    columns = (sides.first[said], sides.second[said], sides.points[said], sides.prompts[said])
    for first, second, points, prompt in zip(*(column.tolist() for column in columns), strict=True):
        for model, opponent, own in ((first, second, points), (second, first, 1 - points)):
            sums.setdefault(model, {}).setdefault((opponent, str(prompt)), []).append(own)
    return {model: {key: sum(points) / len(points) for key, points in by_key.items()} for model, by_key in sums.items()}
