"""The expected best and middle of n answers, derived by hand and by counting all subsets."""

from itertools import combinations
from statistics import fmean, median

import pytest
import torch

from modeling.best_of_n import (
    counts,
    expected_maximum,
    expected_median,
    expected_order_statistic,
    maximum_curve,
    median_curve,
)

SCORES = torch.tensor([[3.0, 1.0, 2.0, 10.0, 2.0], [-1.0, 0.0, 0.5, 4.0, -7.0]])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_expected_maximum_and_median_are_those_over_all_subsets(n: int) -> None:
    subsets = [list(combinations(row, n)) for row in SCORES.tolist()]
    assert expected_maximum(SCORES, n).tolist() == pytest.approx([fmean(map(max, each)) for each in subsets])
    assert expected_median(SCORES, n).tolist() == pytest.approx([fmean(map(median, each)) for each in subsets])


def test_the_expected_maximum_of_two_out_of_three_by_hand() -> None:
    # {1, 2} -> 2, {1, 6} -> 6, {2, 6} -> 6
    assert expected_maximum(torch.tensor([[6.0, 1.0, 2.0]]), 2).tolist() == pytest.approx([14 / 3])


def test_the_maximum_of_one_answer_is_the_mean_and_of_all_the_largest() -> None:
    assert expected_maximum(SCORES, 1).tolist() == pytest.approx([3.6, -0.7])
    assert expected_maximum(SCORES, 5).tolist() == [10.0, 4.0]


def test_it_is_unbiased_for_a_known_distribution() -> None:
    # the maximum of n uniform numbers has the mean n / (n + 1)
    scores = torch.rand(20_000, 6, generator=torch.Generator().manual_seed(0))
    curve = maximum_curve(scores)
    for n, low, high in zip(curve["n"], curve["low"], curve["high"], strict=True):
        assert low is not None and high is not None
        assert low - 0.001 < n / (n + 1) < high + 0.001


def test_the_interval_counts_prompts_not_answers() -> None:
    # values 0 and 2: mean 1, standard deviation sqrt 2, standard error 1, half width 1.96
    curve = maximum_curve(torch.tensor([[0.0] * 4, [2.0] * 4]))  # alike answers add nothing
    assert (curve["low"][0], curve["mean"][0], curve["high"][0]) == pytest.approx(
        (1 - 1.959964, 1.0, 1 + 1.959964), abs=1e-6
    )


def test_one_prompt_alone_has_no_interval() -> None:
    curve = maximum_curve(torch.tensor([[3.0]]))
    assert (curve["mean"], curve["low"], curve["high"]) == ([3.0], [None], [None])


def test_a_place_that_the_answers_do_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 <= place <= n <= K, got place 6, n 6, K 5"):
        expected_maximum(SCORES, 6)
    with pytest.raises(ValueError, match="got place 0, n 2, K 5"):
        expected_order_statistic(SCORES, 2, 0)


def test_curves_have_a_value_for_every_count() -> None:
    highest, middle = maximum_curve(SCORES), median_curve(SCORES)
    assert highest["n"] == middle["n"] == [1, 2, 3, 4, 5]
    assert highest["mean"][0] == pytest.approx(middle["mean"][0])
    assert highest["mean"] == sorted(highest["mean"])
    assert (highest["mean"][-1], middle["mean"][-1]) == (7.0, pytest.approx(1.0))


def test_counts_are_dense_where_the_curve_bends_and_end_at_k() -> None:
    assert counts(1) == [1]
    assert counts(12) == list(range(1, 13))
    many = counts(100)
    assert many[:10] == list(range(1, 11)) and many[-1] == 100 and len(many) < 40
