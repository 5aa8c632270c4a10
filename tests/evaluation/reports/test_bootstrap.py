"""The bootstrap of a whole report: every figure over samples of prompts drawn with replacement."""

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from evaluation.models import Campaign
from evaluation.reporting import bootstrap, compute, gather
from evaluation.reports.rendering import lines
from tests.evaluation.reports.judged import judge, judged_campaign, score
from tests.factories import make_model, make_pair, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return judged_campaign()


def test_each_figure_is_that_of_the_report(campaign: Campaign) -> None:
    score(campaign, make_model("judge", kind="helpfulness_reward"))
    material = gather(campaign)
    known = {line[:6]: line.value for line in lines(compute(material))}
    resampled = {line[:6]: line.value for line in bootstrap(material, replicates=5)}
    shares = {key for key in resampled if key[1] == "histogram"}
    both = {key: value for key, value in resampled.items() if key in known and value is not None}
    assert set(resampled) - set(known) == shares
    assert len(both) > 60
    assert both == pytest.approx({key: known[key] for key in both}, abs=1e-7)


def test_the_same_seed_draws_the_same(campaign: Campaign) -> None:
    material = gather(campaign)
    assert bootstrap(material, replicates=20) == bootstrap(material, replicates=20)
    assert bootstrap(material, replicates=20) != bootstrap(material, replicates=20, seed=1)


def test_its_error_is_that_of_the_clustered_formula_where_there_are_many_prompts() -> None:
    campaign = judged_campaign("large")
    x, y = campaign.model_versions.order_by("name")[:2]
    raters = [make_user() for _ in range(3)]
    chance = np.random.default_rng(5)
    for _ in range(60):
        prompt = make_prompt(campaign.project)
        better = chance.integers(1, 6)
        for _ in range(2):
            judge(make_pair(campaign.project, x, y, prompt), raters, tuple(better + chance.integers(0, 3, size=3)))
    material = gather(campaign)
    formula = compute(material).pairs[0].by_item.win_rate
    drawn = {line[:6]: line for line in bootstrap(material, replicates=2000)}
    pair = compute(material).pairs[0]
    found = drawn["raters", "pair", pair.first, pair.second, "", "win_rate"]
    assert found.value == pytest.approx(formula.value)
    # 2,000 replicates know a standard error to about 1 / sqrt(4000), 1.6 %; the formula's is larger by sqrt(64 / 63).
    assert found.standard_error == pytest.approx(formula.standard_error, rel=0.08)


def test_the_terminal_adds_them_and_explains_a_wrong_number(campaign: Campaign) -> None:
    out = StringIO()
    call_command("evaluate", "report", "--campaign", "spring", "--bootstrap", "50", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert {line["figure"] for line in found["bootstrap"]} >= {"win_rate", "elo", "ac2", "with_majority"}
    with pytest.raises(CommandError, match="a whole number from 1 to 100,000, got 'many'"):
        call_command("evaluate", "report", "--campaign", "spring", "--bootstrap", "many")
