"""Audits of a judge: does the order of the answers or their length sway it, does it repeat itself, does it agree with
people? Preferences run from 0 to 1, one half is a tie; sides are 1, 0, -1; missing is NaN.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.statistics.agreement import Agreement, gwet, percent_agreement
from evaluation.statistics.arrays import FloatArray, Table
from evaluation.statistics.estimates import Estimate, check_confidence, clustered_mean, t_quantile
from evaluation.statistics.logistic import UndefinedFitError, logistic_regression
from evaluation.statistics.preferences import majority_side
from evaluation.statistics.proportions import wilson

SIDES = (-1, 0, 1)


@dataclass(frozen=True)
class SideBias:
    """Whether the place of an answer decides.

    first_preferred: of the verdicts that prefer an answer, those for the one shown first; without a bias one half, as
    long as each answer stands first as often as the other. pairs: judged in both orders; of these, flipped: the side
    changes with the order; reversed: it changes from one answer to the other. always_first, always_second: pairs that
    are reversed because the judge took the first, or the second, both times.
    """

    verdicts: int
    first_preferred: Estimate
    pairs: int
    flipped: Estimate
    reversed: Estimate
    always_first: int
    always_second: int
    between_orders: Agreement
    """AC1 of the two orders' sides."""


@dataclass(frozen=True)
class LengthBias:
    """Whether the longer answer wins, beyond what people say on the same pairs.

    log_odds: what each doubling of one answer's length over the other's adds to the log odds that it is preferred, with
    an intercept for each pair of models; odds: the same as a factor; humans_odds: that of the raters' majority on the
    same pairs. longer_preferred: of the verdicts that prefer one
    of two answers of different length, those for the longer. humans_longer: the same of the raters' majority.
    difference: the judge's less the humans', where both prefer one.
    """

    pairs: int
    log_odds: Estimate
    odds: Estimate
    humans_odds: Estimate
    longer_preferred: Estimate
    compared: int
    judge_longer: Estimate
    humans_longer: Estimate
    difference: Estimate


@dataclass(frozen=True)
class SelfConsistency:
    """Whether the same question gets the same verdict: over questions asked twice or more."""

    questions: int
    same: Agreement
    """The share of equal pairs of verdicts."""
    ac1: Agreement


@dataclass(frozen=True)
class HumanAgreement:
    """The judge beside the raters, on items that both have judged.

    accuracy: of the items where judge and majority prefer an answer, those with the same one. same: all items, a tie a
    side like the others. confusion: rows are the humans' win, tie and loss, columns the judge's. with_one_rater,
    between_raters: how often the judge's side is a rater's, and how often two raters' sides are the same; difference:
    the first less the second on items with two votes or more.
    """

    items: int
    decided: int
    accuracy: Estimate
    same: Estimate
    ac1: Agreement
    ac2: Agreement
    confusion: tuple[tuple[int, ...], ...]
    with_one_rater: Estimate
    between_raters: Estimate
    difference: Estimate


def side_bias(
    shown_first: ArrayLike, shown_second: ArrayLike, clusters: ArrayLike, confidence: float = 0.95
) -> SideBias:
    """From the preference (n,) for the same answer of each pair, when it was shown first and when second.

    clusters: (n,) labels, the prompts. Raises ValueError for arguments that are not what they should be.
    """
    check_confidence(confidence)
    first, second = _preferences(shown_first), _preferences(shown_second)
    codes = _labels(clusters, len(first))
    _same_length(first, second)
    to_first = np.concatenate([np.sign(first - 0.5), -np.sign(second - 0.5)])  # the second order's first is the other
    decisive = np.abs(to_first) == 1
    both = ~np.isnan(first) & ~np.isnan(second)
    sides = np.sign(np.column_stack([first, second])[both] - 0.5)
    flipped = sides[:, 0] != sides[:, 1]
    reversals = sides[:, 0] * sides[:, 1] == -1
    return SideBias(
        verdicts=int((~np.isnan(to_first)).sum()),
        first_preferred=share(to_first[decisive] == 1, np.concatenate([codes, codes])[decisive], confidence),
        pairs=int(both.sum()),
        flipped=share(flipped, codes[both], confidence),
        reversed=share(reversals, codes[both], confidence),
        always_first=int((reversals & (sides[:, 0] == 1)).sum()),
        always_second=int((reversals & (sides[:, 0] == -1)).sum()),
        between_orders=gwet(sides, categories=SIDES, confidence=confidence),
    )


