"""What must not change a coefficient: the order of items and raters, the form in which the ratings come."""

from collections.abc import Callable

import numpy as np
import pytest

from evaluation.statistics.agreement import (
    Agreement,
    brennan_prediger,
    conger,
    fleiss,
    gwet,
    krippendorff,
    percent_agreement,
)
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.patterns import Patterns
from evaluation.statistics.weights import WEIGHTS

Coefficient = Callable[..., Agreement]

SCALE = range(1, 8)
FROM_COUNTS = [gwet, fleiss, brennan_prediger, percent_agreement, krippendorff]
ALL = [*FROM_COUNTS, conger]


@pytest.fixture
def ratings() -> FloatArray:
    """60 items, 4 raters, 7 points; raters follow the item's quality by one point or so, and a fifth is missing."""
    rng = np.random.default_rng(7)
    table = np.clip(rng.integers(1, 8, (60, 1)) + rng.integers(-1, 2, (60, 4)), 1, 7).astype(float)
    table[rng.random(table.shape) < 0.2] = np.nan
    return table


def figures(result: Agreement) -> tuple[float, ...]:
    assert result.value is not None and result.interval is not None
    assert result.standard_error is not None and result.p_value is not None
    return (result.value, result.standard_error, *result.interval, result.p_value)


@pytest.mark.parametrize("weights", ["identity", "quadratic", "ordinal"])
@pytest.mark.parametrize("coefficient", ALL)
def test_the_order_of_items_and_raters_does_not_matter(
    coefficient: Coefficient, weights: str, ratings: FloatArray
) -> None:
    rng = np.random.default_rng(1)
    shuffled = ratings[rng.permutation(len(ratings))][:, rng.permutation(4)]
    before = figures(coefficient(ratings, weights, categories=SCALE))
    assert figures(coefficient(shuffled, weights, categories=SCALE)) == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize("coefficient", FROM_COUNTS)
def test_who_gave_which_rating_does_not_matter(coefficient: Coefficient, ratings: FloatArray) -> None:
    mixed = np.random.default_rng(2).permuted(ratings, axis=1)
    before = figures(coefficient(ratings, "linear", categories=SCALE))
    assert figures(coefficient(mixed, "linear", categories=SCALE)) == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize("coefficient", ALL)
def test_items_that_nobody_rated_change_nothing(coefficient: Coefficient, ratings: FloatArray) -> None:
    longer = np.vstack([ratings, np.full((5, 4), np.nan)])
    assert coefficient(longer, categories=SCALE) == coefficient(ratings, categories=SCALE)


@pytest.mark.parametrize("coefficient", FROM_COUNTS)
def test_counts_of_each_item_say_as_much_as_its_ratings(coefficient: Coefficient, ratings: FloatArray) -> None:
    counts = np.stack([(ratings == category).sum(axis=1) for category in SCALE], axis=1)
    patterns = Patterns.from_counts(counts, categories=SCALE)
    before = figures(coefficient(ratings, "quadratic", categories=SCALE))
    assert figures(coefficient(patterns, "quadratic")) == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize("coefficient", FROM_COUNTS)
def test_a_multiplicity_stands_for_as_many_items(coefficient: Coefficient) -> None:
    grouped = Patterns.from_counts([[3, 0, 0], [1, 2, 0], [0, 1, 1]], [4, 3, 2])
    one_by_one = Patterns.from_counts([[3, 0, 0]] * 4 + [[1, 2, 0]] * 3 + [[0, 1, 1]] * 2)
    assert figures(coefficient(grouped)) == pytest.approx(figures(coefficient(one_by_one)), abs=1e-12)


@pytest.mark.parametrize("coefficient", ALL)
def test_of_two_categories_every_weight_makes_the_same_coefficient(
    coefficient: Coefficient, ratings: FloatArray
) -> None:
    halves = np.where(np.isnan(ratings), np.nan, np.where(ratings > 4, 2.0, 1.0))
    plain = figures(coefficient(halves))
    for weights in WEIGHTS:
        assert figures(coefficient(halves, weights)) == pytest.approx(plain, abs=1e-12)


def test_conger_of_a_rater_without_ratings_is_that_of_the_others(ratings: FloatArray) -> None:
    wider = np.hstack([ratings, np.full((len(ratings), 1), np.nan)])
    assert conger(wider, categories=SCALE) == conger(ratings, categories=SCALE)


def test_the_interval_covers_the_true_coefficient_about_as_often_as_it_says() -> None:
    """Two raters, each right on two categories with probability 0.9: they agree on 0.82, and 2 * 0.82 - 1 = 0.64."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(1000):
        truth = rng.integers(1, 3, (120, 1))
        ratings = np.where(rng.random((120, 2)) < 0.9, truth, 3 - truth)
        low, high = brennan_prediger(ratings, categories=[1, 2]).interval or (0, 0)
        covered += low <= 0.64 <= high
    assert 0.925 <= covered / 1000 <= 0.97
