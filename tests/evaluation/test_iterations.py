"""The loop's history: versions as the newest evaluation judges them, what each iteration took, and the table."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from evaluation.iterations import history_of, loops, table_of
from evaluation.models import Iteration, Stage
from modeling.registry.models import Job, Run
from tests.factories import make_model, make_project

pytestmark = pytest.mark.django_db
RATE = {"value": 0.6, "low": 0.55, "high": 0.65}
EVEN = {"value": 0.5, "low": None, "high": None}


def judged(rate: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(("overall", "helpfulness", "safety", "mean_helpfulness", "safe", "violations"), rate)


def evaluation(*rates: dict[str, Any]) -> dict[str, Any]:
    versions = [
        {"number": number, "model": f"guide-v{number}", "reward": judged(rate), "gold": judged(rate)}
        for number, rate in enumerate(rates)
    ]
    return {"versions": versions, "judges": {}, "prompts": {"helpfulness": 3, "safety": 2}, "draws": 1}


def add_stage(iteration: Iteration, name: str, report: dict[str, Any], seconds: float = 10.0) -> Run:
    now = timezone.now()
    run = Run.objects.create(
        kind=Run.Kind.SCORING,
        name=name,
        status=Job.Status.DONE,
        report=report,
        started_at=now,
        finished_at=now + timedelta(seconds=seconds),
    )
    Stage.objects.create(iteration=iteration, name=name, run=run)
    return run


@pytest.fixture
def iterations() -> list[Iteration]:
    projects = make_project(slug="kind"), make_project(slug="safe", dimension="safety")
    base = make_model("guide-v0")
    return [
        Iteration.objects.create(number=number, helpfulness_project=projects[0], safety_project=projects[1], base=base)
        for number in (1, 2)
    ]


def test_every_version_is_shown_as_the_newest_evaluation_judges_it(iterations: list[Iteration]) -> None:
    add_stage(iterations[0], "evaluation", evaluation(EVEN, RATE))
    newer = {"value": 0.7, "low": 0.6, "high": 0.8}
    add_stage(iterations[1], "evaluation", evaluation(EVEN, newer, newer))
    assert [version["gold"]["overall"] for version in history_of(iterations[1])["versions"]] == [EVEN, newer, newer]
    assert [version["gold"]["overall"] for version in history_of(iterations[0])["versions"]] == [EVEN, RATE]


def test_an_iteration_tells_what_it_collected_how_good_its_reward_models_are_and_how_long_it_took(
    iterations: list[Iteration],
) -> None:
    all_pairs, own = {"accuracy": 0.6, "n": 90}, {"accuracy": 0.7, "n": 50}
    add_stage(iterations[0], "collection", {"comparisons": {"kind": 40}, "agreement": {"kind": None}}, seconds=3)
    add_stage(iterations[0], "helpfulness_reward", {"accuracy": all_pairs, "accuracy_by_source": {"helpfulness": own}})
    add_stage(iterations[0], "safety_reward", {"accuracy": all_pairs}, seconds=5)
    add_stage(iterations[0], "evaluation", evaluation(EVEN, RATE), seconds=2.5)
    history = history_of(iterations[0])
    base, first = history["versions"]
    assert "iteration" not in base
    assert first["iteration"]["comparisons"] == {"kind": 40}
    assert first["iteration"]["reward_model_accuracy"] == {"helpfulness": own, "safety": all_pairs}
    assert first["iteration"]["seconds"]["collection"] == 3
    assert history["seconds"] == 20.5


def test_the_table_gives_win_rates_with_their_intervals(iterations: list[Iteration]) -> None:
    add_stage(iterations[0], "evaluation", evaluation(EVEN, RATE), seconds=12)
    heading, base, first = table_of(history_of(iterations[0])).splitlines()
    assert heading.split()[:3] == ["version", "win", "rate"]
    assert base.startswith("V0 guide-v0  50.0 %")
    assert "60.0 % (55.0\N{EN DASH}65.0)" in first
    assert first.rstrip().endswith("12")


def test_without_a_gold_preference_the_table_shows_what_the_reward_models_say(iterations: list[Iteration]) -> None:
    report = evaluation(EVEN, RATE)
    for version in report["versions"]:
        del version["gold"]
    add_stage(iterations[0], "evaluation", report)
    assert "violations" in table_of(history_of(iterations[0])).splitlines()[0]


def test_runs_that_are_not_done_are_left_out(iterations: list[Iteration]) -> None:
    run = add_stage(iterations[0], "evaluation", evaluation(EVEN, RATE))
    Run.objects.filter(pk=run.pk).update(status=Job.Status.FAILED)
    assert history_of(iterations[0])["versions"] == []


def test_a_loop_is_listed_once_by_its_newest_iteration(iterations: list[Iteration]) -> None:
    assert loops() == [iterations[1]]
