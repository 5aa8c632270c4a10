"""Self-BLEU against temperature: a run that samples, goes on, and draws; by the demonstration model."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from evaluation.diversity import figures_of, read_prompts, start_diversity
from evaluation.statistics.diversity import self_bleu
from modeling.registry.models import Run
from tests.factories import make_model
from tests.workers.conftest import local_model
from webapp.dashboards.drawings import drawings_of
from workers.carrying import Stopped
from workers.diversity import sample_diversity
from workers.kept_rows import KeptRows

pytestmark = pytest.mark.django_db
PROMPTS = [
    {"prompt": "When does the Gull Bakery open?", "kind": "factual"},
    {"prompt": "Where is the Old Lighthouse?", "kind": "factual"},
    {"prompt": "Tell me a story.", "kind": "creative"},
]


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, settings: Any) -> None:
    settings.RUNS_DIR = tmp_path / "runs"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in PROMPTS))
    return path


def nothing(share: float, note: str) -> None:
    pass


def test_a_run_samples_goes_on_and_compares(prompts: Path) -> None:
    model = local_model("guide")
    run = start_diversity([model], read_prompts(prompts), [0.0, 1.5], answers=3, max_new_tokens=12)
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        sample_diversity(run, lambda: next(asked), nothing)
    kept = Path(Run.objects.get(pk=run.pk).folder) / "answers.jsonl"
    before = kept.read_text()
    assert len(before.splitlines()) == 3
    kept.write_text(before + '{"model": "guide", "temp')  # a kill tore the next line
    sample_diversity(run, lambda: False, nothing)
    assert kept.read_text().startswith(before)
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(rows) == 6
    report = Run.objects.get(pk=run.pk).report
    always = {(each["kind"], each["value"]) for each in report["self_bleu"] if each["temperature"] == 0.0}
    assert always == {("factual", 1.0), ("creative", 1.0)}, "at temperature 0 every answer is the same"
    hot = [self_bleu(row["answers"]) for row in rows if row["temperature"] == 1.5 and row["prompt"] < 2]
    point = next(each for each in report["self_bleu"] if (each["kind"], each["temperature"]) == ("factual", 1.5))
    assert point["value"] == pytest.approx(sum(value or 0.0 for value in hot) / 2)
    fall = next(each for each in report["falls"] if each["kind"] == "factual")
    assert fall["value"] == pytest.approx(1 - point["value"])
    factual, creative = drawings_of(report)
    assert "Self-BLEU on factual prompts" in factual
    assert "Self-BLEU on creative prompts" in creative


def test_points_and_falls_by_hand() -> None:
    """Two prompts: alike and disjoint answers when cold, disjoint when hot: means 1/2 and 0, falls 1 and 0."""
    config = {"models": ["m"], "answers": 2, "prompts": [{"kind": "factual"}, {"kind": "factual"}]}
    answers = {(0.1, 0): ["a b", "a b"], (0.1, 1): ["a", "b"], (1.0, 0): ["a", "b"], (1.0, 1): ["c", "d"]}
    rows = [{"model": "m", "temperature": t, "prompt": p, "answers": said} for (t, p), said in answers.items()]
    found = figures_of(config, rows)
    assert [(each["temperature"], each["value"], each["prompts"]) for each in found["self_bleu"]] == [
        (0.1, 0.5, 2),
        (1.0, 0.0, 2),
    ]
    assert found["falls"][0]["value"] == 0.5


def test_the_command_tells_a_row_per_temperature(prompts: Path) -> None:
    local_model("guide")
    out = StringIO()
    asked = ("--model", "guide", "--prompts", str(prompts), "--temperatures", "0", "--answers", "2")
    call_command("evaluate", "diversity", *asked, "--max-new-tokens", "6", stdout=out)
    told = out.getvalue()
    assert [line.split()[:4] for line in told.splitlines() if line.startswith("guide  ")] == [
        ["guide", "factual", "0", "1.000"],
        ["guide", "creative", "0", "1.000"],
    ]
    assert json.loads(told.splitlines()[-1])["answers"] == 2


def test_what_is_asked_for_wrongly_is_named(prompts: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--model, --prompts missing"):
        call_command("evaluate", "diversity")
    with pytest.raises(ValidationError, match="nothing to sample from"):
        start_diversity([make_model("name")], [{"messages": []}])
    (tmp_path / "bad.jsonl").write_text('{"prompt": "Hello?"}\n{"text": "Hello?"}\n')
    with pytest.raises(ValidationError, match=r"bad\.jsonl, line 2: expected prompt"):
        read_prompts(tmp_path / "bad.jsonl")
    (tmp_path / "twice.jsonl").write_text('{"prompt": "Hello?"}\n{"prompt": "Hello?"}\n')
    with pytest.raises(ValidationError, match="'Hello\\?' twice"):
        read_prompts(tmp_path / "twice.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ValidationError, match="holds no prompts"):
        read_prompts(tmp_path / "empty.jsonl")
    guide = local_model("guide")
    for wrong, said in (({"answers": 1}, "answers must be"), ({"temperatures": [3.0]}, "temperature must be")):
        with pytest.raises(ValidationError, match=said):
            start_diversity([guide], read_prompts(prompts), **wrong)


def test_kept_rows_drop_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    KeptRows(path).add([{"a": 1}, {"a": "\u2028"}])
    with path.open("a") as file:
        file.write('{"a": 3')
    again = KeptRows(path)
    assert again.rows == [{"a": 1}, {"a": "\u2028"}]
    again.add([{"a": 3}])
    assert KeptRows(path).rows == [{"a": 1}, {"a": "\u2028"}, {"a": 3}]
