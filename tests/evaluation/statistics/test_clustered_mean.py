"""The mean of observations that depend on each other within clusters: its error by hand, bootstrap and coverage."""

import math

import numpy as np
import pytest

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.estimates import Estimate, clustered_mean, within

VALUES = [1, 1, 0, 1]


def clustered_sample(rng: np.random.Generator, clusters: int = 40) -> tuple[FloatArray, IntArray]:
    """Around 0: a common part of each cluster and an own part of each of its 1 to 5 observations."""
    codes = np.repeat(np.arange(clusters), rng.integers(1, 6, clusters))
    return rng.normal(0, 1, clusters)[codes] + rng.normal(0, 1, len(codes)), codes


def test_without_clusters_it_is_the_usual_error_of_a_mean() -> None:
    """Squares from 3/4 make 3/4, over 4 * 3."""
    result = clustered_mean(VALUES)
    assert result.value == 0.75
    assert result.standard_error == pytest.approx(1 / 4, abs=1e-14)


def test_the_interval_takes_students_t_with_one_degree_less_than_clusters() -> None:
    """Cluster sums 1/2 and -1/2: 2 * 1/2 / 16. With one degree of freedom P(|T| > t) = 0.05 at t = tan(0.475 pi)."""
    result = clustered_mean(VALUES, ["a", "a", "b", "b"])
    assert result.standard_error == pytest.approx(1 / 4, abs=1e-14)
    margin = math.tan(0.475 * math.pi) / 4
    assert result.interval == pytest.approx((0.75 - margin, 0.75 + margin), abs=1e-12)
    assert "Only 2 clusters" in result.note


def test_two_ways_of_clustering_are_never_surer_than_one() -> None:
    """Values 2, 2, 0, 0: by prompt sums 2 and -2, 2 * 8/16 = 1; by annotator 0; alone 4/3 * 4/16 = 1/3.

    The sum less the intersection, 1 + 0 - 1/3, is below the error by prompt, which therefore stands.
    """
    result = clustered_mean([2, 2, 0, 0], [1, 1, 2, 2], ["a", "b", "a", "b"])
    assert result.standard_error == pytest.approx(1, abs=1e-14)


def test_an_annotators_own_tendency_widens_the_interval() -> None:
    """Six prompts by two annotators, of whom one says 1, and the other 0 but for the last prompt.

    Mean 7/12. By prompt the sums are -1/6 five times and 5/6: 6/5 * 30/36 / 144 = 1/144. By annotator 5/2 and -5/2:
    2 * 25/2 / 144 = 25/144. Alone 12/11 * 35/12 = 35/11, more than 1: the annotators' error stands.
    """
    values = [1, 0] * 5 + [1, 1]
    prompts = np.repeat(np.arange(6), 2)
    by_prompt = clustered_mean(values, prompts)
    by_both = clustered_mean(values, prompts, [0, 1] * 6)
    assert by_prompt.standard_error == pytest.approx(1 / 12, abs=1e-14)
    assert by_both.standard_error == pytest.approx(5 / 12, abs=1e-14)


def test_two_ways_add_up_less_what_they_share() -> None:
    """A grid of 3 x 3 with values i + j: residuals -2..2. Rows sum to -3, 0, 3: 3/2 * 18/81 = 1/3, and columns alike.

    Alone: 9/8 * 12/81 = 1/6. In all 1/3 + 1/3 - 1/6 = 1/2.
    """
    row, column = (part.ravel() for part in np.indices((3, 3)))
    result = clustered_mean(row + column, row, column)
    assert result.standard_error == pytest.approx(math.sqrt(1 / 2), abs=1e-14)


def test_the_sandwich_agrees_with_a_bootstrap_of_whole_clusters() -> None:
    rng = np.random.default_rng(11)
    values, codes = clustered_sample(rng, clusters=200)
    sums, sizes = np.bincount(codes, weights=values), np.bincount(codes)
    drawn = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=4000)
    bootstrap = np.std(drawn @ sums / (drawn @ sizes))
    assert clustered_mean(values, codes).standard_error == pytest.approx(bootstrap, rel=0.05)


def test_intervals_cover_the_truth_as_often_as_they_say_and_independent_ones_do_not() -> None:
    rng = np.random.default_rng(12)
    clustered = independent = 0
    for _ in range(1000):
        values, codes = clustered_sample(rng)
        low, high = clustered_mean(values, codes).interval or (0, 0)
        clustered += low <= 0 <= high
        low, high = clustered_mean(values).interval or (0, 0)
        independent += low <= 0 <= high
    assert 0.925 <= clustered / 1000 <= 0.97
    assert independent / 1000 < 0.88


def test_the_order_and_the_names_of_clusters_do_not_matter() -> None:
    by_word = clustered_mean([0, 1, 1, 1], ["z", "y", "y", "z"])
    assert by_word == clustered_mean([1, 0, 1, 1], [7, 3, 7, 3])


def test_one_cluster_has_a_mean_but_no_error() -> None:
    result = clustered_mean(VALUES, [5, 5, 5, 5])
    assert (result.value, result.standard_error, result.interval) == (0.75, None, None)
    assert "One cluster alone" in result.note


def test_equal_clusters_say_nothing_about_the_error() -> None:
    result = clustered_mean([1, 0, 1, 0], [1, 1, 2, 2])
    assert (result.value, result.interval) == (0.5, None)
    assert "nothing is known about its error" in result.note


def test_nothing_to_average_is_said_in_words() -> None:
    result = clustered_mean([])
    assert (result.value, result.standard_error, result.interval) == (None, None, None)
    assert result.note


def test_every_observation_needs_a_cluster() -> None:
    with pytest.raises(ValueError, match="one label for each of the 4 observations"):
        clustered_mean(VALUES, [1, 2])


def test_values_are_finite() -> None:
    with pytest.raises(ValueError, match="values must be finite numbers, got nan"):
        clustered_mean([1, float("nan")])


def test_three_ways_are_too_many() -> None:
    with pytest.raises(ValueError, match="two ways at most, got 3"):
        clustered_mean(VALUES, VALUES, VALUES, VALUES)


def test_an_interval_ends_where_the_scale_does() -> None:
    wide = Estimate(0.98, 0.05, (0.88, 1.08), 0.95)
    assert within(wide, 0.0, 1.0).interval == (0.88, 1.0)
    assert within(wide, 0.9, 2.0).interval == (0.9, 1.08)
    assert within(Estimate(None, None, None, 0.95), 0.0, 1.0).interval is None
