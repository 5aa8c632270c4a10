"""Proportions and differences of what depends on each other within clusters, against values derived by hand."""

import math

import numpy as np
import pytest

from evaluation.statistics.clustered_shares import clustered_difference, clustered_proportion
from evaluation.statistics.estimates import clustered_mean, t_quantile
from evaluation.statistics.proportions import wilson


def test_a_proportion_has_the_error_of_the_clustered_mean() -> None:
    """Clusters (1, 1), (0, 1/2), (1, 0), (0, 0): the mean is 3.5 / 8."""
    values, clusters = [1, 1, 0, 0.5, 1, 0, 0, 0], [1, 1, 2, 2, 3, 3, 4, 4]
    found, plain = clustered_proportion(values, clusters), clustered_mean(values, clusters)
    assert found.value == pytest.approx(3.5 / 8)
    assert found.standard_error == pytest.approx(plain.standard_error)


def test_its_interval_is_wilsons_of_as_many_trials_as_the_error_stands_for() -> None:
    values, clusters = [1, 1, 0, 0.5, 1, 0, 0, 0], [1, 1, 2, 2, 3, 3, 4, 4]
    found = clustered_proportion(values, clusters)
    p = 3.5 / 8
    # Sums of the residuals by cluster: 2 - 2p, 0.5 - 2p, 1 - 2p, -2p.
    sums = [2 - 2 * p, 0.5 - 2 * p, 1 - 2 * p, -2 * p]
    error = math.sqrt(4 / 3 * sum(s * s for s in sums)) / 8
    n, z = p * (1 - p) / error**2, t_quantile(0.95, 3)
    # The ends solve (p - x)^2 = z^2 x (1 - x) / n.
    assert found.interval is not None
    for end in found.interval:
        assert (p - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / n)
    assert found.interval[0] < p < found.interval[1]


def test_many_independent_trials_have_wilsons_interval() -> None:
    values = [1.0] * 300 + [0.0] * 700
    expected = wilson(300, 1000).interval
    assert clustered_proportion(values, range(1000)).interval == pytest.approx(expected, abs=5e-4)


def test_where_all_are_alike_the_interval_is_that_of_as_many_trials_as_clusters() -> None:
    found = clustered_proportion([1.0] * 90, np.repeat(range(30), 3))
    z2 = t_quantile(0.95, 29) ** 2
    assert found.interval == (pytest.approx(30 / (30 + z2)), 1.0)
    assert "as many independent trials as clusters" in found.note


def test_what_is_undefined_is_told_in_words() -> None:
    assert clustered_proportion([], []).note == "Nothing was counted yet."
    assert "One cluster" in clustered_proportion([1, 0], [7, 7]).note
    assert "Only one of the two groups" in clustered_difference([1, 0], [True, True], [1, 2])[0].note
    with pytest.raises(ValueError, match=r"from 0 to 1, got 1\.5"):
        clustered_proportion([1.5], [1])
    with pytest.raises(ValueError, match="got nan"):
        clustered_proportion([math.nan], [1])


def test_the_difference_of_two_independent_groups_is_that_of_their_means() -> None:
    first, second = [1.0, 2.0, 3.0, 6.0], [2.0, 5.0, 8.0]
    found, p_value = clustered_difference(first + second, [False] * 4 + [True] * 3, range(7))
    assert found.value == pytest.approx(2.0)
    squares = sum((x - 3) ** 2 for x in first) / 16 + sum((x - 5) ** 2 for x in second) / 9
    assert found.standard_error == pytest.approx(math.sqrt(7 / 6 * squares))
    assert p_value is not None and 0 < p_value < 1


def test_a_difference_within_every_cluster_is_that_of_a_paired_test() -> None:
    """Each cluster has one value in either group: the error is that of the mean of the paired differences."""
    before, after = [1.0, 4.0, 2.0, 9.0], [2.0, 6.0, 2.0, 11.0]
    clusters = [1, 2, 3, 4]
    found, _ = clustered_difference(before + after, [False] * 4 + [True] * 4, clusters * 2)
    differences = np.subtract(after, before)
    assert found.value == pytest.approx(differences.mean())
    assert found.standard_error == pytest.approx(differences.std(ddof=1) / 2)


@pytest.mark.slow
def test_the_interval_covers_the_share_as_often_as_it_says() -> None:
    """40 clusters of 5, whose own chances are drawn from Beta(4, 1): the share is 0.8."""
    generator = np.random.default_rng(3)
    clusters = np.repeat(np.arange(40), 5)
    covered = 0
    for _ in range(2000):
        interval = clustered_proportion(generator.random(200) < generator.beta(4, 1, 40)[clusters], clusters).interval
        assert interval is not None
        covered += interval[0] <= 0.8 <= interval[1]
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)
