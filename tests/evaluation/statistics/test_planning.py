"""Plans by hand: variances of votes and majorities, prompts for a width or a power, what another rater is worth."""

import math
from typing import Any

import pytest

from evaluation.statistics.planning import (
    Assumptions,
    Costs,
    NoPlanError,
    another_rater,
    best_number_of_raters,
    detectable_difference,
    for_difference,
    for_width,
    icc_of_ac1,
    icc_of_percent_agreement,
    outcome,
)

# Wins and losses 3/8 each, ties 1/4: a vote has the variance 3/8 + 1/16 - 1/4 = 3/16.
EVEN = Assumptions(tie_rate=0.25, icc=0.4)


def test_the_mean_of_votes_varies_less_the_more_the_raters_differ() -> None:
    """3/16 (1 + 2 * 0.4)/3, and with full agreement that of one vote however many there are."""
    assert outcome(EVEN, 3, "vote").variance == pytest.approx(3 / 16 * 0.6, abs=1e-14)
    assert outcome(Assumptions(0.25, 1), 3, "vote").variance == pytest.approx(3 / 16, abs=1e-14)


def test_the_majority_of_independent_raters_wins_more_often_than_each() -> None:
    """0.6^3 + 3 * 0.6^2 * 0.4."""
    found = outcome(Assumptions(0, 0, 0.6), 3)
    assert found.mean == pytest.approx(0.648, abs=1e-12)
    assert found.variance == pytest.approx(0.648 * 0.352, abs=1e-12)


def test_two_raters_who_agree_in_part() -> None:
    """Both say win in 1/4 + 0.4/4 = 0.35, else loss in as many, else neither has a majority: 0.35 + 0.3/4 - 1/4."""
    assert outcome(Assumptions(0, 0.4), 2).variance == pytest.approx(0.175, abs=1e-12)


def test_three_raters_with_ties_by_the_compound_multinomial() -> None:
    """icc 1/3: the spread is 2 and the parameters are 3/4, 1/2, 3/4.

    Three wins: 3/4 * 7/4 * 11/4 / (2 * 3 * 4) = 231/1536. Two and another: 3 * (3/4 * 7/4) * 5/4 / 24 = 315/1536.
    """
    found = outcome(Assumptions(0.25, 1 / 3), 3)
    won = (231 + 315) / 1536
    assert found.mean == pytest.approx(0.5, abs=1e-12)
    assert found.variance == pytest.approx(won + (1 - 2 * won) / 4 - 1 / 4, abs=1e-12)


@pytest.mark.parametrize("rule", ["majority", "vote"])
def test_with_full_agreement_one_rater_says_as_much_as_five(rule: str) -> None:
    alike = Assumptions(0.2, 1, 0.6)
    assert outcome(alike, 5, rule).mean == pytest.approx(outcome(alike, 1, rule).mean, abs=1e-12)
    assert outcome(alike, 5, rule).variance == pytest.approx(outcome(alike, 1, rule).variance, abs=1e-12)


def test_agreement_comes_in_other_figures_too() -> None:
    """By chance two raters agree in 9/64 + 4/64 + 9/64 = 22/64, and half of the rest makes 43/64.

    AC1's chance is (1 - 22/64)/2 = 21/64: 43/64 is (43 - 21)/(64 - 21).
    """
    assert EVEN.percent_agreement == pytest.approx((22 + 0.4 * 42) / 64, abs=1e-14)
    assert icc_of_percent_agreement(43 / 64, 0.25) == pytest.approx(0.5, abs=1e-12)
    assert icc_of_ac1(22 / 43, 0.25) == pytest.approx(0.5, abs=1e-12)
    assert icc_of_percent_agreement(1, 1) == 1.0


def test_a_width_takes_the_fewest_prompts_that_reach_it() -> None:
    """Without t: (2 * 1.96 * sqrt(0.1125) / 0.1)^2 = 172.9, and t with some 170 degrees adds two or three."""
    plan = for_width(EVEN, 0.1, 3, "vote")
    assert 174 <= plan.prompts <= 177
    assert plan.width <= 0.1
    assert plan.judgements == 3 * plan.prompts
    assert plan.standard_error == pytest.approx(math.sqrt(0.1125 / plan.prompts), abs=1e-14)
    assert plan.variance_per_judgement == pytest.approx(3 * 0.1125, abs=1e-12)
    assert plan.power is None
    assert for_width(EVEN, plan.width - 1e-9, 3, "vote").prompts == plan.prompts + 1


