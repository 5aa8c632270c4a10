"""manage.py evaluate plan: the alternatives by number of raters, from figures given or from a pilot."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evaluation.campaigns import create_campaign
from evaluation.statistics.agreement import fleiss
from evaluation.statistics.planning import Assumptions, for_difference
from tests.factories import make_judgement, make_model, make_pair, make_user

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "plan", *arguments, stdout=out)
    return out.getvalue()


def test_each_number_of_raters_has_its_plan() -> None:
    told: Any = json.loads(run("--difference", "0.05", "--tie-rate", "0.25", "--icc", "0.4", "--json"))
    assert [plan["raters"] for plan in told["plans"]] == [1, 2, 3, 4, 5]
    three = for_difference(Assumptions(0.25, 0.4), 0.05, 3)
    assert told["plans"][2]["prompts"] == three.prompts
    assert told["plans"][2]["judgements"] == 3 * three.prompts


def test_the_table_names_the_cheapest_and_what_a_third_rater_is_worth() -> None:
    told = run("--width", "0.1", "--tie-rate", "0.25", "--agreement", "0.6", "--models", "4", "--prompt-cost", "1")
    assert "6 pairs together (Bonferroni)" in told
    assert "two raters say the same in 60.0 %" in told
    assert "Cheapest: " in told and "A third rater on each prompt takes" in told
    assert json.loads(told.splitlines()[-1])["prompts"] > 0


def test_a_pilot_tells_ties_and_agreement() -> None:
    """Two raters on three pairs: both for x, a tie and a win, both for y; one of six votes is a tie."""
    campaign = create_campaign("pilot", "Pilot", [make_model("x-model"), make_model("y-model")], raters_per_item=2)
    raters = [make_user(), make_user()]
    x, y = campaign.model_versions.order_by("name")
    for given in ((1, 2), (4, 1), (7, 7)):
        item = make_pair(campaign.project, x, y)
        for rater, points in zip(raters, given, strict=True):
            make_judgement(item, rater, points)
    told: Any = json.loads(run("--width", "0.2", "--pilot", "pilot", "--json"))
    assert told["pilot"]["tie_rate"] == pytest.approx(1 / 6)
    kappa = fleiss([[1, 1], [0, 1], [-1, -1]], "quadratic", categories=[-1, 0, 1]).value
    assert told["pilot"]["icc"] == pytest.approx(kappa)
    assert told["assumptions"]["icc"] == pytest.approx(kappa)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--icc", "0.4"], "Say how many votes are ties with --tie-rate"),
        (["--tie-rate", "0.2"], "Say how far raters agree with --icc"),
        (["--tie-rate", "0.2", "--icc", "2"], "icc must be between 0 and 1, got 2"),
        (["--tie-rate", "0.2", "--agreement", "0.1"], "which chance alone makes"),
        (["--tie-rate", "0.2", "--icc", "0.4", "--models", "1"], "models must be 2 or more, got 1"),
        (["--tie-rate", "0.2", "--icc", "0.4", "--raters", "0"], "raters must be between 1 and 50, got 0"),
        (["--pilot", "nix"], 'There is no campaign "nix"'),
    ],
)
def test_what_is_wrong_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("--width", "0.1", *arguments)


def test_too_much_to_ask_is_said() -> None:
    with pytest.raises(CommandError, match="More than 10,000,000 prompts would be needed"):
        run("--width", "0.0001", "--tie-rate", "0.2", "--icc", "0.4")


def test_a_campaign_that_nobody_judged_is_no_pilot() -> None:
    create_campaign("fresh", "Fresh", [make_model("x-model"), make_model("y-model")])
    with pytest.raises(CommandError, match='Nobody has judged a pair of "fresh" yet: it is no pilot'):
        run("--width", "0.1", "--pilot", "fresh")
