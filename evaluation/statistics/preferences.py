"""Win rates: how often the first of two models is preferred to the second.

A vote is a signed number: above 0 for the first model, 0 for a tie, below 0 for the second. A rating on seven
points becomes a vote by subtracting the middle, 4 (or by subtracting it from 4, where 1 speaks for the first).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from evaluation.statistics.arrays import FloatArray, IntArray, Table
from evaluation.statistics.estimates import Estimate, check_confidence, cluster_codes, clustered_mean
from evaluation.statistics.proportions import wilson


@dataclass(frozen=True)
class WinRate:
    """Wins, ties and losses of the first model, as counts and as parts of 1.

    win_rate: ties count half; for continuous preferences it is their mean. observations: items, or votes by the
    rule "vote". missing: items that nobody judged. Intervals are those of `clustered_mean`, cut at 0 and 1. A rate
    of exactly 0 or 1 shows no variation to estimate an error from: its interval is Wilson's, with each cluster
    counted as one trial.
    """

    rule: str
    wins: int
    ties: int
    losses: int
    win: Estimate
    tie: Estimate
    loss: Estimate
    win_rate: Estimate
    observations: int
    missing: int


def win_rate(
    votes: Table,
    prompts: ArrayLike | None = None,
    rule: str = "majority",
    annotators: ArrayLike | None = None,
    confidence: float = 0.95,
) -> WinRate:
    """The win rate from votes (items x raters, or items), NaN where missing.

    prompts: (items,) labels to cluster by; items are independent of each other when omitted. rule: "majority" or
    "median" of an item's votes (see `majority_side`, `median_side`), or "vote", where every vote counts alone.
    annotators: labels shaped like the votes, a second way of clustering, for the rule "vote" only.
    Raises ValueError for bad arguments.
    """
    check_confidence(confidence)
    if rule not in (*ITEM_RULES, "vote"):
        raise ValueError(f"rule must be one of {', '.join(ITEM_RULES)}, vote, got {rule!r}")
    if annotators is not None and rule != "vote":
        raise ValueError(
            f'annotators can be clustered by under the rule "vote" only: the {rule} of votes has no annotator'
        )
    table = _table(votes)
    judged = ~np.isnan(table)
    item_prompts = np.arange(len(table)) if prompts is None else cluster_codes(prompts, len(table), "prompts")
    missing = int((~judged.any(axis=1)).sum())
    if rule == "vote":
        ways = [np.broadcast_to(item_prompts[:, None], table.shape)[judged]]
        if annotators is not None:
            ways.append(
                cluster_codes(np.asarray(annotators).ravel(), table.size, "annotators").reshape(table.shape)[judged]
            )
        return _win_rate(rule, (np.sign(table[judged]) + 1) / 2, ways, missing, confidence)
    kept = judged.any(axis=1)
    sides = ITEM_RULES[rule](table[kept])
    return _win_rate(rule, (sides + 1) / 2, [item_prompts[kept]], missing, confidence)


def continuous_win_rate(preferences: ArrayLike, prompts: ArrayLike | None = None, confidence: float = 0.95) -> WinRate:
    """The mean preference for the first model, each (items,) from 0 to 1, NaN where the judge gave none.

    More than one half is a win. AlpacaEval writes its preferences from 1 to 2: subtract 1; its win rate and
    standard error are 100 times those here, prompts omitted.
    """
    check_confidence(confidence)
    points = np.asarray(preferences, dtype=np.float64)
    if points.ndim != 1:
        raise ValueError(f"preferences must be one number for each item, got shape {points.shape}")
    judged = ~np.isnan(points)
    outside = points[judged & ~((points >= 0) & (points <= 1))]
    if outside.size:
        raise ValueError(f"preferences must be between 0 and 1, got {outside[0]} (subtract 1 from AlpacaEval's)")
    ways = np.arange(len(points)) if prompts is None else cluster_codes(prompts, len(points), "prompts")
    return _win_rate("continuous", points[judged], [ways[judged]], int((~judged).sum()), confidence)


def majority_side(votes: Table) -> FloatArray:
    """The side (items,) that more than half of an item's votes (items x raters) take, 1, 0 or -1; else a tie, 0.

    How strong a vote is does not matter. A tie is a side like the two others: one vote for each of the three, or
    one for each model, is a tie. NaN where there is no vote.
    """
    table = _table(votes)
    judged = np.sum(~np.isnan(table), axis=1)
    side = ((table > 0).sum(axis=1) > judged / 2).astype(np.float64) - ((table < 0).sum(axis=1) > judged / 2)
    return np.where(judged > 0, side, np.nan)


def median_side(votes: Table) -> FloatArray:
    """The side (items,) of the median of an item's votes (items x raters); NaN where there is no vote.

    Of an even number of votes it is the mean of the middle two, so that 3 and -1 make a win, and 1 and -1 a tie.
    """
    table = _table(votes)
    ordered = np.sort(table, axis=1)  # NaN come last
    judged = np.sum(~np.isnan(table), axis=1)
    rows = np.arange(len(table))
    middle = ordered[rows, np.maximum(judged - 1, 0) // 2] + ordered[rows, np.minimum(judged // 2, table.shape[1] - 1)]
    return np.sign(middle)


ITEM_RULES: dict[str, Callable[[Table], FloatArray]] = {"majority": majority_side, "median": median_side}


def _table(votes: Table) -> FloatArray:
    table = np.asarray(votes, dtype=np.float64)
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2:
        raise ValueError(f"votes must be a table of items x raters, got shape {table.shape}")
    if np.isinf(table).any():
        raise ValueError("votes must be finite numbers, or NaN where missing, got an infinite one")
    return table


def _win_rate(rule: str, points: FloatArray, ways: list[IntArray], missing: int, confidence: float) -> WinRate:
    """From points: 1 for a win, 0.5 for a tie, 0 for a loss, or a preference between them."""
    won, tied, lost = points > 0.5, points == 0.5, points < 0.5
    return WinRate(
        rule=rule,
        wins=int(won.sum()),
        ties=int(tied.sum()),
        losses=int(lost.sum()),
        win=_rate(won, ways, confidence),
        tie=_rate(tied, ways, confidence),
        loss=_rate(lost, ways, confidence),
        win_rate=_rate(points, ways, confidence),
        observations=len(points),
        missing=missing,
    )


def _rate(parts: ArrayLike, ways: list[IntArray], confidence: float) -> Estimate:
    estimate = clustered_mean(parts, *ways, confidence=confidence)
    if estimate.value in (0, 1):
        clusters = min(len(np.unique(way)) for way in ways)
        bounds = wilson(estimate.value * clusters, clusters, confidence).interval
        note = "Without variation no error can be estimated: the interval is Wilson's, one trial for each cluster."
        return replace(estimate, interval=bounds, note=note)
    if estimate.interval is None:
        return estimate
    low, high = estimate.interval
    return replace(estimate, interval=(max(low, 0.0), min(high, 1.0)))
