"""Training runs whose worker ends: given back with what was done, and taken up again by another worker."""

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.models import Project, Prompt
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_comparison, make_preference, make_project, make_prompt
from tests.workers.conftest import CAREFUL, Process, eventually, local_model
from workers.processes import reason_of
from workers.recipes import PPO, SFT
from workers.starting import Order, start_training

pytestmark = pytest.mark.django_db(transaction=True)
StartWorker = Callable[..., "Process[bytes]"]


@pytest.fixture
def collected() -> Project:
    project = make_project(slug="harbour")
    for number in range(12):
        prompt = make_prompt(project, f"Where is house {number}?")
        Prompt.objects.filter(pk=prompt.pk).update(split=Prompt.Split.TRAIN)
        make_preference(make_comparison(project, prompt, a="Beside the harbour wall.", b="No idea."), points=2)
    return project


@pytest.fixture
def reward_model(tmp_path: Path) -> ModelVersion:
    """One that was never trained: good enough to be asked."""
    from modeling.checkpoints import new_reward_model

    model, tokenizer = new_reward_model(CAREFUL)
    folder = tmp_path / "judge"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return local_model("judge", folder, kind=ModelVersion.Kind.HELPFULNESS_REWARD)


@pytest.mark.parametrize("recipe", [SFT, PPO], ids=lambda recipe: recipe.command)
def test_a_training_goes_on_with_another_worker_after_the_first_was_told_to_end(
    recipe: Any, collected: Project, reward_model: ModelVersion, start_worker: StartWorker
) -> None:
    models = {"base": local_model("guide")}
    settings: dict[str, Any] = {"epochs": 10, "batch_size": 4, "max_length": 64, "packing": False}
    if recipe is PPO:
        models["helpfulness_reward"] = reward_model
        settings = {"iterations": 12, "batch_size": 4, "mini_batch_size": 4, "max_new_tokens": 16}
    run = start_training(Order(recipe=recipe, name="going-on", models=models, projects=[collected], settings=settings))
    first = start_worker("training")
    wait_for_steps(run, 2)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Job.Status.QUEUED, 0)  # given back: no attempt that failed

    start_worker("training")
    eventually(run, Job.Status.DONE, within=240)
    log = (Path(run.folder) / "log.txt").read_text()
    steps = [int(line.split()[1].partition("/")[0]) for line in log.splitlines() if line.startswith("step ")]
    assert steps == sorted(set(steps)) == list(range(1, steps[-1] + 1))  # none was done twice, none left out
    assert steps[-1] == (12 if recipe is PPO else 30)
    assert list(run.metrics.filter(name="loss").values_list("step", flat=True)) == steps
    assert run.output is not None and run.output.name == "going-on"


def wait_for_steps(run: Run, steps: int) -> None:
    deadline = time.monotonic() + 180
    while run.metrics.filter(name="loss").count() < steps:
        run.refresh_from_db()
        assert not run.is_over, run.error
        assert time.monotonic() < deadline, "the training made no step within three minutes"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        ("Error: out of memory (CUDA): lower token_budget (now 16384)\n", 1, "out of memory .* lower token_budget"),
        ("", -9, "ended by SIGKILL, perhaps for lack of memory"),
        ("  traceback : Signal 9 (SIGKILL) received by PID 5\n", 1, "ended by SIGKILL, perhaps for lack of memory"),
        ("RuntimeError: [enforce fail at alloc_cpu.cpp:124] can't allocate memory\n", 1, "ran out of memory"),
    ],
)
def test_a_training_that_ran_out_of_memory_says_so(tmp_path: Path, said: str, status: int, reason: str) -> None:
    (tmp_path / "log.txt").write_text(f"step 1/5  loss 0.5\n{said}")
    assert re.search(reason, reason_of(tmp_path, status))
