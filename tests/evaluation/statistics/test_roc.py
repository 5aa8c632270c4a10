"""The ROC curve, its area with DeLong's error, and what a threshold comes to, against values derived by hand."""

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from evaluation.statistics.estimates import normal_quantile
from evaluation.statistics.roc import at_threshold, auc, roc_curve, threshold_for_recall

# Positives 3, 5, 2 and negatives 1, 2, 4. Wins of the positives over the negatives, a tie as half:
#   3 beats 1, 2           -> 2   / 3
#   5 beats 1, 2, 4        -> 3   / 3
#   2 beats 1, ties with 2 -> 1.5 / 3     area = 6.5 / 9
SCORES = [3, 5, 2, 1, 2, 4]
POSITIVE = [True, True, True, False, False, False]
AREA = 6.5 / 9
# Placements of the negatives: 1 is beaten by 3 of 3, 2 by 2.5, 4 by 1.
V10, V01 = [2 / 3, 1, 0.5], [1, 2.5 / 3, 1 / 3]


def sample_variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def test_the_area_is_the_chance_that_a_positive_scores_higher() -> None:
    assert auc(SCORES, POSITIVE).value == pytest.approx(AREA)


def test_its_error_is_that_of_delong() -> None:
    variance = sample_variance(V10) / 3 + sample_variance(V01) / 3
    assert auc(SCORES, POSITIVE).standard_error == pytest.approx(math.sqrt(variance))


def test_its_interval_is_made_on_the_logit() -> None:
    error = math.sqrt(sample_variance(V10) / 3 + sample_variance(V01) / 3)
    middle, margin = math.log(AREA / (1 - AREA)), normal_quantile(0.9) * error / (AREA * (1 - AREA))
    expected = [1 / (1 + math.exp(-(middle + sign * margin))) for sign in (-1, 1)]
    assert auc(SCORES, POSITIVE, confidence=0.9).interval == pytest.approx(expected)


def test_answers_to_one_prompt_are_one_cluster() -> None:
    """Clusters (3, 1), (5, 2) and (2, 4), each a positive and a negative. By Obuchowski: with d the placements less the
    area, S10 = 3/(2*3) sum d10^2, S01 likewise, S11 = 3/2 sum d10 d01, and the variance S10/3 + S01/3 + 2 S11/9."""
    d10, d01 = [v - AREA for v in V10], [v - AREA for v in V01]
    s10, s01 = (sum(d * d for d in each) / 2 for each in (d10, d01))
    s11 = 1.5 * sum(one * other for one, other in zip(d10, d01, strict=True))
    found = auc(SCORES, POSITIVE, clusters=["p", "q", "r", "p", "q", "r"])
    assert found.standard_error == pytest.approx(math.sqrt(s10 / 3 + s01 / 3 + 2 * s11 / 9))


def test_the_area_is_mann_whitneys_and_turns_over_with_the_classes() -> None:
    generator = np.random.default_rng(5)
    scores, positive = generator.normal(size=80).round(1), generator.random(80) < 0.3
    found = auc(scores, positive)
    statistic = mannwhitneyu(scores[positive], scores[~positive]).statistic
    assert found.value == pytest.approx(statistic / (positive.sum() * (~positive).sum()))
    other = auc(-scores, positive)
    assert found.value is not None and other.value == pytest.approx(1 - found.value)
    assert other.standard_error == pytest.approx(found.standard_error)
    order = generator.permutation(80)
    assert auc(np.exp(scores)[order], positive[order]).standard_error == pytest.approx(found.standard_error)


@pytest.mark.parametrize(
    ("scores", "positive", "words"),
    [
        ([1, 2, 3], [True, True, True], "of one class"),
        ([], [], "of one class"),
        ([1, 2, 3], [False, True, True], "One answer"),
        ([1, 2, 3, 4], [False, False, True, True], "don't overlap"),
    ],
)
def test_what_is_undefined_is_told_in_words(scores: list[float], positive: list[bool], words: str) -> None:
    found = auc(scores, positive)
    assert found.interval is None and words in found.note


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite numbers, got nan"):
        auc([1.0, math.nan], [True, False])
    with pytest.raises(ValueError, match="as many of each"):
        auc([1.0, 2.0], [True])


def test_the_curve_has_a_corner_for_every_score() -> None:
    curve = roc_curve(SCORES, POSITIVE)
    assert curve is not None
    corners = zip(curve.threshold, curve.false_positive_rate, curve.true_positive_rate, strict=True)
    third = 1 / 3
    assert list(corners) == [
        (None, 0, 0),
        (5, 0, pytest.approx(third)),
        (4, pytest.approx(third), pytest.approx(third)),
        (3, pytest.approx(third), pytest.approx(2 * third)),
        (2, pytest.approx(2 * third), 1),
        (1, 1, 1),
    ]
    assert roc_curve([1, 2], [True, True]) is None


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    generator = np.random.default_rng(0)
    curve = roc_curve(generator.normal(size=5000), generator.random(5000) < 0.5, most=50)
    assert curve is not None and len(curve.threshold) <= 52
    assert (curve.false_positive_rate[0], curve.true_positive_rate[-1]) == (0, 1)


def test_a_threshold_has_its_precision_and_recall() -> None:
    """Flagged below 0.5: 0.1 and 0.2 (unsafe), 0.4 (safe). Of three unsafe ones, 0.7 is missed; of three safe ones, 0.4
    is a false alarm."""
    scores, unsafe = [0.1, 0.2, 0.7, 0.4, 0.5, 0.9], [True, True, True, False, False, False]
    found = at_threshold(scores, unsafe, 0.5, clusters=range(6))
    assert (found.flagged, found.wanted, found.caught) == (3, 3, 2)
    assert found.precision.value == pytest.approx(2 / 3)
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.false_alarms.value == pytest.approx(1 / 3)
    assert at_threshold(scores, unsafe, 0.0, clusters=range(6)).precision.note == "Nothing was counted yet."


@pytest.mark.parametrize(("recall", "last"), [(0.25, 1), (0.3, 2), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_the_threshold_for_a_recall_lies_just_above_the_last_that_must_be_flagged(recall: float, last: float) -> None:
    scores, unsafe = [4, 2, 1, 3, 2.5], [True, True, True, True, False]
    threshold = threshold_for_recall(scores, unsafe, recall)
    assert threshold is not None and threshold > last and threshold == pytest.approx(last)
    assert threshold_for_recall(scores, [False] * 5, recall) is None


def test_a_recall_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 1, got 1\.5"):
        threshold_for_recall([1.0], [True], 1.5)


@pytest.mark.slow
@pytest.mark.parametrize("clustered", [False, True])
def test_the_interval_covers_the_area_as_often_as_it_says(clustered: bool) -> None:
    """Normal scores a distance of 1.2 apart: the area is Phi(1.2 / sqrt 2). Clusters of two share half their variance.
    Of 2,000 intervals at 95 %, a share of 0.95 give or take 3 sqrt(0.95 * 0.05 / 2000) = 0.015 covers it."""
    area = 0.5 * (1 + math.erf(1.2 / 2))
    generator = np.random.default_rng(11)
    prompts = np.repeat(np.arange(60), 2)
    positive = generator.random(120) < 0.4
    covered = 0
    for _ in range(2000):
        shared = generator.normal(size=60)[prompts] * math.sqrt(0.5) if clustered else 0.0
        own = generator.normal(size=120) * (math.sqrt(0.5) if clustered else 1.0)
        interval = auc(1.2 * positive + shared + own, positive, prompts if clustered else None).interval
        assert interval is not None
        covered += interval[0] <= area <= interval[1]
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)
