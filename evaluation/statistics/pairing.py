"""Tests of two models on the same prompts, where a prompt counts once however many items or votes it has.

Which test, and why:

- `paired_comparison` tests whether the mean of per-prompt differences is zero by turning the signs of whole prompts
  (Fisher's randomisation test): were the models alike, each prompt could as well have spoken for the other. It uses
  ties and strengths, needs no normality, and keeps its level with few prompts; it is the p-value that reports show.
  Student's t on the same differences is beside it, and agrees with it when there are many prompts.
- The sign test only counts for which model each prompt speaks: McNemar's exact test (1947) where each prompt has one
  item. It is blind to strengths and ties, and needs no assumption but independent prompts.
- `mcnemar` compares two models through a common opponent by who of the two beat it: exact and binomial too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import Estimate, check_confidence, cluster_codes, clustered_mean

DRAWS = 9_999
MOST_STEPS = 20_000
"""The largest sum of whole differences whose sign flips are counted rather than drawn."""

EXACT, DRAWN = "all sign flips", f"{DRAWS:,} random sign flips"


@dataclass(frozen=True)
class PairedComparison:
    """Of p prompts: how many speak for the first model, for the second, and for neither.

    difference: the mean over items, above 0 for the first. p_value: two-sided, by sign flips of whole prompts, and
    `method` says whether all were counted or some drawn. t_p_value, sign_p_value: by Student's t and by the sign
    test. Each is None where it is undefined, and the note says why.
    """

    prompts: int
    for_first: int
    for_second: int
    even: int
    difference: Estimate
    p_value: float | None
    method: str
    t_p_value: float | None
    sign_p_value: float | None
    note: str = ""


@dataclass(frozen=True)
class Mcnemar:
    """Prompts on which both models beat the opponent, one of them alone, or neither; p_value: exact and two-sided."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float | None
    note: str = ""


def paired_comparison(
    differences: ArrayLike, prompts: ArrayLike | None = None, confidence: float = 0.95
) -> PairedComparison:
    """From differences (n,) of items, above 0 where the first model is better, NaN where one of the two is missing.

    For a direct comparison they are an item's votes for the first less those for the second, or its majority (1, 0,
    -1); through an opponent, the first's points against it less the second's on the same prompt. prompts: (n,)
    labels; each item is a prompt of its own when omitted. Raises ValueError for bad arguments.
    """
    check_confidence(confidence)
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"differences must be one number for each item, got shape {values.shape}")
    if np.isinf(values).any():
        raise ValueError("differences must be finite numbers, or NaN where missing, got an infinite one")
    codes = np.arange(len(values)) if prompts is None else cluster_codes(prompts, len(values), "prompts")
    there = ~np.isnan(values)
    values, codes = values[there], np.unique(codes[there], return_inverse=True)[1]
    mean = clustered_mean(values, codes, confidence=confidence)
    if values.size == 0:
        return PairedComparison(0, 0, 0, 0, mean, None, "", None, None, "No prompt has judgements of both models.")
    sums: FloatArray = np.bincount(codes, values).astype(np.float64)
    sums[np.abs(sums) < 1e-12] = 0.0
    for_first, for_second = int((sums > 0).sum()), int((sums < 0).sum())
    p_value, method = sign_flips(sums)
    decided = for_first + for_second
    note = "" if decided else "Every prompt is even: there is no difference to test."
    return PairedComparison(
        prompts=len(sums),
        for_first=for_first,
        for_second=for_second,
        even=len(sums) - decided,
        difference=mean,
        p_value=p_value,
        method=method,
        t_p_value=student_p_value(mean, len(sums) - 1),
        sign_p_value=exact_binomial(for_first, decided) if decided else None,
        note=note,
    )


def sign_flips(sums: FloatArray) -> tuple[float | None, str]:
    """The two-sided p-value of the total of `sums` (p,) when each could as well have had the other sign; and how.

    Where all are whole or half numbers the distribution is the convolution of binomial ones; otherwise it is drawn,
    with the same seed each time, and the observed total counts as one draw (Phipson and Smyth, 2010).
    """
    sizes = np.abs(sums[sums != 0])
    if sizes.size == 0:
        return None, ""
    reached = abs(float(sums.sum()))
    doubled = np.rint(2 * sizes).astype(np.int64)
    if np.abs(2 * sizes - doubled).max() < 1e-9 and doubled.sum() <= MOST_STEPS:
        return _counted(doubled, reached * 2), EXACT
    rng = np.random.default_rng(0)
    as_large, drawn = 0, 0
    while drawn < DRAWS:
        rows = min(max(1, 2_000_000 // len(sizes)), DRAWS - drawn)
        signs = rng.integers(0, 2, (rows, len(sizes)), dtype=np.int8) * 2 - 1
        as_large += int((np.abs(signs @ sizes) >= reached - 1e-9).sum())
        drawn += rows
    return (as_large + 1) / (DRAWS + 1), DRAWN


def _counted(sizes: "np.ndarray", reached: float) -> float:
    """The chance that the sum of `sizes` (whole numbers) with random signs is as far from 0 as `reached`."""
    chances = np.ones(1)
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        steps = np.zeros(2 * size * times + 1)
        steps[:: 2 * size] = stats.binom.pmf(np.arange(times + 1), times, 0.5)
        chances = np.convolve(chances, steps)
    totals = np.arange(len(chances)) - sizes.sum()
    return min(float(chances[np.abs(totals) >= reached - 1e-6].sum()), 1.0)


def exact_binomial(successes: int, trials: int) -> float:
    """Two-sided p-value of `successes` out of `trials` when both outcomes have one half: twice the smaller tail."""
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be between 0 and the {trials} trials, got {successes}")
    return min(2 * float(stats.binom.cdf(min(successes, trials - successes), trials, 0.5)), 1.0)


def student_p_value(estimate: Estimate, degrees: float, expected: float = 0.0) -> float | None:
    """Two-sided, of an estimate being other than expected; None where it has no error or varies in nothing."""
    if estimate.value is None or not estimate.standard_error or degrees < 1:
        return None
    return float(2 * special.stdtr(degrees, -abs(estimate.value - expected) / estimate.standard_error))


def mcnemar(first: ArrayLike, second: ArrayLike) -> Mcnemar:
    """From points (p,) of each model against the same opponent on the same prompts, NaN where missing.

    More than one half is a win. Raises ValueError for lists of different lengths.
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(f"both models need points on the same prompts, got shapes {ours.shape} and {theirs.shape}")
    there = ~(np.isnan(ours) | np.isnan(theirs))
    won, other_won = ours[there] > 0.5, theirs[there] > 0.5
    only_first, only_second = int((won & ~other_won).sum()), int((other_won & ~won).sum())
    both, neither = int((won & other_won).sum()), int((~won & ~other_won).sum())
    if only_first + only_second == 0:
        note = "No prompt tells the two models apart." if there.any() else "No prompt has points of both models."
        return Mcnemar(both, only_first, only_second, neither, None, note)
    return Mcnemar(both, only_first, only_second, neither, exact_binomial(only_first, only_first + only_second))
