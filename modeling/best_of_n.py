"""What the best of N answers is worth, from K answers per prompt: the numbers of the paper's figures 7 and 8."""

import math
from typing import TypedDict

import torch
from torch import Tensor

from modeling.metrics import mean_of


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
    """The means over prompts, with intervals clustered by prompt: the answers to one prompt are alike, so that the
    prompts' values, not the answers, are what was drawn independently."""
    intervals = [mean_of(values.tolist()) for values in by_n.values()]
    return Curve(
        n=list(by_n),
        mean=[float(values.mean()) for values in by_n.values()],
        low=[interval.low for interval in intervals],
        high=[interval.high for interval in intervals],
    )
