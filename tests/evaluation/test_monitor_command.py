"""manage.py evaluate monitor: which prompts count, and what each pair is recommended."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evaluation.campaigns import create_campaign
from evaluation.models import Campaign
from evaluation.monitoring import monitor
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")], raters_per_item=1)


def judged(campaign: Campaign, *points: int | None) -> None:
    """A pair on a prompt of its own for each; None stays open."""
    rater = make_user()
    x, y = campaign.model_versions.order_by("name")
    for given in points:
        item = make_pair(campaign.project, x, y)
        if given:
            make_judgement(item, rater, given)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "monitor", *arguments, stdout=out)
    return out.getvalue()


def test_prompts_judged_in_full_count_and_the_rest_are_left(campaign: Campaign) -> None:
    judged(campaign, 1, 4, 7, 2, None, None)
    (pair,) = monitor(campaign).pairs
    assert (pair.first, pair.second, pair.prompts, pair.left) == ("x-model", "y-model", 4, 2)
    assert pair.sequence.mean == (1 + 0.5 + 0 + 1) / 4


def test_a_clear_winner_is_decided_and_the_campaign_is_over(campaign: Campaign) -> None:
    """Thirty wins: long before, the chance of as many for equal models is below one in a million."""
    judged(campaign, *[1] * 30, None)
    told: Any = json.loads(run("--campaign", "spring", "--json"))
    assert told["all_over"] is True
    assert told["pairs"][0]["says"].startswith("Decided: x-model is better than y-model.")
    assert told["pairs"][0]["outlook"]["advice"] == "decided"


def test_before_and_at_the_end_it_says_so(campaign: Campaign) -> None:
    assert "spring has no pairs of answers yet." in run("--campaign", "spring")
    judged(campaign, None)
    assert "Wait: no prompt of this pair has all its judgements yet." in run("--campaign", "spring")
    make_judgement(campaign.project.items.get(), make_user(), 1)
    told = run("--campaign", "spring")
    assert "Open: every prompt is judged" in told
    assert "hold at every look" in told


def test_what_is_wrong_is_named(campaign: Campaign) -> None:
    with pytest.raises(CommandError, match='There is no campaign "nix"'):
        run("--campaign", "nix")
    judged(campaign, 1)
    with pytest.raises(CommandError, match=r"margin must be between 0 and 0\.5"):
        run("--campaign", "spring", "--margin", "0.7")
    with pytest.raises(CommandError, match="confidence must be between 0 and 1"):
        run("--campaign", "spring", "--confidence", "95")