def test_a_difference_takes_the_fewest_prompts_that_find_it_often_enough() -> None:
    """One rater, no ties, 0.6 against 0.5: ((1.960 + 0.842)/0.1)^2 * 0.24 = 188.4, and two more for t."""
    plan = for_difference(Assumptions(0, 0), 0.1, 1)
    assert plan.prompts == 191 or plan.prompts == 190
    assert plan.power is not None and 0.8 <= plan.power < 0.803
    assert plan.win_rate == 0.6


def test_more_pairs_of_models_take_more_prompts() -> None:
    """Ten pairs at 0.995 each: ((2.807 + 0.842)/(1.960 + 0.842))^2 = 1.70 times as many."""
    one, ten = (for_difference(EVEN, 0.05, 3, comparisons=pairs).prompts for pairs in (1, 10))
    assert ten / one == pytest.approx(1.70, abs=0.01)
    assert for_width(EVEN, 0.1, 3, comparisons=10).confidence == pytest.approx(0.995, abs=1e-12)


def test_what_so_many_prompts_can_find_is_the_other_way_round() -> None:
    plan = for_difference(EVEN, 0.05, 3)
    assert detectable_difference(EVEN, plan.prompts, 3) == pytest.approx(0.05, abs=1e-4)


def test_another_rater_against_new_prompts_for_the_same_money() -> None:
    """From two to three: 0.6/0.7 by a rater; prompt and two judgements cost 4, so that a third is 1/4 more prompts."""
    found = another_rater(EVEN, 2, Costs(prompt=2, judgement=1))
    assert found.by_rater == pytest.approx(6 / 7, abs=1e-12)
    assert found.by_prompts == pytest.approx(4 / 5, abs=1e-12)
    assert found.prompts_are_worth_more
    assert not another_rater(Assumptions(0.25, 0.05), 2, Costs(prompt=20)).prompts_are_worth_more


def test_new_prompts_that_cost_nothing_are_always_worth_more() -> None:
    assert all(another_rater(EVEN, raters).prompts_are_worth_more for raters in range(1, 6))


def test_the_best_number_of_raters_weighs_costs_against_agreement() -> None:
    """sqrt(6/1 * 0.6/0.4) = 3."""
    assert best_number_of_raters(0.4, Costs(prompt=6)) == pytest.approx(3, abs=1e-12)
    assert best_number_of_raters(0.4, Costs()) == 1
    assert best_number_of_raters(0, Costs(prompt=1)) == math.inf


def test_costs_add_up() -> None:
    plan = for_width(EVEN, 0.1, 2, costs=Costs(prompt=3, judgement=0.5))
    assert plan.cost == pytest.approx(plan.prompts * 4, abs=1e-9)


def test_a_difference_that_ties_hide_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 0.1, all the room that a tie_rate of 0.8 leaves, got 0.2"):
        for_difference(Assumptions(0.8, 0.4), 0.2, 3)


def test_what_no_number_of_prompts_does_is_said() -> None:
    with pytest.raises(NoPlanError, match="More than 10,000,000 prompts would be needed"):
        for_width(EVEN, 0.0001, 1)
    with pytest.raises(NoPlanError, match="3 prompts are too few to find any difference"):
        detectable_difference(Assumptions(0.9, 0.4), 3, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Assumptions(1.2, 0.4), "tie_rate must be between 0 and 1, got 1.2"),
        (lambda: Assumptions(0.2, -0.1), "icc must be between 0 and 1, got -0.1"),
        (lambda: Assumptions(0.5, 0.4, 0.9), "at most 0.2 of votes can be ties, got a tie_rate of 0.5"),
        (lambda: outcome(EVEN, 0), "raters must be between 1 and 50, got 0"),
        (lambda: outcome(EVEN, 3, "mean"), "rule must be one of majority, vote, got 'mean'"),
        (lambda: for_width(EVEN, 0, 3), "width must be between 0 and 1"),
        (lambda: for_width(EVEN, 0.1, 3, comparisons=0), "comparisons must be 1 or more, got 0"),
        (lambda: for_difference(EVEN, 0.05, 3, power=1), "power must be between 0 and 1"),
        (lambda: for_difference(EVEN, 0, 3), "difference must be above 0"),
        (lambda: detectable_difference(EVEN, 1, 3), "prompts must be 2 or more, got 1"),
        (lambda: icc_of_percent_agreement(0.2, 0.25), "agreement must be between 0.344, which chance alone makes"),
        (lambda: icc_of_ac1(2, 0.25), "AC1 must be between -1 and 1, got 2"),
        (lambda: Costs(prompt=-1), "cost of a prompt must be a number from 0 up, got -1"),
    ],
)
def test_bad_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
