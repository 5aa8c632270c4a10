"""What the report says of differences between models, of length and of ranks."""

import pytest

from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from evaluation.reporting import report
from evaluation.reports.report import Report
from evaluation.reports.sections import leaderboard, lengths, paired
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db


def judged(campaign: Campaign, first: int, second: int, *points: int) -> None:
    """One item on a prompt of its own for each rating, on seven points: 1 speaks for the first model."""
    models = campaign.model_versions.order_by("name")
    rater = make_user()
    for given in points:
        make_judgement(make_pair(campaign.project, models[first], models[second]), rater, given)


@pytest.fixture
def three() -> Report:
    """x beats y on six prompts of six, x and z are even on six, and y and z never met."""
    models = [make_model(name) for name in ("x-model", "y-model", "z-model")]
    campaign = create_campaign("spring", "Spring", models, raters_per_item=1)
    judged(campaign, 0, 1, 1, 2, 1, 1, 3, 2, 6)
    judged(campaign, 0, 2, 1, 7, 4, 4, 2, 6)
    return report(campaign)


def test_each_pair_is_tested_and_corrected_for_being_two(three: Report) -> None:
    """Six for x and one against it: 2 * (1 + 7) / 2^7 = 1/8, twice by Holm; the even pair has p = 1."""
    tests = three.figures["paired"]
    found = {pair.second: pair.test for pair in tests.meetings}
    assert found["y-model"].p_value == pytest.approx(1 / 8)
    assert found["y-model"].holm == pytest.approx(2 / 8)
    assert found["z-model"].p_value == pytest.approx(1)
    assert tests.through == ()


def test_the_words_say_how_many_differences_are_real(three: Report) -> None:
    reading = paired.read(three.figures["paired"], three)
    assert reading.says.startswith("0 of 2 pairs differ by more than chance explains, corrected for being 2.")
    assert "no draw" in reading.caveat


def test_a_length_that_cannot_be_controlled_says_why(three: Report) -> None:
    reading = lengths.read(three.figures["lengths"], three)
    assert reading.says == "Fewer than 10 items are too few for a regression on length."


def test_the_leaderboard_has_ties_of_its_own_beside_those_that_are_halves(three: Report) -> None:
    board = three.figures["leaderboard"]
    assert (board.ties, board.with_ties.ties) == ("half", "davidson")
    assert board.with_ties.fit is not None and board.with_ties.circles is not None
    figures = {line.figure for line in leaderboard.lines(board, three)}
    assert {"elo", "elo_davidson", "rank_by_upper_bound", "x2", "circular"} <= figures
    reading = leaderboard.read(board, three)
    assert "those of their comparisons that one of them wins" in reading.says


def test_models_of_one_rank_are_said_to_share_it(three: Report) -> None:
    assert "share the first rank" in leaderboard.read(three.figures["leaderboard"], three).says
