"""The report's figures, each derived by hand from a handful of votes."""

import math
from typing import Any

import pytest

from annotation.gold import make_gold
from annotation.models import Item, Project, Prompt
from annotation.reviewing import review
from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from evaluation.reporting import report
from evaluation.reports.sections.histogram import Bin
from modeling.registry.models import ModelVersion
from tests.factories import make_judgement, make_model, make_pair, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def models() -> list[ModelVersion]:
    return [make_model("x-model"), make_model("y-model")]


@pytest.fixture
def campaign(models: list[ModelVersion]) -> Campaign:
    return create_campaign("spring", "Spring", models, raters_per_item=3)


@pytest.fixture
def raters() -> list[User]:
    return [make_user(username=name) for name in ("ana", "bo", "chi")]


def unjudged(campaign: Campaign, prompt: Prompt | None = None) -> Item:
    x, y = campaign.model_versions.order_by("name")
    return make_pair(campaign.project, x, y, prompt)


def judge(campaign: Campaign, raters: list[User], *items: tuple[int, ...], prompt: Prompt | None = None) -> None:
    """An item for each tuple of points: 1 is x-model much better, 7 is y-model much better."""
    for points in items:
        item = unjudged(campaign, prompt)
        for rater, given in zip(raters, points, strict=False):
            make_judgement(item, rater, given)


def test_the_majority_of_an_items_votes_wins_it(campaign: Campaign, raters: list[User]) -> None:
    # For x: 3 of 3; 2 of 3; two say the same; 0 of 3.
    judge(campaign, raters, (1, 2, 3), (3, 3, 5), (4, 4, 2), (6, 7, 5))
    (pair,) = report(campaign).pairs
    assert (pair.first, pair.second, pair.items, pair.votes) == ("x-model", "y-model", 4, 12)
    assert (pair.by_item.wins, pair.by_item.ties, pair.by_item.losses) == (2, 1, 1)
    assert pair.by_item.win.value == 0.5
    assert pair.by_item.win_rate.value == (1 + 1 + 0.5 + 0) / 4
    assert (pair.by_vote.wins, pair.by_vote.ties, pair.by_vote.losses) == (6, 2, 4)


def test_intervals_let_items_on_one_prompt_depend_on_each_other(campaign: Campaign, raters: list[User]) -> None:
    # Two prompts with two items each: x wins both on one, y both on the other. Residuals sum to 1 and -1, so that the
    # variance is 2/1 * (1 + 1) / 4^2 = 1/4; four independent items would have 4/3 * (4 * 1/4) / 4^2 = 1/12.
    judge(campaign, raters, (1, 1, 1), (1, 1, 1), prompt=make_prompt(campaign.project))
    judge(campaign, raters, (7, 7, 7), (7, 7, 7), prompt=make_prompt(campaign.project))
    found = report(campaign)
    assert found.pairs[0].by_item.win_rate.standard_error == pytest.approx(0.5)
    assert (found.items, found.prompts) == (4, 2)


def test_agreement_on_seven_points_uses_all_seven(campaign: Campaign, raters: list[User]) -> None:
    # Two raters: (1, 1) and (1, 7). pa = 1/2. pi = 3/4 and 1/4: the sum of pi (1 - pi) is 3/8.
    # Quadratic weights of seven points sum to T = 49 - 392/36, so that pe = T / 42 * 3/8 = 49/144; AC2 = 23/95.
    # AC1: pe = 1/6 * 3/8 = 1/16; (1/2 - 1/16) / (15/16) = 7/15.
    judge(campaign, raters[:2], (1, 1), (1, 7))
    found = report(campaign)
    assert found.graded
    assert found.reliability.ac2.value == pytest.approx(23 / 95)
    assert found.reliability.ac1.value == pytest.approx(7 / 15)
    assert found.pairs[0].reliability == found.reliability


