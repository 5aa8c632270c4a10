"""Circles among models: how many, how sure, and how much of the results no ranking explains."""

import math
from typing import Any

import numpy as np
import pytest

from evaluation.statistics.battles import battles_of
from evaluation.statistics.transitivity import Transitivity, transitivity


def found(results: dict[str, tuple[int, int, int]], clusters: Any = None) -> Transitivity:
    """From wins, ties and losses of each pair, named by its two letters."""
    votes = [vote for counts in results.values() for vote, n in zip((1, 0, -1), counts, strict=True) for _ in range(n)]
    first, second = ([pair[side] for pair, counts in results.items() for _ in range(sum(counts))] for side in (0, 1))
    battles = battles_of(first, second, votes)
    return transitivity(battles, np.arange(len(votes)) if clusters is None else np.asarray(clusters))


def test_rock_paper_scissors_is_one_circle_that_no_ranking_explains() -> None:
    result = found({"RS": (9, 0, 1), "SP": (8, 0, 2), "PR": (8, 0, 2)})
    assert (result.triples, result.circular, result.expected, result.consistency) == (1, 1, 0.25, 0)
    (circle,) = result.circles
    assert circle.models == ("P", "R", "S")
    assert circle.margins == pytest.approx((0.3, 0.4, 0.3))


def test_a_circle_is_as_sure_as_its_weakest_win() -> None:
    """Margin 0.3 over 10 battles: residuals 0.2 eight times, -0.8 twice, 10/9 * 1.6 / 100; t = 2.25 with 9 degrees."""
    (circle,) = found({"RS": (9, 0, 1), "SP": (8, 0, 2), "PR": (8, 0, 2)}).circles
    t = 0.3 / math.sqrt(10 / 9 * 1.6 / 100)
    assert t == pytest.approx(2.25)
    assert circle.p_value == pytest.approx(0.0255, abs=1e-4)  # table of Student's t: 2.262 at 0.025
    assert circle.adjusted == circle.p_value


def test_equal_margins_in_a_circle_leave_the_whole_to_cycles_and_a_ladder_nothing() -> None:
    assert found({"RS": (3, 0, 1), "SP": (3, 0, 1), "PR": (3, 0, 1)}).cyclic_share == pytest.approx(1, abs=1e-12)
    ladder = found({"AB": (6, 0, 4), "BC": (6, 0, 4), "AC": (7, 0, 3)})
    assert ladder.cyclic_share == pytest.approx(0, abs=1e-12)
    assert (ladder.circular, ladder.circles, ladder.consistency) == (0, (), 1)


def test_half_of_the_variance_can_be_cyclic() -> None:
    """Margins A > B 0.2, B > C 0.2, A = C by halves: scores 0.0667 apart twice explain 4/3 of 0.2^2, of 2 * 0.2^2.

    The least squares: s_A = (0.2 + 0) / 3, s_B = 0, s_C = -0.2 / 3, so A over B and B over C are 0.0667 and A over C
    is 0.1333: explained 2 * 0.0667^2 + 0.1333^2 = 2/3 * 0.04, of 0.08: a third; two thirds are cyclic.
    """
    result = found({"AB": (7, 0, 3), "BC": (7, 0, 3), "AC": (5, 0, 5)})
    assert result.cyclic_share == pytest.approx(2 / 3, abs=1e-12)
    assert (result.triples, result.consistency) == (0, None)
    assert "no circle" in result.note


def test_four_models_have_at_most_two_circles() -> None:
    """Kendall and Babington Smith: (m^3 - 4 m) / 24 = 2 for m = 4; one of them leaves a consistency of one half."""
    one = found({"AB": (3, 0, 1), "BC": (3, 0, 1), "CA": (3, 0, 1), "AD": (3, 0, 1), "BD": (3, 0, 1), "CD": (3, 0, 1)})
    assert (one.triples, one.circular, one.consistency) == (4, 1, 0.5)


def test_votes_of_one_prompt_make_a_circle_no_surer() -> None:
    results = {"RS": (9, 0, 1), "SP": (8, 0, 2), "PR": (8, 0, 2)}
    once = found(results)
    codes = np.repeat(np.arange(30), 2)
    twice = found({pair: (2 * won, 0, 2 * lost) for pair, (won, _, lost) in results.items()}, clusters=codes)
    assert twice.circles[0].p_value == pytest.approx(once.circles[0].p_value, abs=1e-9)


def test_a_pair_on_one_prompt_alone_says_nothing_of_its_error() -> None:
    result = found({"RS": (1, 0, 0), "SP": (1, 0, 0), "PR": (1, 0, 0)})
    assert (result.circular, result.circles[0].p_value, result.circles[0].adjusted) == (1, None, None)


def test_pairs_that_never_met_make_no_triple() -> None:
    result = found({"AB": (3, 0, 1), "BC": (3, 0, 1)})
    assert (result.triples, result.circular, result.consistency) == (0, 0, None)


def test_ties_alone_have_no_variance_to_share() -> None:
    assert found({"AB": (0, 3, 0), "BC": (0, 2, 0), "CA": (1, 0, 1)}).cyclic_share is None
