"""Confidence sequences and what they recommend."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from evaluation.statistics import sequential
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.sequential import Advice, confidence_sequence, is_ever_excluded, outlook


def results(prompts: int, won: float, tied: float = 0.2, seed: int = 1) -> FloatArray:
    """A win rate, ties as half, of won + tied / 2."""
    return np.random.default_rng(seed).choice([1.0, 0.5, 0.0], prompts, p=[won, tied, 1 - won - tied])


def test_a_bet_is_won_when_the_capital_is_forty_times_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ones alone, against a mean of 1/2, by one bettor: the first stake is sqrt(2 log 40 / 30) / (1/2) = 0.9918.

    It makes 1.4959 of 1; from then on the deviation known is 0.395 and less, and the stake 1, the most at 1/2, makes
    1.5 each time. 1.4959 * 1.5^8 = 38.3 is not 40 yet, and 1.5^9 is.
    """
    monkeypatch.setattr(sequential, "HORIZONS", (30,))
    assert not is_ever_excluded([1.0] * 9, 0.5)
    assert is_ever_excluded([1.0] * 10, 0.5)


def test_several_bettors_share_the_capital(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two alike are one."""
    monkeypatch.setattr(sequential, "HORIZONS", (30, 30))
    assert not is_ever_excluded([1.0] * 9, 0.5)
    assert is_ever_excluded([1.0] * 10, 0.5)


def test_before_anything_is_known_everything_is_possible() -> None:
    assert confidence_sequence([]).interval == (0.0, 1.0)
    assert confidence_sequence([]).mean is None
    assert confidence_sequence([1.0]).interval == (0.0, 1.0)


def test_looking_again_never_widens_it() -> None:
    values = results(400, 0.5)
    looks = [confidence_sequence(values[:n]).interval for n in (10, 50, 100, 200, 400)]
    assert all(late[0] >= early[0] and late[1] <= early[1] for early, late in pairwise(looks))
    assert looks[-1][1] - looks[-1][0] < 0.2


def test_the_ends_are_where_exclusion_ends() -> None:
    values = results(200, 0.5)
    low, high = confidence_sequence(values).interval
    assert is_ever_excluded(values, low - 1e-6) and not is_ever_excluded(values, low + 1e-6)
    assert is_ever_excluded(values, high + 1e-6) and not is_ever_excluded(values, high - 1e-6)


def test_the_other_models_sequence_is_the_mirror_image() -> None:
    values = results(150, 0.55)
    low, high = confidence_sequence(values).interval
    assert confidence_sequence(1 - values).interval == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_more_confidence_is_a_wider_interval() -> None:
    values = results(200, 0.5)
    narrow, wide = (confidence_sequence(values, confidence).interval for confidence in (0.9, 0.99))
    assert wide[0] < narrow[0] and narrow[1] < wide[1]


def test_values_alike_narrow_it_as_well() -> None:
    low, high = confidence_sequence([0.5] * 300).interval
    assert 0.4 < low < 0.5 < high < 0.6
    assert confidence_sequence([1.0] * 300).interval[1] == 1.0


@pytest.mark.parametrize(
    ("values", "left", "margin", "advice"),
    [
        ([], 100, 0.05, Advice.WAIT),
        (results(300, 0.65), 100, 0.05, Advice.DECIDED),
        (results(300, 0.1), 100, 0.05, Advice.DECIDED),
        (results(600, 0.1, 0.8), 100, 0.1, Advice.EQUAL),
        (results(60, 0.45), 400, 0.05, Advice.GO_ON),
        (results(100, 0.4), 10, 0.02, Advice.FUTILE),
        (results(100, 0.4), 0, 0.02, Advice.OPEN_AT_THE_END),
        (results(10, 0.4), 1, 0.02, Advice.GO_ON),  # too few to give up
    ],
)
def test_the_advice_follows_from_the_interval_and_what_is_left(
    values: Any, left: int, margin: float, advice: Advice
) -> None:
    assert outlook(values, left, margin)[1].advice == advice


def test_going_on_tells_the_chance_and_how_many_more() -> None:
    _, found = outlook(results(60, 0.5), 1000)
    assert found.chance is not None and 0.5 < found.chance <= 1
    assert found.more is not None and 1 <= found.more <= 1000
    assert outlook(results(60, 0.5), 1000)[1] == found
    assert outlook(results(100, 0.4), 10, 0.02)[1].more is None


def test_decided_and_yet_practically_equal_is_told() -> None:
    found, said = outlook([0.5, 0.5, 0.5, 1.0] * 500, 10, margin=0.2)
    assert found.interval[0] > 0.5
    assert (said.advice, said.difference_is_small) == (Advice.DECIDED, True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: confidence_sequence([0.2, 1.2]), "values must be between 0 and 1, got 1.2"),
        (lambda: confidence_sequence([0.2, float("nan")]), "got nan"),
        (lambda: confidence_sequence([[0.2]]), "one number for each prompt"),
        (lambda: confidence_sequence([0.2], 95), "confidence must be between 0 and 1"),
        (lambda: outlook([0.2], -1), "left must be 0 or more, got -1"),
        (lambda: outlook([0.2], 5, margin=0.5), "margin must be between 0 and 0.5"),
    ],
)
def test_bad_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