def test_agreement_on_choices_is_on_three_ordered_sides(campaign: Campaign, raters: list[User]) -> None:
    # (a, a) and (a, b). AC1: pe = 1/2 * 3/8 = 3/16, so 5/13. AC2: the sides weigh 3/4 to their neighbour and 0 across,
    # T = 6, pe = 6/6 * 3/8; (1/2 - 3/8) / (5/8) = 1/5.
    for choices in (("a", "a"), ("a", "b")):
        item = unjudged(campaign)
        for rater, choice in zip(raters, choices, strict=False):
            make_judgement(item, rater, choice=choice)
    found = report(campaign)
    assert not found.graded
    assert found.reliability.ac1.value == pytest.approx(5 / 13)
    assert found.reliability.ac2.value == pytest.approx(1 / 5)
    assert found.histogram == (Bin(1, 3), Bin(0, 0), Bin(-1, 1))


def test_the_leaderboard_is_on_the_elo_scale(campaign: Campaign, raters: list[User]) -> None:
    # x takes 2.5 points of 4: its odds are 5/3, half of 400 log10(5/3) above the mean.
    judge(campaign, raters, (1, 2, 3), (3, 3, 5), (4, 4, 2), (6, 7, 5))
    best, other = report(campaign).leaderboard.standings
    assert (best.model, best.battles) == ("x-model", 4)
    assert best.rating.value == pytest.approx(1000 + 200 * math.log10(5 / 3))
    assert other.rating.value == pytest.approx(1000 - 200 * math.log10(5 / 3))


def test_slices_count_the_best_model_by_category_and_turn(campaign: Campaign, raters: list[User]) -> None:
    project = campaign.project
    talk = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}]
    later = make_prompt(project, messages=[*talk, {"role": "user", "content": "Why?"}], category="town")
    judge(campaign, raters, (1, 1, 1), (2, 2, 2), prompt=make_prompt(project, category="sea"))
    judge(campaign, raters, (7, 7, 7), prompt=later)
    found = {(part.kind, part.label): part for part in report(campaign).slices}
    assert list(found) == [
        ("all", "all prompts"),
        ("turns", "single-turn"),
        ("turns", "multi-turn"),
        ("category", "sea"),
        ("category", "town"),
    ]
    assert {part.model for part in found.values()} == {"x-model"}
    assert found["all", "all prompts"].by_item.win_rate.value == pytest.approx(2 / 3)
    assert (found["category", "sea"].items, found["category", "sea"].by_item.wins) == (2, 2)
    assert (found["turns", "multi-turn"].items, found["turns", "multi-turn"].by_item.losses) == (1, 1)


def test_the_histogram_runs_from_the_better_model_to_the_other(campaign: Campaign, raters: list[User]) -> None:
    judge(campaign, raters, (7, 7, 6), (7, 4, 1))
    assert report(campaign).models == ("y-model", "x-model")
    assert [bar.votes for bar in report(campaign).histogram] == [3, 1, 0, 1, 0, 0, 1]
    assert [bar.strength for bar in report(campaign).histogram] == [3, 2, 1, 0, -1, -2, -3]


def test_raters_are_held_against_the_majority(campaign: Campaign, raters: list[User]) -> None:
    # The third item has no majority, the fourth one vote alone: neither says anything about agreement.
    judge(campaign, raters, (1, 1, 7), (1, 2, 3), (1, 4, 7), (1,))
    ana, bo, chi = report(campaign).raters
    assert [rater.rater for rater in (ana, bo, chi)] == ["ana", "bo", "chi"]
    assert (ana.votes, bo.votes, chi.votes) == (4, 3, 3)
    assert (ana.with_majority.value, bo.with_majority.value, chi.with_majority.value) == (1, 1, 0.5)


def test_time_is_told_by_quartiles_and_not_made_up(campaign: Campaign, raters: list[User]) -> None:
    item = unjudged(campaign)
    make_judgement(item, raters[0], 1, seconds=10.0)
    make_judgement(item, raters[1], 1, seconds=30.0)
    make_judgement(item, raters[2], 1)
    found = report(campaign)
    assert (found.seconds.votes, found.seconds.median) == (2, 20)
    assert found.raters[2].seconds.median is None


