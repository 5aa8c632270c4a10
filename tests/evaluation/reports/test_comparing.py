"""Two models wherever they met."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from evaluation.reports.comparing import compare
from modeling.registry.models import ModelVersion
from tests.evaluation.reports.judged import judge, score
from tests.factories import make_model, make_pair, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def models() -> list[ModelVersion]:
    return [make_model("x"), make_model("y"), make_model("z & co")]


@pytest.fixture
def raters() -> list[User]:
    return [make_user() for _ in range(3)]


@pytest.fixture
def campaigns(models: list[ModelVersion], raters: list[User]) -> list[Campaign]:
    """x and y meet in two campaigns: x wins twice on the same prompt in the first, loses and ties in the second."""
    x, y, z = models
    made = [create_campaign(slug, slug.title(), models) for slug in ("spring", "autumn")]
    first = make_prompt(made[0].project, "Why?", category="sea")
    again = make_prompt(made[1].project, "Why?", category="sea")
    other = make_prompt(made[1].project, "How?", category="town")
    judge(make_pair(made[0].project, x, y, first), raters, (1, 2, 7))
    judge(make_pair(made[0].project, y, x, first), raters, (7, 7, 7))
    judge(make_pair(made[0].project, x, z, first), raters, (7, 7, 7))
    judge(make_pair(made[1].project, x, y, again), raters, (5, 6, 7))
    judge(make_pair(made[1].project, x, y, other), raters, (1, 4, 7))
    return made


def asked(name: str, role: str = "manager", **names: str) -> tuple[int, str]:
    client = Client()
    client.force_login(make_user(role))
    answer = client.get(reverse(name), names)
    return answer.status_code, answer.content.decode()


def test_items_of_all_campaigns_count_once_and_prompts_by_their_words(campaigns: list[Campaign]) -> None:
    found = compare("x", "y")
    assert (found.items, found.votes, found.prompts) == (4, 12, 2)
    assert (found.by_item.wins, found.by_item.ties, found.by_item.losses) == (2, 1, 1)
    assert (found.by_vote.wins, found.by_vote.ties, found.by_vote.losses) == (6, 1, 5)
    assert [(each.name, each.by_item.wins, each.by_item.losses) for each in found.campaigns] == [
        ("Spring", 2, 0),
        ("Autumn", 0, 1),
    ]
    assert {(part.kind, part.label, part.by_item.wins) for part in found.slices if part.kind == "category"} == {
        ("category", "sea", 2),
        ("category", "town", 0),
    }
    assert sum(bar.votes for bar in found.histogram) == 12


def test_the_other_way_round_it_says_the_opposite(campaigns: list[Campaign]) -> None:
    there, back = compare("x", "y"), compare("y", "x")
    assert there.by_item.win_rate.value == pytest.approx(1 - (back.by_item.win_rate.value or 0))
    assert there.campaigns[0].reliability == back.campaigns[0].reliability
    assert [bar.votes for bar in there.histogram] == [bar.votes for bar in back.histogram][::-1]


def test_reward_models_are_heard_too(campaigns: list[Campaign]) -> None:
    score(campaigns[0], make_model("judge", kind="helpfulness_reward"))
    (verdict,) = compare("x", "y").judges
    assert verdict.judge == "judge" and verdict.by_item.observations == 2


def test_the_page_shows_every_part_and_its_downloads_hold_the_figures(campaigns: list[Campaign]) -> None:
    status, shown = asked("compare-models", a="x", b="y")
    assert status == 200
    for words in ("can&#x27;t be told apart yet", "By campaign", "By kind of prompt and length", "How people voted"):
        assert words in shown
    assert " style=" not in shown
    rows = list(csv.DictReader(io.StringIO(asked("compare-models-csv", a="x", b="y")[1])))
    (won,) = [row for row in rows if (row["part"], row["figure"]) == ("pair", "win")]
    assert (won["value"], won["n"]) == ("0.5", "4")
    assert '"votes": 12' in asked("compare-models-json", a="x", b="y")[1]


def test_a_name_with_signs_is_found_from_the_report(campaigns: list[Campaign]) -> None:
    client = Client()
    client.force_login(make_user("manager"))
    report = client.get(reverse("campaign-report", args=["spring"])).content.decode()
    assert "?a=z%20%26%20co&amp;b=x" in report
    assert asked("compare-models", a="z & co", b="x")[0] == 200


def test_models_that_never_met_and_wrong_names_are_explained(campaigns: list[Campaign]) -> None:
    assert "have not met" in asked("compare-models", a="y", b="z & co")[1]
    assert asked("compare-models")[0] == 200
    status, shown = asked("compare-models", a="x", b="nobody")
    assert status == 404 and "No campaign has a model &quot;nobody&quot;" in shown
    status, shown = asked("compare-models", a="x", b="x")
    assert status == 404 and "itself" in shown
    assert asked("compare-models-json", a="x", b="nobody")[0] == 404


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_who_judges_may_not_compare(campaigns: list[Campaign], role: str) -> None:
    for name in ("compare-models", "compare-models-json", "compare-models-csv"):
        assert asked(name, role, a="x", b="y")[0] == 403
