"""What the best of N answers is worth, from K answers per prompt: the numbers of the paper's figures 7 and 8."""

import math
from typing import NamedTuple, TypedDict

import torch
from torch import Tensor

from modeling.metrics import Z_95


class Interval(NamedTuple):
    """A mean over prompts with its 95 % interval, whose ends are None where one prompt alone says nothing of its
    error."""

    mean: float
    low: float | None
    high: float | None


class Curve(TypedDict):
    """A reward against the number of answers: one value, low and high per n."""

    n: list[int]
    mean: list[float]
    low: list[float | None]
    high: list[float | None]


def expected_order_statistic(scores: Tensor, n: int, place: int) -> Tensor:
    """The expected place-th smallest of n answers, for each prompt, from its K >= n answers.

    scores: (prompts, K). Returns (prompts,). It is the mean over all subsets of n of the K answers, and therefore
    unbiased: of the subsets' place-th smallest, C(i-1, place-1) C(K-i, n-place) are the i-th smallest of the K.
    """
    k = scores.shape[1]
    if not 1 <= place <= n <= k:
        raise ValueError(f"expected 1 <= place <= n <= K, got place {place}, n {n}, K {k}")
    subsets = math.comb(k, n)
    shares = [math.comb(i, place - 1) * math.comb(k - 1 - i, n - place) / subsets for i in range(k)]
    return scores.double().sort(dim=1).values @ torch.tensor(shares, dtype=torch.float64, device=scores.device)


def expected_maximum(scores: Tensor, n: int) -> Tensor:
    """The expected highest score of n answers, for each prompt; scores: (prompts, K). Returns (prompts,)."""
    return expected_order_statistic(scores, n, n)


def expected_median(scores: Tensor, n: int) -> Tensor:
    """The expected median score of n answers, for each prompt; scores: (prompts, K). Returns (prompts,)."""
    lower, upper = (n + 1) // 2, n // 2 + 1
    return (expected_order_statistic(scores, n, lower) + expected_order_statistic(scores, n, upper)) / 2


def mean_interval(values: Tensor) -> Interval:
    """The mean over prompts with its normal 95 % interval; values: (prompts,), each of them one prompt's.

    The answers to one prompt are alike, so that the prompt, not the answer, is what was drawn independently: the
    standard error is that of the prompts' values (clustered by prompt).
    """
    mean = float(values.double().mean())
    if len(values) < 2:
        return Interval(mean, None, None)
    half = Z_95 * float(values.double().std()) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def maximum_curve(scores: Tensor) -> Curve:
    """The maximum reward among n answers, for n up to K, over prompts (figure 7 and 8); scores: (prompts, K)."""
    return _curve({n: expected_maximum(scores, n) for n in counts(scores.shape[1])})


def median_curve(scores: Tensor) -> Curve:
    """The median reward among n answers, for n up to K, over prompts (figure 7); scores: (prompts, K)."""
    return _curve({n: expected_median(scores, n) for n in counts(scores.shape[1])})


def counts(k: int) -> list[int]:
    """The numbers of answers at which a curve is drawn: every one up to 10, then a tenth more each time, and k."""
    found = [1]
    while found[-1] < k:
        found.append(min(k, max(found[-1] + 1, round(found[-1] * 1.1))))
    return found


def _curve(by_n: dict[int, Tensor]) -> Curve:
    intervals = [mean_interval(values) for values in by_n.values()]
    return Curve(
        n=list(by_n),
        mean=[interval.mean for interval in intervals],
        low=[interval.low for interval in intervals],
        high=[interval.high for interval in intervals],
    )
