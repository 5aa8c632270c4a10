"""Intervals that hold at every look: for whoever watches a campaign while it runs and may stop it at any time.

An ordinary interval covers the truth 95 times of 100 at one look that was fixed before; looked at again and again, it
sooner or later misses. A confidence sequence covers at all looks together. This is the hedged capital process of
Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting (JRSS B, 2024, theorem 3): of every
mean m somebody bets against it, in turn of the values x_1, x_2, ... from 0 to 1, half of the capital that the mean is
larger and half that it is smaller; a stake is fixed before the value is seen, so that if m is the mean, no way of
betting makes money, and by Ville's inequality the capital ever grows by 1/alpha with a chance of alpha at most. The
sequence consists of the means against which nobody has ever got as rich.

The capital is spread over several ways of betting (diversified bets, as they call it), each of which is the best for
another number of prompts, from tens to ten thousands: what one bettor for all times would have to give away.

Betting was chosen because it needs no large numbers and no distribution: values are bounded and their mean does not
drift, which holds of prompts in random order. An asymptotic sequence (Waudby-Smith et al., 2024, Annals of
Statistics) promises nothing early, when people look. Votes on one prompt depend on each other: a value is a whole
prompt's, the mean over its votes or their majority.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import check_confidence

LARGEST_STAKE = 0.5
"""Of the capital, at the worst value that there can be: c in the paper, which recommends 1/2 or 3/4."""
HORIZONS = (30, 100, 300, 1000, 3000, 10_000)
"""Numbers of prompts for each of which a part of the capital bets at its best."""
STEPS = 25
"""Halvings by which an end of the interval is found: to 3e-8."""


@dataclass(frozen=True)
class Sequence:
    """The mean of the values so far, with an interval that holds at every look together with all looks before."""

    values: int
    mean: float | None
    interval: tuple[float, float]
    confidence: float


def confidence_sequence(values: ArrayLike, confidence: float = 0.95) -> Sequence:
    """Where the mean of the source of `values` (n,), each from 0 to 1 in the order in which they came, may lie.

    The interval is the intersection of those at all looks: it never widens. Raises ValueError for other values.
    """
    check_confidence(confidence)
    given = checked(values)
    known = _deviations(given)
    low = _end(0.0, 1.0, lambda mean: _excluded(given, known, mean, 1, confidence))
    high = _end(1.0, 0.0, lambda mean: _excluded(given, known, mean, -1, confidence))
    mean = float(given.mean()) if given.size else None
    return Sequence(len(given), mean, (low, high), confidence)


def is_ever_excluded(values: ArrayLike, mean: float, confidence: float = 0.95) -> bool:
    """Whether `mean` has left the sequence at any look, the last included."""
    check_confidence(confidence)
    given = checked(values)
    known = _deviations(given)
    return any(_excluded(given, known, mean, side, confidence) for side in (1, -1))


def checked(values: ArrayLike) -> FloatArray:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1:
        raise ValueError(f"values must be one number for each prompt, got shape {given.shape}")
    outside = given[~((given >= 0) & (given <= 1))]
    if outside.size:
        raise ValueError(f"values must be between 0 and 1, got {outside[0]}")
    return given


def _deviations(values: FloatArray) -> FloatArray:
    """What is known of the values' standard deviation before each of them (..., n), along the last axis in their order.

    The variance and the mean are shrunk towards 1/4 and 1/2, as by one more value: their predictable plug-in.
    """
    t = np.arange(1, values.shape[-1] + 1)
    means = (0.5 + np.cumsum(values, axis=-1)) / (t + 1)
    variances = (0.25 + np.cumsum((values - means) ** 2, axis=-1)) / (t + 1)
    first = np.full((*values.shape[:-1], 1), 0.25)
    deviations: FloatArray = np.sqrt(np.concatenate([first, variances[..., :-1]], axis=-1))
    return deviations


def _capital(values: FloatArray, deviations: FloatArray, mean: float, side: int, confidence: float) -> FloatArray:
    """The logarithm (..., n) of what betting on a larger (side 1) or a smaller mean (-1) than `mean` has made of 1.

    The stake for the horizon h is sqrt(2 log(2/alpha) / h) / deviation, at most LARGEST_STAKE at the worst value.
    """
    worst = mean if side == 1 else 1 - mean
    most = LARGEST_STAKE / worst if worst > 0 else math.inf
    gains = side * (values - mean)
    capital = np.full(values.shape, -math.inf)
    for horizon in HORIZONS:
        stakes = np.minimum(math.sqrt(2 * math.log(2 / (1 - confidence)) / horizon) / deviations, most)
        capital = np.logaddexp(capital, np.cumsum(np.log1p(stakes * gains), axis=-1))
    return capital - math.log(len(HORIZONS))


def _excluded(values: FloatArray, deviations: FloatArray, mean: float, side: int, confidence: float) -> bool:
    """Whether the bet on one side of `mean` has ever been won."""
    best = _capital(values, deviations, mean, side, confidence).max(initial=-math.inf)
    return bool(best >= math.log(2 / (1 - confidence)))


def _end(excluded: float, included: float, is_excluded: Callable[[float], bool]) -> float:
    """Where exclusion ends, between a mean that may be excluded and one that is not; the former where nothing is."""
    if not is_excluded(excluded):
        return excluded
    for _ in range(STEPS):
        middle = (excluded + included) / 2
        excluded, included = (middle, included) if is_excluded(middle) else (excluded, middle)
    return excluded


# What to do next ------------------------------------------------------------------------------------------------------

LITTLE = 20
"""Prompts below which nothing is called futile."""
FUTILE = 0.1
CONTINUATIONS = 100
LONGEST = 20_000
MOST_ENTRIES = 1_000_000


class Advice(StrEnum):
    """What a sequence of prompts of two models recommends."""

    WAIT = "wait"
    DECIDED = "decided"
    EQUAL = "equal"
    GO_ON = "go on"
    FUTILE = "futile"
    OPEN_AT_THE_END = "open at the end"


@dataclass(frozen=True)
class Outlook:
    """What to do, and why.

    difference_is_small: decided, and yet the whole interval lies within the margin. chance: that the prompts left
    settle it, one way or the other. more: prompts until it is settled in the middle one of the continuations, None
    where most of them do not settle it.
    """

    advice: Advice
    difference_is_small: bool = False
    chance: float | None = None
    more: int | None = None


def outlook(
    values: ArrayLike, left: int, margin: float = 0.05, confidence: float = 0.95, seed: int = 0
) -> tuple[Sequence, Outlook]:
    """The sequence of one pair's prompts, and what it recommends with `left` prompts to come.

    values: (n,) of the prompts so far, 1 a win of the first model, 0 a loss. margin: a win rate within one half -/+
    this is practically equal. Where neither is settled, campaigns are continued at random: each draws its own shares of
    the values that occur from a Dirichlet distribution of their counts (Rubin, 1981, the Bayesian bootstrap), with one
    more value spread over 0, 1/2 and 1, then the prompts left; what part of them settles it is the chance. Futile is a
    chance below one tenth. The recommendation may be followed at any look: the interval still holds.
    """
    if not 0 < margin < 0.5:
        raise ValueError(f"margin must be between 0 and 0.5, for example 0.05, got {margin}")
    if left < 0:
        raise ValueError(f"left must be 0 or more, got {left}")
    given = checked(values)
    found = confidence_sequence(given, confidence)
    low, high = found.interval
    small = 0.5 - margin <= low and high <= 0.5 + margin
    if not given.size:
        return found, Outlook(Advice.WAIT)
    if not low <= 0.5 <= high:
        return found, Outlook(Advice.DECIDED, small)
    if small:
        return found, Outlook(Advice.EQUAL)
    if left == 0:
        return found, Outlook(Advice.OPEN_AT_THE_END)
    chance, more = _continued(given, min(left, LONGEST), margin, confidence, np.random.default_rng(seed))
    futile = chance < FUTILE and len(given) >= LITTLE
    return found, Outlook(Advice.FUTILE if futile else Advice.GO_ON, False, chance, more)


def _continued(
    given: FloatArray, left: int, margin: float, confidence: float, rng: np.random.Generator
) -> tuple[float, int | None]:
    """The part of the continuations that settle it, and how many more prompts the middle one takes."""
    paths = max(20, min(CONTINUATIONS, MOST_ENTRIES // (len(given) + left)))
    kinds, counts = np.unique(np.concatenate([given, [0.0, 0.5, 1.0]]), return_counts=True)
    weights = counts - np.where(np.isin(kinds, (0.0, 0.5, 1.0)), 2 / 3, 0.0)
    limits = np.cumsum(rng.dirichlet(weights, size=paths), axis=1)
    drawn = np.stack([kinds[np.searchsorted(own[:-1], rng.random(left), side="right")] for own in limits])
    paths_whole = np.concatenate([np.broadcast_to(given, (paths, len(given))), drawn], axis=1)
    known = _deviations(paths_whole)
    bar = math.log(2 / (1 - confidence))

    def excluded(mean: float, side: int) -> NDArray[np.bool_]:
        """(paths, left): whether the mean is out after each prompt to come."""
        rich = np.maximum.accumulate(_capital(paths_whole, known, mean, side, confidence), axis=1) >= bar
        later: NDArray[np.bool_] = rich[:, len(given) :]
        return later

    decided = excluded(0.5, 1) | excluded(0.5, -1)
    settled = decided | (excluded(0.5 - margin, 1) & excluded(0.5 + margin, -1))
    ends = settled.any(axis=1)
    needed = np.where(ends, settled.argmax(axis=1) + 1.0, np.inf)
    middle = float(np.median(needed))
    return float(ends.mean()), math.ceil(middle) if math.isfinite(middle) else None
