"""Shares of outcomes in clusters, by hand."""

import numpy as np
import pytest

from evaluation.statistics.clustered_proportions import clustered_wilson, effective_trials
from evaluation.statistics.proportions import wilson


def test_one_outcome_per_cluster_is_wilsons_interval() -> None:
    outcomes = [1, 0, 0, 1, 0, 0, 0]
    assert clustered_wilson(outcomes, range(7)) == wilson(2, 7)


def test_copies_within_a_cluster_count_about_once() -> None:
    """4 clusters of 3 equal outcomes, half of them 1: residual sums +-1.5, variance 4/3 * 4 * 2.25 / 144 = 1/12; alone
    it were (1/4) / 11 = 1/44, so the design effect is 44/12 = 3.667 and the 12 outcomes tell as much as 3.2727."""
    outcomes = np.repeat([1, 1, 0, 0], 3)
    clusters = np.repeat([1, 2, 3, 4], 3)
    assert effective_trials(outcomes, clusters) == pytest.approx(12 / (44 / 12))
    found = clustered_wilson(outcomes, clusters)
    assert found.value == 0.5
    assert found.interval == pytest.approx(wilson(12 / (44 / 12) / 2, 12 / (44 / 12)).interval)


def test_clusters_that_balance_each_other_never_count_for_more_than_they_are() -> None:
    assert effective_trials([1, 0, 1, 0], ["a", "a", "b", "b"]) == 4


def test_where_nothing_was_found_a_cluster_is_one_trial() -> None:
    assert clustered_wilson([0] * 30, np.repeat(range(10), 3)).interval == wilson(0, 10).interval


def test_one_cluster_alone_is_said_to_be_one() -> None:
    found = clustered_wilson([1, 0, 1], ["a", "a", "a"])
    assert found.value == pytest.approx(2 / 3)
    assert "one trial" in found.note


def test_nothing_has_no_share() -> None:
    found = clustered_wilson([], [])
    assert (found.value, found.interval, found.note) == (None, None, "Nothing was counted yet.")


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"outcomes must be 0 or 1, got 0\.5"):
        clustered_wilson([0.5], [1])
    with pytest.raises(ValueError, match="clusters must have one label"):
        clustered_wilson([1, 0], [1])


@pytest.mark.slow
def test_the_interval_covers_the_true_share_about_as_often_as_it_says() -> None:
    """60 prompts of 4 answers whose chance of a violation varies by prompt (beta-binomial, mean 0.2)."""
    chance = np.random.default_rng(5)
    clusters = np.repeat(range(60), 4)
    hits = naive = 0
    rounds = 2000
    for _ in range(rounds):
        outcomes = (chance.random(240) < np.repeat(chance.beta(0.5, 2.0, 60), 4)).astype(float)
        low, high = clustered_wilson(outcomes, clusters).interval or (1.0, 0.0)
        hits += low <= 0.2 <= high
        low, high = wilson(outcomes.sum(), 240).interval or (1.0, 0.0)
        naive += low <= 0.2 <= high
    error = 1.96 * (0.95 * 0.05 / rounds) ** 0.5
    assert hits / rounds == pytest.approx(0.95, abs=0.01 + error)
    assert naive / rounds < 0.9