def test_only_the_latest_revision_counts(campaign: Campaign, raters: list[User]) -> None:
    item = unjudged(campaign)
    first = make_judgement(item, raters[0], 1)
    first.current = False
    first.save()
    first.pk, first.revision, first.points, first.choice, first.current = None, 2, 7, "b", True
    first.submission = "5e7a7bd0-9b3c-4d55-8c34-000000000001"
    first.save()
    found = report(campaign)
    assert found.votes == 1
    assert found.models[0] == "y-model"


def test_both_unusable_is_counted_and_is_no_vote(campaign: Campaign, raters: list[User]) -> None:
    item = unjudged(campaign)
    make_judgement(item, raters[0], choice="neither")
    make_judgement(item, raters[1], 2)
    found = report(campaign)
    assert (found.votes, found.unusable, found.graded) == (1, 1, True)


def test_items_without_two_named_models_are_left_out_and_counted(campaign: Campaign, raters: list[User]) -> None:
    x, _ = campaign.model_versions.order_by("name")
    make_judgement(make_pair(campaign.project, x, x), raters[0], 1)
    judge(campaign, raters, (1, 1, 1))
    found = report(campaign)
    assert (found.items, found.left_out, found.votes) == (1, 1, 3)


def test_a_report_takes_the_same_queries_for_many_items_as_for_few(
    campaign: Campaign, raters: list[User], django_assert_max_num_queries: Any
) -> None:
    judge(campaign, raters, *[(1, 4, 7)] * 30)
    with django_assert_max_num_queries(16):
        report(Campaign.objects.select_related("project").get(pk=campaign.pk))
    assert Project.objects.count() == 1


def test_who_wins_everything_is_the_best_without_a_finite_rating(campaign: Campaign, raters: list[User]) -> None:
    judge(campaign, raters, (7, 7, 7), (6, 6, 7))
    found = report(campaign)
    assert found.models == ("y-model", "x-model")
    assert found.pairs[0].by_item.win.value == 1
    assert found.leaderboard.standings[0].rating.value is None
    assert found.leaderboard.standings[0].rating.note


def test_more_items_on_the_same_prompts_do_not_make_ratings_surer(
    models: list[ModelVersion], raters: list[User]
) -> None:
    errors = []
    for slug, times in (("once", 1), ("thrice", 3)):
        campaign = create_campaign(slug, slug, models, raters_per_item=3)
        for points in [(1, 1, 1), (2, 2, 2), (7, 7, 7), (4, 4, 4)]:
            judge(campaign, raters, *[points] * times, prompt=make_prompt(campaign.project))
        best = report(campaign).leaderboard.standings[0]
        assert best.battles == 4 * times
        errors.append(best.rating.standard_error)
    assert errors[1] == pytest.approx(errors[0])


def test_gold_items_measure_people_and_stay_out(campaign: Campaign, raters: list[User]) -> None:
    judge(campaign, raters, (1, 2, 3))
    known = unjudged(campaign)
    for rater in raters:
        make_judgement(known, rater, 7)
    make_gold(known, 1, 2)
    found = report(campaign)
    assert (found.items, found.votes) == (1, 3)
    assert found.pairs[0].by_item.wins == 1


def test_rejected_work_counts_no_more_and_its_place_is_no_longer_awaited(
    campaign: Campaign, raters: list[User]
) -> None:
    item = unjudged(campaign)
    for rater, points in zip(raters, (1, 1, 7), strict=True):
        said = make_judgement(item, rater, points)
    assert said.comparison.assignment is not None
    review(said.comparison.assignment, make_user("reviewer"), "rejected", "Random clicks.")
    found = report(campaign)
    assert found.votes == 2
    assert (found.places, found.complete) == (3, 0)  # somebody else's place is open instead
