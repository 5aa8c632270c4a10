"""Sums by prompt, prompts drawn anew, and figures from the totals."""

import numpy as np
import pytest

from evaluation.statistics.agreement import gwet
from evaluation.statistics.bradley_terry import bradley_terry
from evaluation.statistics.replicates import Sums, coefficients, draws, ratings, ratios, summed_up

NAN = np.nan
VOTES = np.array([[1, 1, 2], [3, NAN, 3], [2, 1, NAN], [NAN, 3, NAN], [2, 2, 2], [1, 3, 1]])


def test_each_replicate_draws_as_many_prompts_as_there_are() -> None:
    drawn = np.concatenate(list(draws(7, 250, seed=3)))
    assert drawn.shape == (250, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean() == 1


def test_totals_are_sums_over_the_drawn_prompts() -> None:
    sums = Sums(["p", "q", "p"])
    all_items, one_item = sums.column([1, 2, 4]), sums.column([10], at=np.array([1]))
    assert sums.once().tolist() == [[7, 10]]
    drawn = np.concatenate(list(draws(2, 30, seed=0)))
    totals = sums.draw(30, seed=0)
    assert totals[:, all_items].tolist() == (drawn @ [5, 2]).tolist()
    assert totals[:, one_item].tolist() == (drawn @ [0, 10]).tolist()


@pytest.mark.parametrize("weights", ["identity", "quadratic"])
def test_agreement_from_sums_is_gwets(weights: str) -> None:
    sums = Sums(range(6))
    columns = sums.coefficient(VOTES, (1, 2, 3), weights)
    expected = gwet(VOTES, weights=weights, categories=(1, 2, 3)).value
    assert coefficients(sums.once(), columns).tolist() == pytest.approx([expected])


def test_ratings_of_all_replicates_are_those_of_one_by_one() -> None:
    chance = np.random.default_rng(2)
    points = chance.integers(1, 9, size=(4, 3, 3)).astype(np.float64)
    points[:, range(3), range(3)] = 0
    for table, found in zip(points, ratings(points), strict=True):
        first, second, won = [], [], []
        for i in range(3):
            for j in range(3):
                first += ["abc"[i]] * int(table[i, j])
                second += ["abc"[j]] * int(table[i, j])
                won += [1.0] * int(table[i, j])
        one = {standing.model: standing.rating.value for standing in bradley_terry(first, second, won).standings}
        assert found.tolist() == pytest.approx([one["a"], one["b"], one["c"]], abs=1e-5)


def test_a_replicate_without_a_finite_rating_is_undefined() -> None:
    swept = np.array([[[0.0, 5.0], [0.0, 0.0]], [[0.0, 3.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = ratings(swept)
    assert np.isnan(found[0]).all() and np.isnan(found[2]).all()
    assert found[1].tolist() == pytest.approx([1000 + 200 * np.log10(1.5), 1000 - 200 * np.log10(1.5)], abs=1e-5)


def test_nothing_to_divide_by_is_undefined() -> None:
    assert np.isnan(ratios(np.array([[1.0, 0.0], [1.0, 2.0]]), 0, 1)).tolist() == [True, False]


def test_an_undefined_interval_is_explained() -> None:
    assert summed_up(None, np.array([0.5]), 40).note == "The figure itself is undefined."
    assert "undefined in 50 %" in summed_up(0.5, np.array([0.5, NAN]), 40).note
    assert "One prompt alone" in summed_up(0.5, np.array([0.5]), 1).note
    assert "Only 3 prompts" in summed_up(0.5, np.array([0.4, 0.6]), 3).note
    found = summed_up(0.5, np.linspace(0, 1, 101), 40, confidence=0.9)
    assert found.interval == pytest.approx((0.05, 0.95))
    with pytest.raises(ValueError, match="replicates must be at least 1, got 0"):
        Sums([1]).draw(0)