def length_bias(
    preferences: ArrayLike,
    lengths: ArrayLike,
    human_sides: ArrayLike,
    clusters: ArrayLike,
    groups: ArrayLike,
    confidence: float = 0.95,
) -> LengthBias:
    """From the preference (n,) for the first of each pair's answers and their lengths (n, 2), in any unit.

    human_sides: (n,) the raters' majority for the first, NaN where nobody judged. clusters: (n,) prompts. groups: (n,)
    which two models, in a fixed order, so that a better model that writes longer is no bias. Pairs with an answer of
    length 0 are left out. Raises ValueError for arguments that are not what they should be.
    """
    check_confidence(confidence)
    preferred, humans = _preferences(preferences), np.asarray(human_sides, dtype=np.float64)
    size = np.asarray(lengths, dtype=np.float64)
    if size.shape != (len(preferred), 2) or not (size >= 0).all():
        raise ValueError(f"lengths must be two numbers from 0 for each pair, got shape {size.shape}")
    _same_length(preferred, humans)
    codes, kinds = _labels(clusters, len(preferred)), _labels(groups, len(preferred))
    kept = ~np.isnan(preferred) & (size > 0).all(axis=1)
    doublings = np.log2(size[kept, 0] / size[kept, 1])
    judged, humans, codes, kinds = preferred[kept], humans[kept], codes[kept], kinds[kept]
    towards_longer = np.sign(doublings) * np.sign(judged - 0.5)
    human_longer = np.sign(doublings) * humans
    decisive = np.abs(towards_longer) == 1
    both = decisive & (np.abs(human_longer) == 1)
    voted = ~np.isnan(humans)
    log_odds = _slope(doublings, judged, codes, kinds, confidence)
    return LengthBias(
        pairs=int(kept.sum()),
        log_odds=log_odds,
        odds=_exponential(log_odds),
        humans_odds=_exponential(
            _slope(doublings[voted], (humans[voted] + 1) / 2, codes[voted], kinds[voted], confidence)
        ),
        longer_preferred=share(towards_longer[decisive] == 1, codes[decisive], confidence),
        compared=int(both.sum()),
        judge_longer=share(towards_longer[both] == 1, codes[both], confidence),
        humans_longer=share(human_longer[both] == 1, codes[both], confidence),
        difference=clustered_mean((towards_longer - human_longer)[both] / 2, codes[both], confidence=confidence),
    )


def self_consistency(sides: Table, confidence: float = 0.95) -> SelfConsistency:
    """From the sides (questions x samples) that the same question got; NaN where missing."""
    table = np.asarray(sides, dtype=np.float64).reshape(len(np.asarray(sides)), -1)
    repeated = table[(~np.isnan(table)).sum(axis=1) >= 2]
    return SelfConsistency(
        questions=len(repeated),
        same=percent_agreement(repeated, categories=SIDES, confidence=confidence),
        ac1=gwet(repeated, categories=SIDES, confidence=confidence),
    )


def human_agreement(
    judge_sides: ArrayLike, votes: Table, clusters: ArrayLike, confidence: float = 0.95
) -> HumanAgreement:
    """From the judge's side (items,) and the raters' votes (items x raters), both for the same answer of each pair."""
    check_confidence(confidence)
    judge = np.asarray(judge_sides, dtype=np.float64)
    said = np.sign(np.asarray(votes, dtype=np.float64)).reshape(len(judge), -1)
    codes = _labels(clusters, len(judge))
    kept = ~np.isnan(judge) & (~np.isnan(said)).any(axis=1)
    judge, said, codes = judge[kept], said[kept], codes[kept]
    majority = majority_side(said)
    decided = (np.abs(judge) == 1) & (np.abs(majority) == 1)
    cast = ~np.isnan(said)
    shared = np.sum(said == judge[:, None], axis=1) / cast.sum(axis=1)
    several = cast.sum(axis=1) >= 2
    mutual = _mutual(said[several])
    columns = np.column_stack([judge, majority])
    return HumanAgreement(
        items=len(judge),
        decided=int(decided.sum()),
        accuracy=share(judge[decided] == majority[decided], codes[decided], confidence),
        same=share(judge == majority, codes, confidence),
        ac1=gwet(columns, categories=SIDES, confidence=confidence),
        ac2=gwet(columns, weights="quadratic", categories=SIDES, confidence=confidence),
        confusion=tuple(
            tuple(int(np.sum((majority == human) & (judge == machine))) for machine in reversed(SIDES))
            for human in reversed(SIDES)
        ),
        with_one_rater=clustered_mean(shared, codes, confidence=confidence),
        between_raters=clustered_mean(mutual, codes[several], confidence=confidence),
        difference=clustered_mean(shared[several] - mutual, codes[several], confidence=confidence),
    )


