"""A run that was interrupted ends with the weights of one that wasn't, bit for bit."""

import json
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pytest import MonkeyPatch

from modeling import recipe, train_reward
from modeling.checkpoints import is_whole, load_policy, save
from modeling.recipe import Progress, Stopped
from modeling.resuming import ResumeError
from modeling.reward_config import RewardConfig
from modeling.train_reward import train
from modeling.training_config import save_config
from tests.modeling.conftest import preference
from tests.modeling.ranks import Forked, kill_once

MakeRun = Callable[..., Path]
FullDisk = Callable[[], AbstractContextManager[Callable[[], None]]]


class Killed(BaseException):
    """Stands for a process that ends without a chance to clean up."""


def data(count: int = 20) -> list[dict[str, Any]]:
    return [preference(number, "you dig a hole", "the hot stove") for number in range(count)]


def settings(run: Path, base: Path) -> RewardConfig:
    return RewardConfig(
        run_dir=run, base=base, batch_size=4, learning_rate=1e-3, max_length=100, token_budget=150, checkpoint_every=2
    )


def model_bytes(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def full_disk() -> FullDisk:
    """A disk that takes no more than 50 kB per file once it is filled; the system's answer is that of a real limit."""

    @contextmanager
    def disk() -> Iterator[Callable[[], None]]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return disk


@pytest.fixture
def uninterrupted(make_run: MakeRun, base: Path) -> Path:
    run = make_run(data(), name="uninterrupted")
    train(settings(run, base))
    return run


def kill_after(step: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.step == step:
            raise Killed

    return report


def test_a_killed_run_resumes_to_the_same_weights(make_run: MakeRun, base: Path, uninterrupted: Path) -> None:
    run = make_run(data())
    with pytest.raises(Killed):
        train(settings(run, base), kill_after(3))
    seen: list[Progress] = []
    train(settings(run, base), seen.append)
    assert [progress.step for progress in seen] == [3, 4, 5]
    assert model_bytes(run) == model_bytes(uninterrupted)
    assert losses(run) == losses(uninterrupted)


def test_a_run_that_is_asked_to_stop_within_a_step_resumes_to_the_same_weights(
    make_run: MakeRun, base: Path, uninterrupted: Path
) -> None:
    run = make_run(data())
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 8

    with pytest.raises(Stopped, match="start the run again to go on"):
        train(settings(run, base), should_stop=should_stop)
    stopped_at = len(losses(run))
    assert 0 < stopped_at < 5
    assert is_whole(run / "checkpoints" / f"step-{stopped_at}")
    train(settings(run, base))
    assert model_bytes(run) == model_bytes(uninterrupted)


def test_a_torn_checkpoint_is_never_loaded(make_run: MakeRun, base: Path, uninterrupted: Path) -> None:
    run = make_run(data())
    with pytest.raises(Killed):
        train(settings(run, base), kill_after(5))
    newest = run / "checkpoints" / "step-4" / "training.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    seen: list[Progress] = []
    train(settings(run, base), seen.append)
    assert seen[0].step == 3
    assert model_bytes(run) == model_bytes(uninterrupted)


def test_the_last_two_checkpoints_are_kept(uninterrupted: Path) -> None:
    assert sorted(path.name for path in (uninterrupted / "checkpoints").iterdir()) == ["step-4", "step-5"]


def test_a_full_disk_keeps_the_checkpoint_before(
    make_run: MakeRun, base: Path, uninterrupted: Path, full_disk: FullDisk
) -> None:
    run = make_run(data())
    with full_disk() as fill, pytest.raises(OSError, match="File too large"):
        train(settings(run, base), lambda progress: fill() if progress.step == 3 else None)
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-2"]
    train(settings(run, base))
    assert model_bytes(run) == model_bytes(uninterrupted)


def test_a_full_disk_keeps_the_model_before(tmp_path: Path, base: Path, full_disk: FullDisk) -> None:
    model, tokenizer = load_policy(base)
    save(model, tokenizer, tmp_path / "model")
    with full_disk() as fill, pytest.raises(OSError, match=r"model cannot be written: .*File too large"):
        fill()
        save(model, tokenizer, tmp_path / "model")
    assert is_whole(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_other_settings_or_data_do_not_go_on_from_a_checkpoint(make_run: MakeRun, base: Path) -> None:
    run = make_run(data())
    with pytest.raises(Killed):
        train(settings(run, base), kill_after(3))
    with pytest.raises(ResumeError, match=r"learning_rate was 0\.001, is 0\.01.*new folder"):
        train(replace(settings(run, base), learning_rate=1e-2))
    shutil.copy(run / "data" / "train.jsonl", run / "data" / "test.jsonl")
    (run / "data" / "test.jsonl").write_text(json.dumps(preference(77, "a", "b")))
    with pytest.raises(ResumeError, match="test_digest was"):
        train(settings(run, base))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums are split among threads: the same weights, bit for bit, take the same number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Gives the test process its signal handlers back, which the command replaces."""
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("one_thread")
def test_a_process_killed_with_signal_9_resumes_to_the_same_weights(make_run: MakeRun, base: Path) -> None:
    run, whole = (make_run(data(400), name=name) for name in ("killed", "whole"))
    config = replace(settings(run, base), checkpoint_every=10)
    save_config(config)
    kill_once((run / "checkpoints" / "step-20").exists, Forked("modeling.train_reward", run, ranks=1))

    assert not (run / "report.json").exists()
    seen: list[Progress] = []
    train(config, seen.append)
    assert seen[0].step > 20
    train(replace(config, run_dir=whole))
    assert model_bytes(run) == model_bytes(whole)
    assert losses(run) == losses(whole)


@pytest.mark.usefixtures("handlers")
def test_the_command_saves_its_state_on_sigterm_and_goes_on_when_started_again(
    make_run: MakeRun, base: Path, uninterrupted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: MonkeyPatch
) -> None:
    run = make_run(data())
    save_config(settings(run, base))

    def terminate(progress: Progress) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(recipe, "_print_progress", terminate)
        assert train_reward.main([str(run / "config.yaml")]) == 128 + signal.SIGTERM
    output = capsys.readouterr()
    assert "stopped as asked; start the run again to go on" in output.err
    assert output.out == ""
    assert is_whole(run / "checkpoints" / f"step-{len(losses(run))}")

    assert train_reward.main([str(run / "config.yaml")]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["model"] == str(run / "model")
    assert model_bytes(run) == model_bytes(uninterrupted)


@pytest.mark.usefixtures("handlers")
def test_the_command_explains_what_it_cannot_use(
    make_run: MakeRun, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(data(2))
    save_config(replace(settings(run, base), base=run / "nowhere"))
    assert train_reward.main([str(run / "config.yaml")]) == 1
    output = capsys.readouterr()
    assert "Error: " in output.err
    assert "nowhere is not a folder; expected a checkpoint in Hugging Face format" in output.err
    assert output.out == ""
