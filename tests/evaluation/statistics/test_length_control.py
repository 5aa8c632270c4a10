"""Win rates at equal length: the regression's equations, what it recovers, and where it says that it can't."""

import math
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.length_control import length_controlled, shared_difficulty


def expit(value: Any) -> Any:
    return 1 / (1 + np.exp(-value))


def simulated(
    rng: np.random.Generator, size: int, ability: float, slope: float, longer: float = 0.0
) -> tuple[Any, Any]:
    """Sides (0 or 1) that favour length, on prompts where the model writes `longer` words more on average."""
    gaps = rng.normal(longer, 100, size)
    chance = expit(ability + slope * np.tanh(gaps / gaps.std(ddof=1)))
    return (rng.random(size) < chance).astype(float), gaps


def test_preferences_that_follow_the_regression_are_fitted_exactly() -> None:
    """Ability ln 3 and slope 1: at equal length 3 of 4 are for the model, whatever the lengths were."""
    gaps = np.array([-40.0, 10, 25, 3, -7, 60, 90, -15, 30, 2, 11, 70])
    preferences = expit(math.log(3) + np.tanh(gaps / gaps.std(ddof=1)))
    found = length_controlled(preferences, gaps)
    assert found.win_rate.value == pytest.approx(0.75, abs=1e-9)
    assert found.slope.value == pytest.approx(1, abs=1e-9)
    assert (found.gap, found.observations) == (pytest.approx(gaps.mean()), 12)
    assert found.raw.value == pytest.approx(preferences.mean())


def test_two_lengths_make_two_proportions() -> None:
    """Of 8 longer answers 6 win, of 8 as much shorter 2: log-odds ln 3 and -ln 3, so one half at equal length."""
    gaps = np.repeat([50.0, -50.0], 8)
    wins = np.array([1] * 6 + [0] * 2 + [1] * 2 + [0] * 6)
    found = length_controlled(wins, gaps)
    assert found.win_rate.value == pytest.approx(0.5, abs=1e-9)
    bent = math.tanh(50 / gaps.std(ddof=1))
    assert found.slope.value == pytest.approx(math.log(3) / bent, abs=1e-8)


def test_the_error_of_two_proportions() -> None:
    """The average of both log-odds has variance (1/6 + 1/2 + 1/2 + 1/6) / 4 = 1/3; a quarter of it in log-odds of 1/2.

    By prompt it is 16/15 of that: sqrt(16/15 / 3) / 4. (At equal length every prompt is alike: they add nothing.)
    """
    gaps = np.repeat([50.0, -50.0], 8)
    wins = np.array([1] * 6 + [0] * 2 + [1] * 2 + [0] * 6)
    assert length_controlled(wins, gaps).win_rate.standard_error == pytest.approx(math.sqrt(16 / 45) / 4, abs=1e-9)


def test_swapping_the_models_turns_the_rate_over() -> None:
    wins, gaps = simulated(np.random.default_rng(1), 200, 0.4, 1.0, longer=80)
    there, back = length_controlled(wins, gaps), length_controlled(1 - wins, -gaps)
    assert there.win_rate.value == pytest.approx(1 - (back.win_rate.value or 0), abs=1e-9)
    assert there.win_rate.standard_error == pytest.approx(back.win_rate.standard_error, abs=1e-9)
    assert there.slope.value == pytest.approx(back.slope.value, abs=1e-9)


def test_judges_who_like_length_flatter_a_wordy_model_and_the_control_takes_it_back() -> None:
    wins, gaps = simulated(np.random.default_rng(2), 4000, 0.0, 1.5, longer=100)
    found = length_controlled(wins, gaps)
    assert (found.raw.value or 0) > 0.65
    assert found.win_rate.value == pytest.approx(0.5, abs=0.05)


def test_everything_twice_on_the_same_prompts_is_no_surer() -> None:
    wins, gaps = simulated(np.random.default_rng(3), 150, 0.2, 1.0)
    once = length_controlled(wins, gaps, np.arange(150))
    twice = length_controlled(np.tile(wins, 2), np.tile(gaps, 2), np.tile(np.arange(150), 2))
    assert twice.win_rate.value == pytest.approx(once.win_rate.value, abs=1e-3)  # the spread is over 2n - 1
    assert twice.win_rate.standard_error == pytest.approx(once.win_rate.standard_error, rel=1e-3)


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """95 % of 500 samples of 120 prompts, within three standard errors (2.9 %) of the simulation."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(500):
        wins, gaps = simulated(rng, 120, 0.5, 1.0, longer=50)
        low, high = length_controlled(wins, gaps).win_rate.interval or (0, 0)
        held += low <= expit(0.5) <= high
    assert abs(held / 500 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 500)


def test_difficulty_is_shared_by_models_and_recovered() -> None:
    """Forty models' preferences on 30 prompts, made without chance: the order of difficulties comes back."""
    rng = np.random.default_rng(5)
    hard = rng.normal(0, 1, 30)
    models, prompts = (part.ravel() for part in np.indices((40, 30)))
    abilities = rng.normal(0, 0.5, 40)
    gaps = rng.normal(0, 50, 1200)
    bent = np.concatenate([np.tanh(g / g.std(ddof=1)) for g in gaps.reshape(40, 30)])
    preferences = expit(abilities[models] + 0.8 * bent + hard[prompts])
    found = shared_difficulty(models, prompts, preferences, gaps)
    assert found.slope == pytest.approx(0.8, abs=0.05)
    assert np.corrcoef(found.of, hard)[0, 1] > 0.99
    assert found.at([7, 99, 3]).tolist() == [found.of[7], 0.0, found.of[3]]


def test_a_shared_slope_draws_a_models_own_towards_it() -> None:
    wins, gaps = simulated(np.random.default_rng(6), 300, 0.0, 2.0)
    own, drawn = length_controlled(wins, gaps), length_controlled(wins, gaps, shared_slope=0.0)
    assert 0 < (drawn.slope.value or 0) < (own.slope.value or 0)


@pytest.mark.parametrize(
    ("preferences", "gaps", "note"),
    [
        (np.ones(20), np.arange(20.0), "so one-sided"),
        (np.arange(20) % 2, np.full(20, 7.0), "Lengths differ alike on every prompt"),
        ([1, 0, 1], [3, 1, 2], "Fewer than 10 items"),
        ([], [], "Fewer than 10 items"),
        ([float("nan")] * 20, np.arange(20.0), "Fewer than 10 items"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_words(preferences: Any, gaps: Any, note: str) -> None:
    found = length_controlled(preferences, gaps)
    assert (found.win_rate.value, found.slope.value) == (None, None)
    assert note in found.win_rate.note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 1.5], [1, 2]), r"preferences must be between 0 and 1, got 1.5 \(subtract 1"),
        (([0.5], [1, 2]), r"each preference needs a gap of lengths, got shapes \(1,\) and \(2,\)"),
        (([0.5, 0.5], [1, 2], ["a"]), "prompts must have one label"),
        (([0.5, 0.5], [1, 2], None, [1]), "each preference needs its prompt's difficulty"),
        (([0.5, 0.5], [1, 2], None, None, None, 95), "confidence must be between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        length_controlled(*arguments)


def test_difficulty_needs_whole_rows() -> None:
    with pytest.raises(ValueError, match="leave out rows without them"):
        shared_difficulty(["a", "b"], [1, 1], [0.5, float("nan")], [1, 2])
