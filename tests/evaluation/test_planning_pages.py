"""The plan's page and the part of a campaign's page that says whether to go on."""

import pytest
from django.test import Client

from evaluation.campaigns import create_campaign
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def test_a_plan_is_shown_at_once_and_follows_the_form() -> None:
    client = client_of("manager")
    shown = client.get("/campaigns/new/plan/")
    assert shown.status_code == 200
    assert "Cheapest:" in shown.content.decode() and "A third rater on each prompt" in shown.content.decode()
    assert "/campaigns/new/plan/" in client.get("/campaigns/new/").content.decode()
    wrong = dict.fromkeys(("prompt_cost", "judgement_cost"), "1") | {
        "difference": "5", "power": "80", "models": "2", "tie_rate": "25", "agreement": "10",
    }  # fmt: skip
    refused = client.get("/campaigns/new/plan/", wrong)
    assert refused.status_code == 422
    assert "which chance alone makes" in refused.content.decode()


def test_a_running_campaign_says_whether_to_go_on() -> None:
    campaign = create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")], raters_per_item=1)
    x, y = campaign.model_versions.order_by("name")
    rater = make_user()
    for _ in range(20):
        make_judgement(make_pair(campaign.project, x, y), rater, 1)
    client = client_of("manager")
    assert "/campaigns/spring/monitoring/" in client.get("/campaigns/spring/").content.decode()
    assert "Decided: x-model is better than y-model" in client.get("/campaigns/spring/monitoring/").content.decode()


@pytest.mark.parametrize("role", ["reviewer", "annotator"])
def test_who_judges_sees_neither(role: str) -> None:
    create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")])
    client = client_of(role)
    assert {client.get(f"/campaigns/{part}").status_code for part in ("new/plan/", "spring/monitoring/")} == {403}
