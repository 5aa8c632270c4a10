"""metrics.jsonl as curves and as a line of progress, whichever figures a recipe logs."""

import json
from pathlib import Path

import pytest

from modeling.registry.models import Run
from workers.carrying import ShouldStop
from workers.metrics import Metrics, figures_of, note_of
from workers.runs import Report, execute

LINE = {"step": 3, "steps": 12, "seconds": 4.5, "reward": 0.61, "kl": 0.0213, "answers_per_second": 3.27}


def test_every_figure_but_step_and_time_is_a_curve() -> None:
    line = LINE | {"model": "policy", "stalled": False, "explained_variance": float("nan"), "held_out": None, "k": 8}
    assert figures_of(line) == {"reward": 0.61, "kl": 0.0213, "answers_per_second": 3.27, "k": 8.0}


def test_the_progress_tells_what_the_recipe_is_about_and_its_speeds() -> None:
    assert note_of(LINE) == "step 3 of 12, reward 0.6100, kl 0.0213, 3.3 answers/s"
    assert note_of({"step": 1, "steps": 2, "loss": 0.5, "accuracy": 1.0}) == "step 1 of 2, loss 0.5000"


@pytest.mark.django_db
def test_lines_are_followed_as_they_come_and_anew_when_a_resumed_process_rewrote_them(tmp_path: Path) -> None:
    run = Run.objects.create(kind=Run.Kind.PPO, name="policy")
    path, said = tmp_path / "metrics.jsonl", list[tuple[float, str]]()
    metrics = Metrics(run, path)
    metrics.follow(lambda share, note: said.append((share, note)))
    assert said == []  # nothing is there yet
    torn = json.dumps({"step": 2, "steps": 4, "kl": 0.5})
    path.write_text(json.dumps({"step": 1, "steps": 4, "kl": 0.25, "seconds": 1.0}) + "\n" + torn[:9])
    metrics.follow(lambda share, note: said.append((share, note)))
    assert said == [(0.245, "step 1 of 4, kl 0.2500")]  # 0.98 of the way is the training; half a line waits
    rewritten = tmp_path / "new.jsonl"
    rewritten.write_text(json.dumps({"step": 1, "steps": 4, "kl": 0.75}) + "\n" + torn + "\n")
    rewritten.replace(path)
    metrics.follow(lambda share, note: said.append((share, note)))
    assert list(run.metrics.values_list("step", "name", "value")) == [(1, "kl", 0.75), (2, "kl", 0.5)]


@pytest.mark.django_db
def test_what_a_run_turns_to_is_written_at_once_and_its_steps_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.objects.create(kind=Run.Kind.SFT, name="policy")
    written: list[tuple[float | None, str]] = []

    def train(run: Run, should_stop: ShouldStop, report: Report) -> None:
        for share, note in ((0.0, "writing the data"), (0.0, "loading the base model"), (0.1, "step 1 of 10")):
            report(share, note)
            row = Run.objects.get(pk=run.pk)
            written.append((row.progress, row.progress_note))

    monkeypatch.setattr("workers.training.train", train)
    execute(run, lambda: False)
    loading = (0.0, "loading the base model")
    assert written == [(0.0, "writing the data"), loading, loading]
