"""From a project's preferences to a registered reward model, through the run's folder and a process of its own."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotation.models import DatasetSnapshot, Project, Prompt
from modeling.registry.jobs import claim, request_cancel
from modeling.registry.models import Job, ModelVersion, Run, Worker
from tests.factories import make_comparison, make_model, make_preference, make_project, make_prompt, make_user
from tests.workers.conftest import local_model
from workers import training
from workers.carrying import carry_out
from workers.runs import execute
from workers.starting import resume_run, start_reward_training

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = {"epochs": 1, "batch_size": 8, "max_length": 64, "checkpoint_every": 1}


@pytest.fixture(autouse=True)
def runs_dir(tmp_path: Path, settings: Any) -> Path:
    settings.RUNS_DIR = tmp_path / "runs"
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield


@pytest.fixture
def base() -> ModelVersion:
    return local_model("guide", licence="Apache-2.0")


@pytest.fixture
def collected() -> Project:
    """A helpfulness project with twenty pairs to train on and six to test on."""
    project = make_project(slug="harbour")
    for split, count in ((Prompt.Split.TRAIN, 20), (Prompt.Split.TEST, 6)):
        for number in range(count):
            prompt = make_prompt(project, f"Where is house {number} of the {split} street?")
            Prompt.objects.filter(pk=prompt.pk).update(split=split)
            comparison = make_comparison(project, prompt, a="It is beside the harbour wall.", b="No idea.")
            make_preference(comparison, points=1 + number % 4)
    return project


def executed(run: Run) -> Run:
    job = claim(Run, run.pk)
    assert job is not None
    carry_out(job, execute)
    return Run.objects.select_related("output").get(pk=run.pk)


def test_a_run_trains_and_registers_a_model_with_its_lineage(collected: Project, base: ModelVersion) -> None:
    owner = make_user("owner")
    run = executed(start_reward_training([collected], "helpfulness", base, "kind-judge", QUICK, owner))
    assert (run.status, run.error, run.progress) == (Job.Status.DONE, "", 1.0)

    model = run.output
    assert model is not None
    assert (model.name, model.kind, model.licence) == ("kind-judge", "helpfulness_reward", "Apache-2.0")
    assert list(model.parents.all()) == [base]
    assert model.figures["accuracy"]["n"] == 6
    assert set(model.figures["accuracy_by_rating"]) == {"significantly", "better", "slightly", "negligibly"}

    folder = Path(run.folder)
    assert folder.name == f"{run.pk}-kind-judge"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["batch_size"] == 8
    assert config["base"] == base.path
    snapshot = DatasetSnapshot.objects.get()
    assert run.data_digest == snapshot.digest
    assert (snapshot.rows, snapshot.created_by) == (26, owner)

    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == [1, 2, 3]  # 20 pairs, 8 at a time
    curve = run.metrics.filter(name="loss").values_list("step", "value")
    assert list(curve) == [(line["step"], line["loss"]) for line in logged]
    assert not (folder / "checkpoints").exists()

    from modeling.checkpoints import digest
    from workers.loading import reward_model_of

    assert digest(Path(model.path)) == model.digest
    assert reward_model_of(model).model.config.num_labels == 1


def test_a_training_that_was_killed_goes_on_from_its_last_checkpoint(
    collected: Project, base: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = QUICK | {"epochs": 20, "checkpoint_every": 10}
    run = start_reward_training([collected], "helpfulness", base, "tough", settings)  # 60 steps

    def kill_after_the_first_checkpoint(folder: Path) -> None:
        deadline = time.monotonic() + 120
        while not (folder / "checkpoints" / "step-10").exists():
            assert time.monotonic() < deadline, "the run reached no checkpoint within two minutes"
            time.sleep(0.005)
        pid = training_process(folder)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    folder = django_settings.RUNS_DIR / f"{run.pk}-tough"
    killer = threading.Thread(target=kill_after_the_first_checkpoint, args=(folder,))
    killer.start()
    run = executed(run)
    killer.join()
    assert run.status == Job.Status.FAILED
    assert "SIGKILL" in run.error
    reached = max(int(state.name.removeprefix("step-")) for state in (folder / "checkpoints").glob("step-*"))
    assert 10 <= reached < 60
    data = (folder / "data" / "train.jsonl").read_bytes()

    resume_run(run)
    run = executed(run)
    assert (run.status, run.error) == (Job.Status.DONE, "")
    steps = [line.split()[1] for line in (folder / "log.txt").read_text().splitlines() if line.startswith("step ")]
    assert steps[-1] == "60/60"
    assert f"{reached + 1}/60" in steps
    assert steps.count("1/60") == 1  # the second process did not start anew
    assert list(run.metrics.filter(name="loss").values_list("step", flat=True)) == list(range(1, 61))
    assert (folder / "data" / "train.jsonl").read_bytes() == data


def test_a_folder_that_another_databases_run_left_is_not_taken_over(
    collected: Project, base: ModelVersion, runs_dir: Path
) -> None:
    run = start_reward_training([collected], "helpfulness", base, "judge", QUICK)
    left = runs_dir / f"{run.pk}-judge"
    (left / "data").mkdir(parents=True)
    (left / "config.yaml").write_text("seed: 3\n")
    (left / "data" / "manifest.json").write_text('{"sha256": "of other data"}')
    run = executed(run)
    assert (run.status, run.error) == (Job.Status.DONE, "")
    assert run.folder == f"{left}-2"
    assert run.data_digest == DatasetSnapshot.objects.get().digest
    assert (left / "config.yaml").read_text() == "seed: 3\n"


def training_process(folder: Path) -> int | None:
    """The training of this folder among this process's children."""
    for pid in Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"modeling.train_reward" in command and str(folder / "config.yaml").encode() in command:
            return int(pid)
    return None


