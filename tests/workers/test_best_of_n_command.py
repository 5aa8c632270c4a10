"""Figures 7 and 8 from the terminal: of a run that has drawn them, and of answers that are sampled and scored here."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Prompt, Response
from evaluation.models import Score
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_project, make_prompt
from tests.workers.test_campaign_runs import judge  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db


def best_of_n(*arguments: str) -> dict[str, Any]:
    output = StringIO()
    call_command("evaluate", "best-of-n", *arguments, "--json", stdout=output, stderr=StringIO())
    return dict(json.loads(output.getvalue()))


def test_it_tells_the_curves_that_a_run_has_drawn() -> None:
    curve = {"n": [1, 2], "mean": [0.5, 1.5], "low": [0.1, 1.0], "high": [0.9, 2.0]}
    report = {
        "temperature": 0.8,
        "figure_7": {"max": curve, "median": curve},
        "figure_8": [{"temperature": 0.8, **curve}],
    }
    run = Run.objects.create(kind=Run.Kind.REJECTION_SAMPLING, name="r", status=Job.Status.DONE, report=report)
    assert best_of_n("--run", str(run.pk)) == report
    output = StringIO()
    call_command("evaluate", "best-of-n", "--run", str(run.pk), stdout=output)
    assert "the best one is 0.00 above the middle one" in output.getvalue()
    with pytest.raises(CommandError, match=f"Run 999 has drawn no curves. Runs that have: {run.pk}"):
        best_of_n("--run", "999")


def test_it_samples_and_scores_once_and_the_maximum_grows_with_n(
    models: tuple[ModelVersion, ModelVersion],
    judge: ModelVersion,  # noqa: F811
) -> None:
    project = make_project(slug="stream")
    for number in range(2):
        make_prompt(project, f"Where is the lighthouse {number}?")
    Prompt.objects.update(split=Prompt.Split.TEST)
    asked = ["--model", models[0].name, "--reward-model", "judge", "--project", "stream", "--k", "3"]
    asked += ["--temperatures", "0.7", "1.2", "--max-new-tokens", "8"]
    found = best_of_n(*asked)
    maximum = found["figure_7"]["max"]["mean"]
    assert found["figure_7"]["max"]["n"] == [1, 2, 3] and maximum == sorted(maximum)
    assert [curve["temperature"] for curve in found["figure_8"]] == [0.7, 1.2]
    assert Response.objects.count() == Score.objects.count() == 2 * 3 * 2
    assert best_of_n(*asked) == found
    assert Response.objects.count() == 12


def test_what_is_missing_or_wrong_is_named() -> None:
    with pytest.raises(CommandError, match="--reward-model, --project missing"):
        best_of_n("--model", "x")
    with pytest.raises(CommandError, match='There is no policy "x"'):
        best_of_n("--model", "x", "--reward-model", "y", "--project", "z")
    with pytest.raises(CommandError, match="must be 1 or more, got 0"):
        best_of_n("--model", "x", "--reward-model", "y", "--project", "z", "--k", "0")
