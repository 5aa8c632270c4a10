"""The true share behind a fallible classifier's, by hand and by simulation."""

import math

import numpy as np
import pytest

from evaluation.statistics.misclassification import Errors, rogan_gladen

MEASURED = Errors(true_positives=90, false_positives=10, true_negatives=190, false_negatives=10)
"""Sensitivity 0.9, specificity 0.95."""


def test_the_true_share_by_hand() -> None:
    """(0.22 + 0.95 - 1) / (0.9 + 0.95 - 1) = 0.17 / 0.85 = 0.2."""
    assert rogan_gladen(22, 100, MEASURED).value == pytest.approx(0.2)


def test_the_limits_by_hand() -> None:
    z = 1.959963984540054
    n = 100 + z * z
    p, se, sp = (22 + z * z / 2) / n, 91 / 102, 191 / 202
    centre = (p + sp - 1) / (se + sp - 1)
    shift = 2 * z * z * (centre * se * (1 - se) / 102 - (1 - centre) * sp * (1 - sp) / 202)
    variance = p * (1 - p) / n + centre**2 * se * (1 - se) / 102 + (1 - centre) ** 2 * sp * (1 - sp) / 202
    half = z * math.sqrt(variance) / (se + sp - 1)
    found = rogan_gladen(22, 100, MEASURED)
    assert found.interval == (pytest.approx(centre + shift - half), pytest.approx(centre + shift + half))


def test_a_perfect_classifier_leaves_the_share_as_it_is() -> None:
    assert rogan_gladen(22, 100, Errors(500, 0, 500, 0)).value == pytest.approx(0.22)


def test_fewer_than_its_false_alarms_are_none_at_all() -> None:
    """5 % of false alarms explain all of 3 in 100."""
    found = rogan_gladen(3, 100, MEASURED)
    assert found.value == 0.0
    assert found.interval is not None
    assert found.interval[0] == 0.0
    assert found.interval[1] < 0.08


def test_errors_that_can_not_be_those_of_these_answers_correct_nothing() -> None:
    """None in 100 called positive, where 30 false alarms were to be expected: an interval of 0 to 0 would be a lie."""
    found = rogan_gladen(0, 100, Errors(90, 60, 140, 10))
    assert (found.value, found.interval) == (None, None)
    assert "measured on answers of another kind" in found.note


def test_the_error_of_the_classifier_widens_the_interval() -> None:
    rough = Errors(9, 1, 19, 1)  # the same rates from a tenth of the examples
    widths = [
        interval[1] - interval[0]
        for errors in (MEASURED, rough)
        if (interval := rogan_gladen(22, 100, errors).interval)
    ]
    assert widths[1] > 1.2 * widths[0]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (Errors(0, 2, 8, 0), "no example of a refusal"),
        (Errors(8, 0, 0, 2), "no example of an answer that is none"),
        (Errors(5, 5, 5, 5), "no better than chance"),
    ],
)
def test_what_can_not_be_corrected_is_explained(errors: Errors, said: str) -> None:
    found = rogan_gladen(5, 10, errors)
    assert found.value is None
    assert said in found.note


def test_bad_counts_are_named() -> None:
    with pytest.raises(ValueError, match="positives must be between 0 and the 3 trials, got 4"):
        rogan_gladen(4, 3, MEASURED)
    with pytest.raises(ValueError, match="false_positives must be 0 or more, got -1"):
        Errors(1, -1, 1, 1)
    assert rogan_gladen(0, 0, MEASURED).value is None


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.05, 0.4])
def test_the_interval_covers_the_true_share_at_least_about_as_often_as_it_says(share: float) -> None:
    chance = np.random.default_rng(7)
    rounds, hits = 2000, 0
    for _ in range(rounds):
        right, safe = int(chance.binomial(100, 0.9)), int(chance.binomial(200, 0.95))
        called = int(chance.binomial(150, share * 0.9 + (1 - share) * 0.05))
        low, high = rogan_gladen(called, 150, Errors(right, 200 - safe, safe, 100 - right)).interval or (1.0, 0.0)
        hits += low <= share <= high
    assert hits / rounds >= 0.935
