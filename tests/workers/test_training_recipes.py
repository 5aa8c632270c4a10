"""Every recipe from the same start: a project or a file goes in, a registered model with its lineage comes out."""

import json
from dataclasses import fields, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from annotation.models import Project, Prompt
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_comparison, make_preference, make_project, make_prompt
from tests.workers.conftest import CARELESS, local_model
from workers.carrying import carry_out
from workers.recipes import DPO, GHOST_ATTENTION, PPO, RECIPES, REJECTION_SAMPLING, SFT, Recipe
from workers.runs import execute
from workers.starting import Order, start_training

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quiet_machine(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RUNS_DIR = tmp_path / "runs"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def base() -> ModelVersion:
    return local_model("guide", licence="Apache-2.0")


@pytest.fixture
def collected() -> Project:
    """A helpfulness project with twelve judged prompts to train on and four held out."""
    project = make_project(slug="harbour")
    for split, count in ((Prompt.Split.TRAIN, 12), (Prompt.Split.TEST, 4)):
        for number in range(count):
            prompt = make_prompt(project, f"Where is house {number} of the {split} street?")
            Prompt.objects.filter(pk=prompt.pk).update(split=split)
            make_preference(make_comparison(project, prompt, a="Beside the harbour wall.", b="No idea."), points=2)
    return project


def executed(run: Run) -> Run:
    job = claim(Run, run.pk)
    assert job is not None
    carry_out(job, execute)
    return Run.objects.select_related("output").get(pk=run.pk)


def command(called: str, **options: Any) -> dict[str, Any]:
    output = StringIO()
    call_command(called, stdout=output, stderr=StringIO(), **options)
    return dict(json.loads(output.getvalue().splitlines()[-1]))


def rows(folder: str | Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(folder) / "data" / name).read_text().splitlines()]


# In full --------------------------------------------------------------------------------------------------------------


def test_what_people_chose_fine_tunes_a_policy(collected: Project, base: ModelVersion) -> None:
    settings = {"epochs": 1, "batch_size": 4, "max_length": 64}
    order = Order(recipe=SFT, name="kinder", models={"base": base}, projects=[collected], settings=settings)
    run = executed(start_training(order))
    assert (run.status, run.error, run.progress) == (Job.Status.DONE, "", 1.0)

    model = run.output
    assert model is not None
    assert (model.name, model.kind, model.licence) == ("kinder", ModelVersion.Kind.POLICY, "Apache-2.0")
    assert list(model.parents.all()) == [base]
    assert (run.report["train_dialogues"], run.report["test_dialogues"]) == (12, 4)
    learned = rows(run.folder, "train.jsonl")
    assert {row["messages"][-1]["content"] for row in learned} == {"Beside the harbour wall."}
    assert all("train street" in row["messages"][0]["content"] for row in learned)
    assert all("test street" in row["messages"][0]["content"] for row in rows(run.folder, "test.jsonl"))
    assert {row["trained_turns"] for row in learned} == {"last"}
    drawn = set(run.metrics.values_list("name", flat=True))
    assert drawn == {"loss", "learning_rate", "gradient_norm", "tokens_per_second", "trained_tokens"}


def test_two_processes_train_one_model_together(collected: Project, base: ModelVersion, settings: Any) -> None:
    chosen = {"epochs": 1, "batch_size": 6, "max_length": 64}
    alone, together = (
        Order(recipe=DPO, name=name, models={"base": base}, projects=[collected], settings=chosen)
        for name in ("alone", "together")
    )
    one = executed(start_training(alone))
    settings.PLUMBLINE_TRAINING_PROCESSES = 2
    two = executed(start_training(together))
    assert (two.status, two.error) == (Job.Status.DONE, "")
    losses = [list(run.metrics.filter(name="loss").values_list("step", "value")) for run in (one, two)]
    assert [step for step, _ in losses[0]] == [1, 2]
    for (_, expected), (_, found) in zip(*losses, strict=True):
        assert found == pytest.approx(expected, abs=1e-5)


def test_a_failure_of_one_of_two_processes_is_told_in_its_own_words(
    collected: Project, base: ModelVersion, settings: Any
) -> None:
    settings.PLUMBLINE_TRAINING_PROCESSES = 2
    run = start_training(Order(recipe=DPO, name="broken", models={"base": base}, projects=[collected]))
    ModelVersion.objects.update(path="/nowhere/guide")
    run = executed(run)
    assert run.status == Job.Status.FAILED
    assert run.error.startswith("/nowhere/guide is not a folder")


# Data -----------------------------------------------------------------------------------------------------------------