def share(hits: ArrayLike, clusters: ArrayLike, confidence: float = 0.95) -> Estimate:
    """A proportion of (n,) trials, its interval clustered and cut at 0 and 1; where nothing varies it is Wilson's, with
    each cluster as one trial."""
    found = np.asarray(hits, dtype=np.float64)
    estimate = clustered_mean(found, clusters, confidence=confidence)
    if estimate.value in (0, 1):
        trials = len(np.unique(np.asarray(clusters)))
        bounds = wilson(estimate.value * trials, trials, confidence).interval
        note = "Without variation no error can be estimated: the interval is Wilson's, one trial for each prompt."
        return replace(estimate, interval=bounds, note=note)
    if estimate.interval is None:
        return estimate
    low, high = estimate.interval
    return replace(estimate, interval=(max(low, 0.0), min(high, 1.0)))


def _slope(
    doublings: FloatArray, preferred: FloatArray, codes: NDArray[np.int64], kinds: NDArray[np.int64], confidence: float
) -> Estimate:
    """The coefficient of the doublings. A pair of models whose verdicts are all one and the same is left out: its
    intercept alone explains them, whatever the slope."""
    lowest, highest = np.full(kinds.max(initial=-1) + 1, np.inf), np.full(kinds.max(initial=-1) + 1, -np.inf)
    np.minimum.at(lowest, kinds, preferred)
    np.maximum.at(highest, kinds, preferred)
    telling = (lowest < highest)[kinds]
    groups = np.unique(kinds[telling], return_inverse=True)[1]
    if not telling.any():
        return Estimate(None, None, None, confidence, "The verdicts don't vary: nothing can depend on the length.")
    design = np.column_stack([doublings[telling], np.eye(groups.max() + 1)[groups]])
    try:
        fit = logistic_regression(design, preferred[telling], codes[telling])
    except UndefinedFitError as undefined:
        return Estimate(None, None, None, confidence, str(undefined))
    value, error = float(fit.coefficients[0]), float(np.sqrt(fit.covariance[0, 0]))
    margin = t_quantile(confidence, fit.clusters - 1) * error
    return Estimate(value, error, (value - margin, value + margin), confidence)


def _exponential(log_odds: Estimate) -> Estimate:
    if log_odds.value is None or log_odds.interval is None:
        return replace(log_odds, standard_error=None)
    low, high = np.exp(log_odds.interval).tolist()
    return replace(log_odds, value=float(np.exp(log_odds.value)), standard_error=None, interval=(low, high))


def _mutual(said: FloatArray) -> FloatArray:
    """The share of an item's pairs of votes (items x raters) that are equal; every item has two votes or more."""
    votes = np.sum(~np.isnan(said), axis=1)
    counts = [np.sum(said == side, axis=1) for side in SIDES]
    equal = np.sum([count * (count - 1) for count in counts], axis=0)
    return np.asarray(equal / (votes * (votes - 1)), dtype=np.float64)


def _preferences(values: ArrayLike) -> FloatArray:
    found = np.asarray(values, dtype=np.float64)
    outside = found[~np.isnan(found) & ~((found >= 0) & (found <= 1))]
    if found.ndim != 1 or outside.size:
        raise ValueError(
            f"preferences must be numbers from 0 to 1, one for each pair, got {outside[:1] or found.shape}"
        )
    return found


def _labels(labels: ArrayLike, n: int) -> NDArray[np.int64]:
    found = np.asarray(labels)
    if found.shape != (n,):
        raise ValueError(f"labels must be one for each of the {n} pairs, got shape {found.shape}")
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _same_length(one: FloatArray, other: FloatArray) -> None:
    if one.shape != other.shape:
        raise ValueError(f"both columns must have one number for each pair, got {one.shape} and {other.shape}")
