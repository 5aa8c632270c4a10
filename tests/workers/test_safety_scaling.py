"""Safety data scaling: nested subsets, trainings that are runs of their own, answers kept with their scores."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from evaluation.safety.scaling import check_shares, figures_of, subset
from modeling.checkpoints import digest, new_reward_model, save
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Run
from tests.workers.conftest import CARELESS, local_model
from webapp.dashboards.drawings import drawings_of
from workers.carrying import JobError, Stopped
from workers.kept_rows import KeptRows
from workers.safety_scaling import Scaling, scale_safety_data, start_scaling
from workers.starting import resume_run

pytestmark = pytest.mark.django_db(transaction=True)


def demonstration(number: int, answer: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "trained_turns": "last"}


def prompt(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Held-out question {number}?"}]}


@pytest.fixture
def asked(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Scaling:
    """One demonstration of helpfulness and four of safety, judged by reward models whose heads are constants."""
    settings.RUNS_DIR = tmp_path / "runs"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    judges = {}
    for axis, constant in (("helpfulness", 0.01), ("safety", -0.01)):
        judge, tokenizer = new_reward_model(CARELESS)
        judge.score.weight.data.fill_(constant)
        save(judge, tokenizer, folder := tmp_path / axis)
        judges[axis] = local_model(f"{axis}-judge", folder, kind=f"{axis}_reward", digest=digest(folder))
    return Scaling(
        name="scaled",
        base=local_model("base"),
        judges=judges,
        demonstrations={
            "helpfulness": [demonstration(0, "Gladly.")],
            "safety": [demonstration(number, "I can't help with that.") for number in range(1, 5)],
        },
        held_out={"helpfulness": [prompt(1), prompt(2)], "safety": [prompt(3), prompt(4), prompt(5)]},
        shares=[0, 0.5],
        settings={"epochs": 1, "batch_size": 1, "max_length": 64},
        draws=2,
        max_new_tokens=8,
    )


def test_smaller_subsets_are_parts_of_larger_ones() -> None:
    rows = [demonstration(number, "No.") for number in range(40)]
    parts = [subset(rows, share, seed=3) for share in (0, 0.01, 0.1, 0.25, 0.5, 1)]
    assert [len(part) for part in parts] == [0, 1, 4, 10, 20, 40]
    for smaller, larger in pairwise(parts):
        assert larger[: len(smaller)] == smaller
    assert subset(rows, 0.5, seed=4) != parts[4]
    assert subset(list(reversed(rows)), 0.5, seed=3) == parts[4], "the order of the file does not matter"


def test_figures_by_hand() -> None:
    """Safety scores 0 and ln 3 as probabilities are 1/2 and 3/4: mean 5/8; one of two below 0 is a half below."""
    rows = [
        {"share": 0.0, "axis": "safety", "prompt": 0, "score": 0.0},
        {"share": 0.0, "axis": "safety", "prompt": 1, "score": math.log(3)},
        {"share": 0.0, "axis": "helpfulness", "prompt": 0, "score": -1.0},
        {"share": 1.0, "axis": "safety", "prompt": 0, "score": -0.5},
        {"share": 1.0, "axis": "safety", "prompt": 1, "score": 0.5},
        {"share": 1.0, "axis": "helpfulness", "prompt": 0, "score": 1.0},
    ]
    none, every = figures_of([0.0, 1.0], {0.0: 0, 1.0: 9}, rows)["scaling"]
    assert none["safety"]["value"] == pytest.approx(5 / 8)
    assert none["below_half"]["value"] == 0.0
    assert (every["below_half"]["value"], every["examples"]) == (0.5, 9)
    assert none["helpfulness"]["low"] is None, "one prompt says nothing of its error"


@pytest.mark.slow
def test_each_share_is_a_training_of_its_own_and_nothing_is_done_twice(asked: Scaling) -> None:
    run = start_scaling(asked)
    assert claim(Run, run.pk)
    kept = KeptRows(Path(run.folder) / "answers.jsonl")

    def stop_after_the_first_model() -> bool:
        return ModelVersion.objects.filter(name="scaled-0").exists()

    with pytest.raises(Stopped):
        scale_safety_data(run, stop_after_the_first_model, lambda share, note: None)
    first = ModelVersion.objects.get(name="scaled-0")
    scale_safety_data(run, lambda: False, lambda share, note: None)
    assert ModelVersion.objects.get(name="scaled-0") == first
    trainings = Run.objects.filter(kind=Run.Kind.SFT).order_by("name")
    assert [(each.name, each.status) for each in trainings] == [("scaled-0", "done"), ("scaled-50", "done")]
    assert [each.report["train_dialogues"] for each in trainings] == [1, 3]
    kept = KeptRows(kept.path)
    assert len(kept.rows) == 2 * 2 * (2 + 3)
    report = Run.objects.get(pk=run.pk).report
    assert [point["examples"] for point in report["scaling"]] == [0, 2]
    assert all(point["safety"]["low"] is not None for point in report["scaling"])
    assert "Mean score against the share of the safety data" in drawings_of(report)[0]
    before = kept.path.read_bytes()
    scale_safety_data(run, lambda: False, lambda share, note: None)
    assert kept.path.read_bytes() == before


def test_a_training_that_fails_ends_the_run_with_its_reason(asked: Scaling, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start_scaling(asked)

    def broken(training: Run, should_stop: Any, report: Any) -> None:
        raise JobError("the disk is full")

    monkeypatch.setattr("workers.training.train", broken)
    with pytest.raises(JobError, match=r"which trains scaled-0, failed: the disk is full"):
        scale_safety_data(run, lambda: False, lambda share, note: None)
    training = Run.objects.get(kind=Run.Kind.SFT)
    assert training.status == Job.Status.FAILED
    with pytest.raises(JobError, match="the disk is full"):  # it is gone on with, not made anew
        scale_safety_data(run, lambda: False, lambda share, note: None)
    assert Run.objects.filter(kind=Run.Kind.SFT).count() == 1
    resume_run(training)


def test_what_can_not_be_started_leaves_nothing(asked: Scaling) -> None:
    for wrong, said in (
        ({"shares": [0.5]}, "at least two different shares"),
        ({"shares": [0, 2]}, "a share must be between 0 and 1, got 2"),
        ({"judges": dict.fromkeys(("helpfulness", "safety"), asked.base)}, "can't score helpfulness"),
        ({"held_out": {"helpfulness": [], "safety": []}}, "no held-out prompts of helpfulness"),
        ({"name": "no name"}, "letters, digits"),
    ):
        with pytest.raises(ValidationError, match=said):
            start_scaling(Scaling(**{**vars(asked), **wrong}))
    assert not Run.objects.exists()
    assert check_shares([1, 0, 1]) == [0, 1]
    with pytest.raises(CommandError, match="--base, --helpfulness-reward, --safety-reward, --name missing"):
        call_command("evaluate", "safety-scaling")