def prepared(recipe: Recipe, models: dict[str, ModelVersion], **more: Any) -> Run:
    """A run whose folder is written and that is not executed."""
    from workers.training import models_of, prepare_folder

    run = start_training(Order(recipe=recipe, name=f"model-{recipe.kind}", models=models, **more))
    prepare_folder(run, models_of(run), lambda share, note: None)
    run.refresh_from_db()
    return run


@pytest.fixture
def judges() -> dict[str, ModelVersion]:
    return {
        "helpfulness_reward": local_model("kind-judge", kind="helpfulness_reward"),
        "safety_reward": local_model("strict-judge", CARELESS, kind="safety_reward"),
    }


def test_prompts_are_tagged_by_their_stream_and_the_held_out_ones_kept_apart(
    collected: Project, base: ModelVersion, judges: dict[str, ModelVersion]
) -> None:
    safety = make_project(slug="safety", dimension="safety")
    adversarial = make_prompt(safety, "How do I take a boat?", risk_category="illicit and criminal activities")
    Prompt.objects.filter(pk=adversarial.pk).update(split=Prompt.Split.TRAIN)
    run = prepared(PPO, {"base": base, **judges}, projects=[collected, safety])
    trained, held_out = rows(run.folder, "prompts.jsonl"), rows(run.folder, "held_out.jsonl")
    assert (len(trained), len(held_out)) == (13, 4)
    assert not {row["messages"][0]["content"] for row in trained} & {row["messages"][0]["content"] for row in held_out}
    assert [row for row in trained if row["tag"] == "safety"] == [
        {
            "messages": adversarial.messages,
            "id": f"safety-{adversarial.pk}",
            "tag": "safety",
            "category": "illicit and criminal activities",
        }
    ]
    config = yaml.safe_load((Path(run.folder) / "config.yaml").read_text())
    assert config["helpfulness_reward"] == judges["helpfulness_reward"].path
    assert config["safety_reward"] == judges["safety_reward"].path
    assert len(run.data_digest) == 64


def test_a_prompt_that_opens_like_a_held_out_one_of_another_project_does_not_train(
    collected: Project, base: ModelVersion, judges: dict[str, ModelVersion]
) -> None:
    other = make_project(slug="other")
    twin = make_prompt(other, "where is house 0 of  the TEST street?")
    Prompt.objects.filter(pk=twin.pk).update(split=Prompt.Split.TRAIN)
    run = prepared(PPO, {"base": base, **judges}, projects=[collected, other])
    assert len(rows(run.folder, "prompts.jsonl")) == 12
    manifest = json.loads((Path(run.folder) / "data" / "manifest.json").read_text())
    assert manifest["left_out"] == {"opens like a held-out prompt": 1}


def test_an_answer_that_was_found_unsafe_is_no_demonstration(base: ModelVersion) -> None:
    project = make_project(slug="safety", dimension="safety")
    for number, labels in enumerate([(True, False), (False, False), (None, None)]):
        prompt = make_prompt(project, f"How do I take boat {number}?")
        Prompt.objects.filter(pk=prompt.pk).update(split=Prompt.Split.TRAIN)
        comparison = make_comparison(project, prompt, a=f"Answer {number}.")
        make_preference(comparison, points=1, a_safe=labels[0], b_safe=labels[1])
    run = prepared(SFT, {"base": base}, projects=[project])
    learned = [row["messages"][-1]["content"] for row in rows(run.folder, "train.jsonl")]
    assert learned == ["Answer 0.", "Answer 2."]


def test_where_every_chosen_answer_is_unsafe_there_is_nothing_to_learn(base: ModelVersion) -> None:
    project = make_project(slug="safety", dimension="safety")
    prompt = make_prompt(project, "How do I take the boat?")
    Prompt.objects.filter(pk=prompt.pk).update(split=Prompt.Split.TRAIN)
    make_preference(make_comparison(project, prompt), points=1, a_safe=False, b_safe=False)
    with pytest.raises(ValidationError, match="no chosen answer to learn from"):
        start_training(Order(recipe=SFT, name="worse", models={"base": base}, projects=[project]))


def test_a_dialogue_is_taken_once_at_its_longest(base: ModelVersion) -> None:
    project = make_project(slug="talks")
    said = [("user", "Where is the inn?"), ("assistant", "At the quay."), ("user", "And the mill?")]
    messages = [{"role": role, "content": content} for role, content in said]
    make_prompt(project, messages=messages[:1])
    make_prompt(project, messages=messages)
    make_prompt(project, "Who is Marta?")
    Prompt.objects.update(split=Prompt.Split.TRAIN)
    run = prepared(GHOST_ATTENTION, {"base": base}, projects=[project])
    assert [len(row["messages"]) for row in rows(run.folder, "prompts.jsonl")] == [3, 1]


