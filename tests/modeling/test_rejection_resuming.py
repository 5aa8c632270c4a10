"""A run of rejection sampling that was interrupted, wherever, ends with the bag and the weights of one that wasn't."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modeling.candidates import read_candidates
from modeling.recipe import Progress, Stopped
from modeling.rejection_config import RejectionConfig
from modeling.rejection_sampling import train
from modeling.resuming import ResumeError
from modeling.training_config import save_config
from tests.modeling.ranks import curve, run_ranks, run_ranks_until
from tests.modeling.rejection_runs import chat_checkpoint, earlier_candidate, rejection_run, reward_checkpoint

RECIPE = "modeling.rejection_sampling"
STEPS = 10
"""2 of the sweep, 1 before, 2 of sampling, 1 of rescoring, 3 of fine-tuning, 1 after."""

Prepare = Callable[..., RejectionConfig]


class Killed(BaseException):
    """Stands for a process that ends without a chance to clean up."""


def kill_at(step: int) -> Callable[[Progress], None]:
    def kill(progress: Progress) -> None:
        if progress.step == step:
            raise Killed

    return kill


@pytest.fixture(scope="module")
def prepare(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    folder = tmp_path_factory.mktemp("runs")
    chat, reward = chat_checkpoint(base, folder / "chat"), reward_checkpoint(base, folder / "reward")

    def make(name: str, **changes: Any) -> RejectionConfig:
        config = rejection_run(folder / name, chat, reward, [earlier_candidate(0, 5.0)], checkpoint_every=2, **changes)
        save_config(config)
        return config

    return make


@pytest.fixture(scope="module")
def uninterrupted(prepare: Prepare) -> Path:
    config = prepare("uninterrupted")
    train(config)
    return config.run_dir


def figures(run: Path) -> list[dict[str, float]]:
    """The run's curve without its timings."""
    return [
        {name: value for name, value in line.items() if name != "seconds" and not name.endswith("_per_second")}
        for line in curve(run)
    ]


def assert_same_end(run: Path, expected: Path) -> None:
    """Bag, weights and curve are the same to the last bit, and so are the figures but for the timings."""
    for name in ("candidates.jsonl", "model/model.safetensors"):
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name
    assert figures(run) == figures(expected)
    reports = [json.loads((each / "report.json").read_text()) for each in (run, expected)]
    for report in reports:
        del report["seconds"]
    assert reports[0] == reports[1]


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_run_that_was_killed_after_any_step_resumes_to_the_same_end(
    step: int, prepare: Prepare, uninterrupted: Path
) -> None:
    config = prepare(f"killed-{step}")
    with pytest.raises(Killed):
        train(config, kill_at(step))
    train(config)
    assert_same_end(config.run_dir, uninterrupted)


@pytest.mark.parametrize("asked", range(1, 14, 2))
def test_a_run_that_was_asked_to_stop_resumes_to_the_same_end(
    asked: int, prepare: Prepare, uninterrupted: Path
) -> None:
    config = prepare(f"stopped-{asked}")
    times = 0

    def should_stop() -> bool:
        nonlocal times
        times += 1
        return times == asked

    with pytest.raises(Stopped):
        train(config, should_stop=should_stop)
    assert not (config.run_dir / "report.json").exists()
    train(config)
    assert_same_end(config.run_dir, uninterrupted)


def test_answers_that_a_kill_tore_are_drawn_again(prepare: Prepare, uninterrupted: Path) -> None:
    config = prepare("torn")
    with pytest.raises(Killed):
        train(config, kill_at(4))
    path = config.run_dir / "sampling.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    train(config)
    assert_same_end(config.run_dir, uninterrupted)


def test_another_runs_answers_are_never_mixed_in(prepare: Prepare) -> None:
    config = prepare("changed")
    with pytest.raises(Killed):
        train(config, kill_at(4))
    with pytest.raises(ResumeError, match=r"top_p was 1\.0, is 0\.9"):
        train(replace(config, top_p=0.9))


@pytest.mark.slow
def test_two_processes_give_the_bag_and_the_curve_of_one(prepare: Prepare) -> None:
    one, two = prepare("one").run_dir, prepare("two").run_dir
    for run, ranks in ((one, 1), (two, 2)):
        run_ranks(RECIPE, run, ranks)
    for line, other in zip(figures(two), figures(one), strict=True):
        assert line == pytest.approx(other, abs=1e-5)
    bags = [read_candidates(run / "candidates.jsonl") for run in (one, two)]
    assert [each.answer for each in bags[0]] == [each.answer for each in bags[1]]
    assert [each.score for each in bags[0]] == pytest.approx([each.score for each in bags[1]], abs=1e-5)


@pytest.mark.slow
def test_two_processes_that_were_stopped_while_sampling_resume_to_the_same_end(prepare: Prepare) -> None:
    whole, stopped = (prepare(name, chunk_prompts=1).run_dir for name in ("whole", "stopped"))
    run_ranks(RECIPE, whole)
    run_ranks_until(3, RECIPE, stopped)
    assert not (stopped / "candidates.jsonl").exists()
    run_ranks(RECIPE, stopped)
    assert_same_end(stopped, whole)