def test_a_cancelled_training_ends_its_process(
    collected: Project, base: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from workers import carrying

    monkeypatch.setattr(carrying, "BEAT_EVERY", timedelta(seconds=0.1))
    run = start_reward_training([collected], "helpfulness", base, "dropped", QUICK | {"epochs": 100})
    launched: list[int] = []
    following = training.Metrics.follow

    def follow(self: training.Metrics, report: Any) -> None:
        launched.append(training_process(Path(Run.objects.get().folder)) or 0)
        request_cancel(run)
        following(self, report)

    monkeypatch.setattr(training.Metrics, "follow", follow)
    run = executed(run)
    assert run.status == Job.Status.CANCELLED
    assert launched[0] > 0
    assert not Path(f"/proc/{launched[0]}").exists()
    assert not ModelVersion.objects.filter(name="dropped").exists()


def test_a_failed_training_says_why_in_its_own_words(collected: Project, base: ModelVersion, runs_dir: Path) -> None:
    run = start_reward_training([collected], "helpfulness", base, "broken", QUICK)
    ModelVersion.objects.filter(pk=base.pk).update(path="/nowhere/guide")
    run = executed(run)
    assert run.status == Job.Status.FAILED
    assert "/nowhere/guide is not a folder" in run.error
    assert not ModelVersion.objects.filter(name="broken").exists()


# What is refused before anything is made ---------------------------------------------------------------------------


def refused(
    reason: str,
    project: Project,
    base: ModelVersion,
    dimension: str = "helpfulness",
    name: str = "judge",
    **chosen: Any,
) -> None:
    with pytest.raises(ValidationError, match=reason):
        start_reward_training([project], dimension, base, name, chosen)
    assert not Run.objects.exists()


def test_a_dimension_that_is_not_the_projects_is_refused(collected: Project, base: ModelVersion) -> None:
    refused("on helpfulness, not on safety", collected, base, dimension="safety")


def test_a_taken_name_is_refused_before_the_training(collected: Project, base: ModelVersion) -> None:
    refused('named "guide" already', collected, base, name="guide")


def test_a_name_that_another_run_is_making_is_refused(collected: Project, base: ModelVersion) -> None:
    start_reward_training([collected], "helpfulness", base, "judge", {})
    with pytest.raises(ValidationError, match="is making a model"):
        start_reward_training([collected], "helpfulness", base, "judge", {})
    assert Run.objects.count() == 1


def test_too_few_pairs_are_refused(base: ModelVersion) -> None:
    refused("0 preferences to train on", make_project(slug="empty"), base)


def test_a_model_without_a_checkpoint_is_no_base(collected: Project) -> None:
    refused("no checkpoint to start from", collected, make_model("gpt"))


def test_a_retired_model_is_no_base(collected: Project) -> None:
    refused("guide is retired", collected, local_model("guide", stage=ModelVersion.Stage.RETIRED))


def test_evaluations_never_train(base: ModelVersion) -> None:
    campaign = make_project(slug="campaign", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    refused("is an evaluation", campaign, base)


def test_an_archived_project_trains_nothing(collected: Project, base: ModelVersion) -> None:
    Project.objects.update(archived_at=timezone.now())
    refused("is archived", Project.objects.get(), base)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("epochs", 0, "epochs must be between 1 and 100, got 0"),
        ("learning_rate", 3.0, "learning_rate must be between 1e-08 and 0.1, got 3.0"),
        ("learning_rate", float("nan"), "learning_rate must be between 1e-08 and 0.1, got nan"),
        ("margin", "huge", "margin must be one of small, large, none, got 'huge'"),
        ("seed", -1, "seed must be between 0 and 2147483647, got -1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(
    collected: Project, base: ModelVersion, field: str, value: Any, expected: str
) -> None:
    refused(expected, collected, base, **{field: value})


def test_a_run_whose_name_was_taken_meanwhile_is_not_resumed(collected: Project, base: ModelVersion) -> None:
    run = start_reward_training([collected], "helpfulness", base, "judge", {})
    Run.objects.update(status=Job.Status.FAILED)
    make_model("judge")
    with pytest.raises(ValidationError, match='named "judge" already'):
        resume_run(run)
    assert Run.objects.get().status == Job.Status.FAILED


def test_of_two_runs_that_make_one_name_only_one_goes_on(collected: Project, base: ModelVersion) -> None:
    first = start_reward_training([collected], "helpfulness", base, "judge", {})
    Run.objects.update(status=Job.Status.FAILED)
    second = start_reward_training([collected], "helpfulness", base, "judge", {})
    with pytest.raises(ValidationError, match=f"Run {second.pk} is making"):
        resume_run(first)


@pytest.mark.parametrize(
    ("queues", "what_becomes"), [("training", "a training worker takes it over"), ("", "it is free")]
)
def test_a_run_in_other_hands_is_not_resumed_and_it_says_who_will(
    collected: Project, base: ModelVersion, queues: str, what_becomes: str
) -> None:
    run = start_reward_training([collected], "helpfulness", base, "judge", {})
    claim(Run, run.pk)
    Worker.objects.create(name="here", seen_at=timezone.now(), queues=queues)
    with pytest.raises(CommandError, match=f"If its process was killed, {what_becomes}.* within 30 seconds"):
        train(resume=run.pk)


# The command -------------------------------------------------------------------------------------------------------


def train(**options: Any) -> dict[str, Any]:
    output = StringIO()
    call_command("train_reward_model", stdout=output, stderr=StringIO(), **options)
    return dict(json.loads(output.getvalue().splitlines()[-1]))


def test_the_command_ends_with_one_line_of_figures(collected: Project, base: ModelVersion, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("batch_size: 20\nmax_length: 64\nseed: 3\n")
    figures = train(
        project=["harbour"],
        dimension="helpfulness",
        base="guide",
        name="judge",
        config=tmp_path / "settings.yaml",
        seed=5,
    )
    assert (figures["model"], figures["train_pairs"], figures["test_pairs"]) == ("judge", 20, 6)
    assert (figures["steps"], figures["accuracy"]["n"]) == (1, 6)
    config = yaml.safe_load((Path(figures["folder"]) / "config.yaml").read_text())
    assert (config["batch_size"], config["seed"]) == (20, 5)  # a flag overrides the file
    assert Run.objects.get().data_digest == figures["data_digest"]


def test_the_command_refuses_bad_input_and_makes_no_run(collected: Project, base: ModelVersion, tmp_path: Path) -> None:
    right = {"project": ["harbour"], "dimension": "helpfulness", "base": "guide", "name": "judge"}
    (tmp_path / "typo.yaml").write_text("learning_rat: 1e-4\n")
    for wrong, reason in (
        ({"project": ["nope"]}, "There are: harbour"),
        ({"base": "nope"}, "There are: guide"),
        ({"name": ""}, "--name missing"),
        ({"config": tmp_path / "typo.yaml"}, "unknown setting learning_rat"),
        ({"config": tmp_path / "missing.yaml"}, "cannot read"),
        ({"learning_rate": 2.0}, "learning_rate must be"),
    ):
        with pytest.raises(CommandError, match=reason):
            train(**(right | wrong))
    assert not Run.objects.exists()
    with pytest.raises(CommandError, match="There is no run 7"):
        train(resume=7)