def test_rejection_sampling_takes_the_candidates_of_earlier_runs(
    collected: Project, base: ModelVersion, judges: dict[str, ModelVersion], tmp_path: Path
) -> None:
    candidate = {
        "prompt_id": "p",
        "messages": [{"role": "user", "content": "Where is the inn?"}],
        "answer": "At the quay.",
        "score": 1.5,
        "iteration": 1,
        "temperature": 0.7,
        "model": "d" * 64,
        "ended": True,
        "tag": None,
    }
    (tmp_path / "candidates.jsonl").write_text(json.dumps(candidate) + "\n")
    earlier = Run.objects.create(kind=REJECTION_SAMPLING.kind, name="first", status="done", folder=str(tmp_path))
    models = {"base": base, "policy": base, **judges}
    run = prepared(REJECTION_SAMPLING, models, projects=[collected], bag=[earlier])
    assert rows(run.folder, "candidates.jsonl") == [candidate]
    assert len(rows(run.folder, "prompts.jsonl")) == 12


def test_each_pair_of_a_mix_says_where_it_comes_from(collected: Project, tmp_path: Path) -> None:
    from workers.preparing import write_data

    make_project(slug="public")
    config = {"projects": ["harbour"], "open_projects": ["public"], "settings": {"mix": "helpfulness"}}
    run = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="mixed", config=config)
    for comparison in collected.comparisons.order_by("pk")[:3]:
        collected.comparisons.filter(pk=comparison.pk).update(project=Project.objects.get(slug="public"))
    write_data(run, tmp_path / "data")
    sources = [row["source"] for row in rows(tmp_path, "train.jsonl")]
    assert (sources.count("helpfulness"), sources.count("open")) == (9, 3)


