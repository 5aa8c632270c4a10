"""Every two models of a set of battles: who is first, what is tested, and through which opponents."""

import numpy as np
import pytest

from evaluation.comparing_models import Sides, adjusted, compare

NAN = float("nan")


def sides(*battles: tuple[str, str, float, str]) -> Sides:
    """From first model, second model, points of the first, and prompt."""
    first, second, points, prompts = zip(*battles, strict=True) if battles else ((), (), (), ())
    return Sides(
        np.array(first, dtype=np.str_),
        np.array(second, dtype=np.str_),
        np.array(points, dtype=float),
        np.array(prompts, dtype=np.str_),
        np.full(len(points), NAN),
    )


def test_the_better_of_two_models_is_first_however_the_battles_name_them() -> None:
    found = compare(sides(("a", "b", 0, "p"), ("b", "a", 1, "q"), ("a", "b", 1, "r")))
    (meeting,) = found.meetings
    assert (found.models, meeting.first, meeting.second) == (("b", "a"), "b", "a")
    assert (meeting.rates.wins, meeting.rates.losses) == (2, 1)


def test_an_order_that_is_given_stands() -> None:
    (meeting,) = compare(sides(("a", "b", 0, "p"), ("b", "a", 1, "q")), order=("a", "b")).meetings
    assert (meeting.first, meeting.rates.wins, meeting.rates.losses) == ("a", 0, 2)


def test_the_baseline_of_all_battles_is_always_second() -> None:
    found = compare(sides(("m", "base", 0, "p"), ("base", "n", 1, "p"), ("m", "base", 0, "q")))
    assert found.models == ("m", "n", "base")
    assert {meeting.second for meeting in found.meetings} == {"base"}


def test_models_that_met_one_opponent_on_the_same_prompts_are_compared_through_it() -> None:
    """m beats the baseline on four prompts, n on one of them: only m alone on three, 2 of 2^3 flips."""
    found = compare(sides(*(("m", "base", 1, p) for p in "pqrs"), *(("n", "base", p == "p", p) for p in "pqrs")))
    (pair,) = found.through
    assert (pair.first, pair.second, pair.opponents) == ("m", "n", ("base",))
    assert (pair.paired.prompts, pair.paired.even, pair.paired.difference.value) == (4, 1, 0.75)
    assert (pair.mcnemar.both, pair.mcnemar.only_first, pair.mcnemar.only_second) == (1, 3, 0)
    assert pair.mcnemar.p_value == pytest.approx(0.25)
    assert pair.test.p_value == pytest.approx(0.25)


def test_prompts_that_only_one_of_them_had_compare_nothing() -> None:
    assert compare(sides(("m", "base", 1, "p"), ("n", "base", 0, "q"))).through == ()


def test_models_that_met_are_not_compared_through_others() -> None:
    assert compare(sides(("a", "b", 1, "p"), ("b", "c", 1, "p"), ("a", "c", 1, "p"))).through == ()


def test_p_values_are_adjusted_among_all_pairs() -> None:
    battles = [(a, b, 1, str(n)) for a, b in (("a", "b"), ("b", "c"), ("a", "c")) for n in range(6)]
    for meeting in compare(sides(*battles)).meetings:
        assert meeting.test.p_value == pytest.approx(2 / 64)
        assert meeting.test.holm == pytest.approx(6 / 64)
        assert meeting.test.benjamini_hochberg == pytest.approx(2 / 64)


def test_undefined_p_values_stay_undefined() -> None:
    one, other = adjusted([None, 0.01])
    assert (one.p_value, one.holm, one.benjamini_hochberg) == (None, None, None)
    assert other.holm == pytest.approx(0.01)


def test_a_shared_slope_needs_a_baseline_lengths_and_prompts_in_common() -> None:
    rng = np.random.default_rng(1)
    easy = rng.uniform(0.2, 0.8, 30)
    battles = sides(*((model, "base", easy[p] + rng.uniform(-0.1, 0.1), str(p)) for model in "mno" for p in range(30)))
    assert compare(battles).shared_slope is None
    with_lengths = Sides(battles.first, battles.second, battles.points, battles.prompts, rng.normal(0, 9, 90))
    found = compare(with_lengths)
    assert found.shared_slope is not None
    assert all(meeting.length and meeting.length.stretch is not None for meeting in found.meetings)


def test_no_battles_compare_nothing() -> None:
    found = compare(sides())
    assert (found.models, found.meetings, found.through) == ((), (), ())
