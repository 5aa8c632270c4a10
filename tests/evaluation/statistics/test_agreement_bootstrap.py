"""The bootstrap by patterns: it draws as drawing item by item would, a seed repeats it, what it lacks is explained."""

from itertools import product

import numpy as np
import pytest

from evaluation.statistics.agreement import COEFFICIENTS, gwet, percent_agreement
from evaluation.statistics.patterns import Contingency, Patterns
from evaluation.statistics.resampling import bootstrap

NAN = float("nan")
RATINGS: list[list[float]] = [[1, 1, NAN], [2, 3, 3], [1, 2, NAN], [3, 3, 2]]
SCALE = [1, 2, 3]


@pytest.mark.parametrize("weights", ["identity", "quadratic"])
@pytest.mark.parametrize("name", list(COEFFICIENTS))
def test_it_draws_as_drawing_item_by_item_would(name: str, weights: str) -> None:
    """All 256 ordered draws of four items out of four, each as likely, by the coefficient itself."""
    coefficient = COEFFICIENTS[name]
    draws = [coefficient([RATINGS[i] for i in draw], weights, SCALE).value for draw in product(range(4), repeat=4)]
    exact = np.array([value for value in draws if value is not None])
    found = bootstrap(name, RATINGS, weights, SCALE, replicates=20_000, seed=3)
    assert found.value == coefficient(RATINGS, weights, SCALE).value
    assert found.standard_error == pytest.approx(exact.std(), rel=0.03)
    assert found.undefined / 20_000 == pytest.approx(1 - len(exact) / 256, abs=0.01)
    for end, level in zip(found.interval or (NAN, NAN), (0.025, 0.975), strict=True):
        assert np.quantile(exact, level - 0.01) <= end + 1e-9 and end - 1e-9 <= np.quantile(exact, level + 0.01)


def test_a_proportion_has_its_binomial_error() -> None:
    """150 of 200 agree: sqrt(0.75 * 0.25 / 200) = 0.0306; known to half a percent from 20,000 replicates."""
    patterns = Patterns.from_counts([[2, 0], [1, 1]], [150, 50])
    found = bootstrap("percent_agreement", patterns, replicates=20_000)
    assert found.standard_error == pytest.approx(0.030619, rel=0.02)
    low, high = found.interval or (NAN, NAN)
    assert (low, high) == (pytest.approx(0.69, abs=0.006), pytest.approx(0.81, abs=0.006))


@pytest.mark.parametrize("name", list(COEFFICIENTS))
def test_a_seed_and_the_same_ratings_in_any_order_make_the_same_interval(name: str) -> None:
    rng = np.random.default_rng(1)
    ratings = np.clip(rng.integers(1, 4, (50, 1)) + rng.integers(-1, 2, (50, 3)), 1, 3).astype(float)
    first = bootstrap(name, ratings, categories=SCALE, seed=5)
    assert bootstrap(name, ratings[rng.permutation(50)], categories=SCALE, seed=5) == first
    assert bootstrap(name, ratings, categories=SCALE, seed=6).interval != first.interval


@pytest.mark.parametrize("name", list(COEFFICIENTS))
def test_whole_clusters_are_drawn_where_items_belong_together(name: str) -> None:
    """Each item twice under one prompt is half as much known: the error of the single items, not of twice as many."""
    rng = np.random.default_rng(2)
    ratings = np.clip(rng.integers(1, 4, (60, 1)) + rng.integers(-1, 2, (60, 3)), 1, 3).astype(float)
    twice = np.repeat(ratings, 2, axis=0)
    alone = bootstrap(name, ratings, categories=SCALE, replicates=4000, seed=1)
    by_prompt = bootstrap(name, twice, categories=SCALE, replicates=4000, seed=2, clusters=np.repeat(np.arange(60), 2))
    by_item = bootstrap(name, twice, categories=SCALE, replicates=4000, seed=3)
    assert alone.standard_error and by_prompt.standard_error and by_item.standard_error
    assert by_prompt.standard_error == pytest.approx(alone.standard_error, rel=0.06)
    assert by_item.standard_error == pytest.approx(alone.standard_error / 2**0.5, rel=0.06)
    assert by_prompt.drawn == "clusters"


def test_two_raters_may_come_as_their_table() -> None:
    table = Contingency.of([[30, 5], [10, 55]])
    assert bootstrap("conger", table).standard_error == pytest.approx(0.078, abs=0.01)
    assert bootstrap("gwet", table).value == gwet(table).value


def test_what_is_undefined_is_said() -> None:
    assert "no item was rated by two raters" in bootstrap("gwet", [[1, NAN], [NAN, 2]]).note
    assert "One item alone" in bootstrap("gwet", [[1, 2]]).note
    assert "One cluster alone" in bootstrap("gwet", RATINGS, categories=SCALE, clusters=["a"] * 4).note
    assert "one category only" in bootstrap("gwet", [[1, 1], [1, 1]]).note
    assert bootstrap("percent_agreement", [[1, 1], [1, 1]]).interval == (1.0, 1.0)
    alike = bootstrap("gwet", [[1, 1], [2, 2]])
    assert (alike.interval, alike.standard_error) == ((1.0, 1.0), 0.0)
    assert "do not differ" in alike.note
    assert "replicates had no such coefficient" in bootstrap("fleiss", [[1, 1], [1, 2]], categories=SCALE).note


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"coefficient must be one of gwet, .*, got 'kappa'"):
        bootstrap("kappa", RATINGS)
    with pytest.raises(ValueError, match="replicates must be 2 or more, got 1"):
        bootstrap("gwet", RATINGS, replicates=1)
    patterns = Patterns.from_ratings(RATINGS)
    with pytest.raises(ValueError, match="patterns don't know who chose what"):
        bootstrap("conger", patterns)
    with pytest.raises(ValueError, match="item by item"):
        bootstrap("gwet", patterns, clusters=[1, 2, 3, 4])
    with pytest.raises(ValueError, match="one label for each of the 4"):
        bootstrap("gwet", RATINGS, clusters=[1, 2])


def test_an_items_agreement_is_all_that_percent_agreement_draws() -> None:
    assert bootstrap("percent_agreement", RATINGS).value == percent_agreement(RATINGS).value