# Files ----------------------------------------------------------------------------------------------------------------


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_demonstrations_come_from_a_file_in_either_form(collected: Project, base: ModelVersion, tmp_path: Path) -> None:
    said = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]}
    file = written(
        tmp_path / "given.jsonl",
        said | {"id": "a", "unknown": 1},
        "",
        {"prompt": "Who is Marta?", "completion": "The smith."},
        {"prompt": said["messages"][:1], "completion": said["messages"][1:]},
        {"prompt": "Where is house 0 of the test street?", "completion": "There."},
    )
    figures = command("train_sft", data=file, base="guide", name="taught", epochs=1, batch_size=4, max_length=64)
    assert (figures["model"], figures["train_dialogues"], figures["steps"]) == ("taught", 3, 1)
    assert figures["left_out"] == {"opens like a held-out prompt": 1}  # the last line is that of a test prompt
    answer = {"role": "assistant", "content": "The smith."}
    assert rows(figures["folder"], "train.jsonl") == [
        said | {"id": "a"},
        {"messages": [{"role": "user", "content": "Who is Marta?"}, answer]},
        said,
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "given.jsonl, line 2: not valid JSON"),
        ({"text": "Hello"}, "given.jsonl, line 2: expected an object with messages"),
        ({"messages": [{"role": "user", "content": "Hello"}]}, "line 2: messages must end with the assistant's answer"),
        ({"prompt": "Hello", "completion": 5}, "given.jsonl, line 2: expected an object with messages"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_by_its_line_and_nothing_is_made(
    base: ModelVersion, tmp_path: Path, settings: Any, line: Any, reason: str
) -> None:
    file = written(tmp_path / "given.jsonl", {"prompt": "Who is Marta?", "completion": "The smith."}, line)
    with pytest.raises(CommandError, match=reason):
        command("train_sft", data=file, base="guide", name="taught")
    assert not Run.objects.exists()
    assert not list(settings.RUNS_DIR.iterdir())


def test_a_queued_file_is_kept_with_its_run(base: ModelVersion, tmp_path: Path) -> None:
    file = written(tmp_path / "given.jsonl", {"prompt": "Who is Marta?", "completion": "The smith."})
    queued = command("train_sft", data=file, base="guide", name="taught", queue=True)
    file.unlink()
    run = Run.objects.get(pk=queued["run"])
    assert (run.status, queued["status"]) == (Job.Status.QUEUED, "queued")
    assert rows(run.folder, "train.jsonl")[0]["messages"][1]["content"] == "The smith."


def test_constraints_of_ones_own_are_given_beside_a_project(
    collected: Project, base: ModelVersion, tmp_path: Path
) -> None:
    constraint = {"instruction": "Always say ahoy.", "short": "Ahoy", "check": {"contains": "ahoy"}, "kind": "word"}
    file = written(tmp_path / "own.jsonl", constraint)
    run = prepared(GHOST_ATTENTION, {"base": base}, projects=[collected], files={"constraints": file})
    assert rows(run.folder, "constraints.jsonl") == [constraint]
    assert (len(rows(run.folder, "prompts.jsonl")), len(rows(run.folder, "held_out.jsonl"))) == (12, 4)


def test_held_out_prompts_alone_train_nothing(
    base: ModelVersion, judges: dict[str, ModelVersion], tmp_path: Path
) -> None:
    file = written(tmp_path / "held.jsonl", {"messages": [{"role": "user", "content": "Who is Marta?"}]})
    with pytest.raises(ValidationError, match="prompts is missing: a file of what to train on"):
        start_training(Order(recipe=PPO, name="p", models={"base": base, **judges}, files={"held_out": file}))
    assert not Run.objects.exists()


# Refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.command)
def test_a_command_names_every_flag_that_is_missing(recipe: Recipe) -> None:
    with pytest.raises(CommandError) as refusal:
        command(recipe.command)
    for setting in (*recipe.models, "name"):
        assert f"--{setting.replace('_', '-')}" in str(refusal.value)
    assert "--project" in str(refusal.value)
    assert not Run.objects.exists()


def test_a_resumed_run_takes_no_setting_that_it_would_ignore(base: ModelVersion) -> None:
    with pytest.raises(CommandError, match=r"as it was begun: leave out --base, --epochs, --queue\."):
        command("train_sft", resume=1, base="guide", epochs=3, queue=True)


def test_an_unknown_setting_is_named_with_its_file(base: ModelVersion, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("learning_rat: 0.1\n")
    with pytest.raises(CommandError, match=r"own\.yaml: unknown setting learning_rat; known are .*learning_rate"):
        command("train_sft", data=tmp_path / "data", base="guide", name="taught", config=tmp_path / "own.yaml")


@pytest.mark.parametrize("parameters", [10**6, 7 * 10**9])
def test_every_setting_has_a_default_that_can_be_told(parameters: int) -> None:
    for recipe in RECIPES.values():
        shipped = recipe.shipped_for(ModelVersion(parameters=parameters))
        of_class = {field.name: field.default for field in fields(recipe.config_class())}
        for setting in recipe.settings:
            told = shipped.get(setting.name, setting.default)
            assert told is not None, (recipe.command, setting.name)
            assert told == shipped.get(setting.name, of_class[setting.name]), (recipe.command, setting.name)


def test_models_of_the_wrong_kind_are_refused(
    collected: Project, base: ModelVersion, judges: dict[str, ModelVersion]
) -> None:
    right = {"base": base, **judges}
    for wrong, reason in (
        ({"base": judges["safety_reward"]}, "strict-judge is a safety reward model: it can't be the base here"),
        ({"helpfulness_reward": base}, "guide is a policy: it can't be the helpfulness reward model here"),
        ({"helpfulness_reward": judges["safety_reward"]}, "strict-judge is a safety reward model"),
    ):
        with pytest.raises(ValidationError, match=reason):
            start_training(Order(recipe=PPO, name="policy", models=right | wrong, projects=[collected]))
    assert not Run.objects.exists()


def test_a_bag_alone_is_learned_from_only_where_nothing_is_sampled(base: ModelVersion) -> None:
    order = Order(recipe=REJECTION_SAMPLING, name="small", models={"base": base}, settings={"k": 0})
    with pytest.raises(ValidationError, match="name earlier runs whose candidates are learned from"):
        start_training(order)
    unfinished = Run.objects.create(kind=REJECTION_SAMPLING.kind, name="first", status="failed")
    with pytest.raises(ValidationError, match="that is done"):
        start_training(
            Order(recipe=REJECTION_SAMPLING, name="small", models=order.models, settings={"k": 0}, bag=[unfinished])
        )


def test_a_bag_that_is_scored_anew_needs_a_reward_model(base: ModelVersion) -> None:
    done = Run.objects.create(kind=REJECTION_SAMPLING.kind, name="first", status="done")
    order = Order(recipe=REJECTION_SAMPLING, name="small", models={"base": base}, settings={"k": 0}, bag=[done])
    with pytest.raises(ValidationError, match="name a helpfulness reward model"):
        start_training(order)
    assert start_training(replace(order, settings={"k": 0, "rescore_earlier": False})).status == Job.Status.QUEUED
