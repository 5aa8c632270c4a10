"""Rank correlations are SciPy's; their errors are those that leaving out one observation at a time gives."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from evaluation.statistics.estimates import Estimate
from evaluation.statistics.rank_correlation import kendall, spearman

Correlation = Callable[..., Estimate]

GENERATOR = np.random.default_rng(8)
X = GENERATOR.normal(size=300).round(1)
Y = np.clip((X + GENERATOR.normal(size=300) + 4).round(), 1, 7)
KINDS = [(spearman, stats.spearmanr), (kendall, stats.kendalltau)]


@pytest.mark.parametrize(("own", "reference"), KINDS)
def test_the_value_is_the_textbooks_with_ties(own: Correlation, reference: Any) -> None:
    assert own(X, Y).value == pytest.approx(reference(X, Y).statistic, abs=1e-12)


@pytest.mark.parametrize(("own", "reference"), KINDS)
def test_the_error_is_the_jackknifes(own: Correlation, reference: Any) -> None:
    without = [reference(np.delete(X, place), np.delete(Y, place)).statistic for place in range(300)]
    jackknife = math.sqrt(299 / 300 * float(((without - np.mean(without)) ** 2).sum()))
    assert own(X, Y).standard_error == pytest.approx(jackknife, rel=0.01)


@pytest.mark.parametrize(("own", "reference"), KINDS)
def test_the_error_of_clusters_is_that_of_leaving_out_a_cluster_at_a_time(own: Correlation, reference: Any) -> None:
    clusters = np.repeat(np.arange(100), 3)
    without = [reference(X[clusters != each], Y[clusters != each]).statistic for each in range(100)]
    jackknife = math.sqrt(99 / 100 * float(((without - np.mean(without)) ** 2).sum()))
    assert own(X, Y, clusters).standard_error == pytest.approx(jackknife, rel=0.02)


@pytest.mark.parametrize("own", [spearman, kendall])
def test_order_does_not_matter_and_a_falling_scale_turns_the_sign(own: Correlation) -> None:
    order = GENERATOR.permutation(300)
    shuffled, plain, turned = own(X[order], Y[order]), own(X, Y), own(X, 8 - Y)
    assert shuffled.interval == pytest.approx(plain.interval)
    assert plain.value is not None and turned.value == pytest.approx(-plain.value)
    assert turned.standard_error == pytest.approx(plain.standard_error)
    assert own(np.exp(X), Y).interval == pytest.approx(plain.interval)


@pytest.mark.parametrize("own", [spearman, kendall])
def test_what_is_undefined_is_told_in_words(own: Correlation) -> None:
    assert own([], []).note == own([1, 2], [3, 3]).note == "One of the two never varies: nothing can rise with it."
    perfect = own([1, 2, 3, 4], [1, 2, 3, 4])
    assert perfect.value == pytest.approx(1) and perfect.interval is None and "alike" in perfect.note
    assert own([1, 2, 3], [1, 3, 2], [1, 1, 2]).interval is None
    with pytest.raises(ValueError, match="finite numbers, got inf"):
        own([1, math.inf], [1, 2])


@pytest.mark.slow
@pytest.mark.parametrize("own", [spearman, kendall])
def test_the_interval_covers_as_often_as_it_says(own: Correlation) -> None:
    """Normal with correlation 1/2: rho = 6/pi asin(1/4), tau = 2/pi asin(1/2) = 1/3."""
    truth = 6 / math.pi * math.asin(0.25) if own is spearman else 1 / 3
    generator = np.random.default_rng(4)
    covered, draws = 0, 1000
    for _ in range(draws):
        x = generator.normal(size=120)
        y = 0.5 * x + math.sqrt(0.75) * generator.normal(size=120)
        interval = own(y, x).interval
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert covered / draws == pytest.approx(0.95, abs=0.021)  # three standard errors of the share
