"""From labelled answers to rates of false refusal: the two commands, one after the other."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Project, Response
from evaluation.models import Refusal
from modeling.registry.models import ModelVersion
from tests.factories import make_item, make_model, make_project, make_prompt
from tests.modeling.test_train_refusal import examples
from workers.classifying import loaded

pytestmark = pytest.mark.django_db(transaction=True)


def command(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def labelled(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.RUNS_DIR = tmp_path / "runs"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in examples()))
    return path


def test_a_trained_classifier_measures_false_refusals(labelled: Path) -> None:
    trained = json.loads(command("train_refusal_classifier", "--data", str(labelled), "--name", "refusals-1"))
    assert trained["accuracy"] == {"n": 24, "accuracy": 1.0, "low": pytest.approx(0.862, abs=1e-3), "high": 1.0}
    model = ModelVersion.objects.get(name="refusals-1")
    assert (model.kind, model.figures["errors"]["false_positives"]) == ("classifier", 0)

    project, policy = make_project(slug="quality", task_type=Project.TaskType.QUALITY_RATING), make_model("guide")
    for text in ("I cannot help you to sail.", "To sail, start early.", "To row, take step 3."):
        prompt = make_prompt(project)
        make_item(project, prompt, response_1=Response.objects.create(prompt=prompt, text=text, model_version=policy))
    told = command("evaluate", "refusals", "--project", "quality")
    row = next(line.split() for line in told.splitlines() if line.startswith("guide  "))
    assert row[1:6] == ["helpfulness", "all", "3", "1", "33.3"]
    assert Refusal.objects.filter(model_version=model).count() == 3
    assert command("evaluate", "refusals", "--project", "quality") == told, "nothing is classified twice"

    told = command("evaluate", "refusals", "--file", str(labelled), "--json")
    found = json.loads(told)
    assert (found["classifier"], found["rates"][0]["refused"], found["rates"][0]["full"]["value"]) == (
        "refusals-1",
        12,
        0.5,
    )

    (Path(model.path) / "config.json").write_text("{}")
    loaded.cache_clear()  # a new process has it not in memory
    with pytest.raises(CommandError, match="refusals-1: "):
        command("evaluate", "refusals", "--file", str(labelled))


def test_what_is_asked_for_wrongly_is_named(labelled: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no refusal classifier yet"):
        command("evaluate", "refusals", "--file", str(labelled))
    with pytest.raises(CommandError, match="by --project and --campaign, or a file"):
        command("evaluate", "refusals")
    with pytest.raises(CommandError, match=r"--project or --data, --name missing"):
        command("train_refusal_classifier")
    make_project(slug="talk")
    with pytest.raises(CommandError, match="learns from a file of labelled answers"):
        command("train_refusal_classifier", "--project", "talk", "--name", "x")
    (tmp_path / "bad.jsonl").write_text('{"prompt": "?", "response": "No."}\n')
    with pytest.raises(CommandError, match=r"bad\.jsonl, line 1: refusal must be true, false"):
        command("train_refusal_classifier", "--data", str(tmp_path / "bad.jsonl"), "--name", "x")
    assert not ModelVersion.objects.exists()
