"""Prediction-powered means against values worked out by hand, and their coverage by simulation."""

import math

import numpy as np
import pytest

from evaluation.statistics.estimates import clustered_mean
from evaluation.statistics.prediction_powered import prediction_powered_mean

NAN = math.nan
LABELS = [1, 0, 1, 1] + [NAN] * 6
PREDICTIONS = [1, 0, 0, 1, 1, 1, 0, 1, 0, 1]


def test_the_tuned_mean_by_hand() -> None:
    """Labelled: Y - 3/4 over 4 is a = (1, -3, 1, 1)/16, f - 1/2 over 4 is b = (1, -1, -1, 1)/8. Others: f - 2/3 over 6
    is -b = (1, 1, -2, 1, -2, 1)/18. lambda = sum ab / sum b^2 = (4/128) / (4/64 + 12/324) = 27/86."""
    found = prediction_powered_mean(LABELS, PREDICTIONS, fewest_clusters=2)
    tuning = 27 / 86
    assert found.tuning == pytest.approx(tuning)
    assert found.combined.value == pytest.approx(tuning * 2 / 3 + 3 / 4 - tuning / 2)
    spread = 12 / 256 - 2 * tuning * 4 / 128 + tuning**2 * (4 / 64 + 12 / 324)
    assert found.combined.standard_error == pytest.approx(math.sqrt(4 / 3 * spread))
    assert found.gain == pytest.approx((12 / 256) / spread)
    assert (found.labelled, found.unlabelled, found.labelled_clusters, found.left_out) == (4, 6, 4, 0)
    assert (found.humans.value, found.judge.value, found.bias.value) == (0.75, 0.6, -0.25)
    assert found.shift.value == pytest.approx(1 / 2 - 2 / 3)


def test_full_trust_is_the_first_paper_s_estimator() -> None:
    """mean_N(f) less the rectifier, mean_n(f - Y): 2/3 + 1/4."""
    found = prediction_powered_mean(LABELS, PREDICTIONS, tuning=1.0, fewest_clusters=2)
    assert found.combined.value == pytest.approx(2 / 3 + 1 / 4)


def test_no_trust_is_the_labels_alone() -> None:
    found = prediction_powered_mean(LABELS, PREDICTIONS, tuning=0.0, fewest_clusters=2)
    alone = clustered_mean([1, 0, 1, 1])
    assert found.combined.value == alone.value
    assert found.combined.standard_error == pytest.approx(alone.standard_error)
    assert found.gain == pytest.approx(1)


def test_a_judge_that_is_off_by_a_constant_is_as_good_as_a_perfect_one() -> None:
    """f = Y + 0.3 everywhere: with lambda 1 only the error of the mean over the other items is left."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    labels = np.where(np.arange(400) < 40, truth, NAN)
    found = prediction_powered_mean(labels, truth + 0.3, tuning=1.0)
    assert found.combined.value == pytest.approx(truth[40:].mean())
    assert found.bias.value == pytest.approx(0.3)
    assert found.combined.standard_error == pytest.approx(truth[40:].std() / math.sqrt(360) * math.sqrt(40 / 39))


def test_tuning_is_never_worse_than_the_labels_alone() -> None:
    rng = np.random.default_rng(1)
    for useful in (0.0, 0.3, 1.0):
        truth = rng.normal(size=300)
        predictions = useful * truth + rng.normal(size=300)
        labels = np.where(np.arange(300) < 60, truth, NAN)
        found = prediction_powered_mean(labels, predictions, clusters=np.arange(300) // 3)
        assert found.gain is not None and found.gain >= 1 - 1e-12


def test_items_that_repeat_within_a_cluster_give_no_more_certainty() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=120)
    predictions = truth + rng.normal(size=120)
    labels = np.where(np.arange(120) < 40, truth, NAN)
    once = prediction_powered_mean(labels, predictions, np.arange(120))
    thrice = prediction_powered_mean(np.repeat(labels, 3), np.repeat(predictions, 3), np.repeat(np.arange(120), 3))
    assert thrice.combined.standard_error == pytest.approx(once.combined.standard_error)
    assert thrice.combined.value == pytest.approx(once.combined.value)


@pytest.mark.parametrize(
    ("labels", "predictions", "reason"),
    [
        ([NAN, NAN], [1, 0], "No item has both"),
        ([1, 0], [1, 0], "Every item has human labels"),
        ([1, 0, 1, NAN], [1, 0, 1, 1], "Only 3 prompts have human labels, and 20 are needed"),
        ([1] * 30 + [NAN], [1] * 31, "don't vary"),
        ([1, NAN], [NAN, 1], "No item has both"),
    ],
)
def test_where_nothing_is_to_be_gained_the_labels_stand_alone(
    labels: list[float], predictions: list[float], reason: str
) -> None:
    found = prediction_powered_mean(labels, predictions)
    assert reason in found.note
    assert found.combined == found.humans and found.gain is None


def test_a_judge_that_says_the_same_of_everything_is_not_used() -> None:
    found = prediction_powered_mean([0, 1] * 15 + [NAN] * 30, [0.5] * 60)
    assert (found.tuning, found.combined.value) == (0.0, 0.5)
    assert "tell nothing about the labels" in found.note


def test_items_without_a_prediction_are_counted_and_left_out() -> None:
    found = prediction_powered_mean([*LABELS, 1], [*PREDICTIONS, NAN], fewest_clusters=2)
    assert (found.left_out, found.labelled, found.humans.value) == (1, 4, 0.75)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one number for each item"):
        prediction_powered_mean([1], [1, 0])
    with pytest.raises(ValueError, match="finite"):
        prediction_powered_mean([1, math.inf], [1, 0])
    with pytest.raises(ValueError, match="tuning must be between 0 and 1, got 2"):
        prediction_powered_mean([1, 0], [1, 0], tuning=2)


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "labelled"), [(0.3, 40), (0.9, 30)])
def test_the_interval_covers_the_truth_as_often_as_it_says(noise: float, labelled: int) -> None:
    """100 prompts of 2 items that share a prompt's effect; a judge that repeats the vote or, so often as `noise`, says
    yes four times in five. The votes' mean is 1/2 by symmetry."""
    rng = np.random.default_rng(7)
    codes, times, hits = np.repeat(np.arange(100), 2), 800, 0
    for _ in range(times):
        chance = 0.5 + rng.uniform(-0.4, 0.4, 100)[codes]
        votes = (rng.random(200) < chance).astype(float)
        judged = np.where(rng.random(200) < noise, rng.random(200) < 0.8, votes).astype(float)
        seen = np.isin(codes, rng.choice(100, labelled, replace=False))
        interval = prediction_powered_mean(np.where(seen, votes, NAN), judged, codes).combined.interval
        assert interval is not None
        hits += interval[0] <= 0.5 <= interval[1]
    error = math.sqrt(0.95 * 0.05 / times)
    assert abs(hits / times - 0.95) < 3 * error
