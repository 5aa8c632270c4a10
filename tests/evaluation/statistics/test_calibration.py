"""Scores as probabilities of a preference and as the quality of an answer, against values derived by hand."""

import math

import numpy as np
import pytest
from scipy.special import logit

from evaluation.statistics.calibration import correlation, quality, reliability
from evaluation.statistics.estimates import clustered_mean


def test_the_likelier_answers_probability_is_held_against_how_often_people_choose_it() -> None:
    """Ten pairs of probability 0.95, of which people agree with seven; four of 0.65, with one of them."""
    d, e = logit(0.95), logit(0.65)
    differences = [d] * 7 + [-d] * 3 + [e] + [-e] * 3
    found = reliability(differences, range(14), bins=5)
    low, high = found.bins[1], found.bins[4]
    assert (low.low, low.high, low.n, low.predicted) == (0.6, 0.7, 4, pytest.approx(0.65))
    assert (high.n, high.predicted, high.observed.value) == (10, pytest.approx(0.95), pytest.approx(0.7))
    # Gaps of 0.25 on ten pairs and 0.4 on four.
    assert found.error.value == pytest.approx((10 * 0.25 + 4 * 0.4) / 14)
    assert found.too_sure.value == pytest.approx((10 * 0.25 + 4 * 0.4) / 14)
    assert found.by_chance == pytest.approx(
        math.sqrt(2 / math.pi) * (math.sqrt(10 * 0.95 * 0.05) + math.sqrt(4 * 0.65 * 0.35)) / 14
    )


def test_gaps_of_both_signs_add_up_in_the_error_and_cancel_in_the_bias() -> None:
    d, e = logit(0.9), logit(0.6)
    differences = [d] * 5 + [-d] * 5 + [e] * 10
    found = reliability(differences, range(20), bins=5)
    assert found.error.value == pytest.approx((10 * 0.4 + 10 * 0.4) / 20)
    assert found.too_sure.value == pytest.approx(0.0)


def test_equal_scores_are_a_probability_of_one_half_and_half_right() -> None:
    found = reliability([0.0, 0.0, 1.0], range(3))
    assert (found.bins[0].n, found.bins[0].predicted, found.bins[0].observed.value) == (2, 0.5, 0.5)


def test_without_pairs_nothing_is_defined_and_that_is_told() -> None:
    found = reliability([], [])
    assert (found.error.value, found.by_chance) == (None, None)
    assert found.error.note == "There is nothing to average yet."
    with pytest.raises(ValueError, match="finite numbers, got nan"):
        reliability([math.nan], [1])


def test_a_model_that_is_right_errs_by_chance_alone() -> None:
    generator = np.random.default_rng(2)
    strengths = np.abs(generator.normal(size=20_000))
    agrees = generator.random(20_000) < 1 / (1 + np.exp(-strengths))
    found = reliability(np.where(agrees, strengths, -strengths), np.arange(20_000))
    assert found.error.value is not None and found.by_chance is not None
    assert 0.2 * found.by_chance < found.error.value < 3 * found.by_chance


def test_means_by_points_with_the_isotonic_fit_and_its_falls() -> None:
    """Means 1, 3 and 2 over two answers each: the pool of the last two is 2.5."""
    scores, points = [0.5, 1.5, 2.5, 3.5, 1.5, 2.5], [1, 1, 4, 4, 7, 7]
    found = quality(scores, points, range(6))
    assert [(each.points, each.n, each.score.value, each.isotonic) for each in found.points] == [
        (1, 2, 1.0, 1.0),
        (4, 2, 3.0, 2.5),
        (7, 2, 2.0, 2.5),
    ]
    (fall,) = found.falls
    assert (fall.lower, fall.higher, fall.difference.value) == (4, 7, pytest.approx(-1))
    assert not found.monotone
    assert found.misfit == pytest.approx((0 * 2 + 0.5 * 2 + 0.5 * 2) / 6 / np.std(scores))


def test_a_mean_has_the_interval_of_its_clusters() -> None:
    scores, points, prompts = [1.0, 2.0, 4.0, 1.5, 9.0], [3, 3, 3, 3, 5], [1, 1, 2, 3, 3]
    found = quality(scores, points, prompts)
    assert found.points[0].score.interval == pytest.approx(clustered_mean(scores[:4], prompts[:4]).interval)
    assert found.points[1].score.note == "One cluster alone says nothing about the error of this figure."
    assert found.monotone and found.misfit == 0


def test_without_ratings_there_is_no_curve() -> None:
    found = quality([], [], [])
    assert (found.n, found.points, found.misfit) == (0, (), None)
    assert "never varies" in found.spearman.note


def test_pearsons_correlation_has_the_textbooks_value_and_the_jackknifes_error() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=200)
    y = x + generator.normal(size=200)
    found = correlation(x, y, range(200))
    assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1])
    without = [np.corrcoef(np.delete(x, i), np.delete(y, i))[0, 1] for i in range(200)]
    jackknife = math.sqrt(199 / 200 * float(((without - np.mean(without)) ** 2).sum()))
    assert found.standard_error == pytest.approx(jackknife, rel=0.03)
    assert correlation([1, 1], [1, 2], [1, 2]).value is None
