"""The loop: which stages an iteration has, that each is done once, that it goes on where it was interrupted, and how
its candidate joins the sampling pool."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from annotation.models import PoolEntry, Preference, Project, Prompt
from evaluation.models import Iteration, Stage
from modeling.demonstration import world
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_comparison, make_model, make_preference, make_project, make_prompt
from tests.workers.conftest import CARELESS, local_model
from workers import runs as run_execution
from workers.carrying import JobError
from workers.iterating import (
    Loop,
    Name,
    Plan,
    begin,
    candidate_of,
    check_loop,
    finish,
    next_stage,
    plan_anew,
    stages_of,
    start_stage,
    versions_before,
)
from workers.recipes import RECIPES

pytestmark = pytest.mark.django_db(transaction=True)
RATE = {"value": 0.6, "low": 0.5, "high": 0.7}


@pytest.fixture
def loop() -> Loop:
    """Two projects with prompts on both sides of the split and some preferences, and a model to tune."""
    projects = [
        make_project(slug=f"harbour-{dimension}", dimension=dimension) for dimension in ("helpfulness", "safety")
    ]
    for project in projects:
        for number in range(4):
            prompt = make_prompt(project, f"Question {number} on {project.dimension}?")
            Prompt.objects.filter(pk=prompt.pk).update(split="train" if number else "test")
            make_preference(make_comparison(project, prompt), points=1)
    base = make_model("guide", backend=ModelVersion.Backend.LOCAL, path="/nowhere", parameters=2_000_000)
    return Loop(projects[0], projects[1], base)


@pytest.fixture
def carried_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Runs end well at once and leave what their kind leaves; the kinds, in the order in which they were carried out.
    What the runs really do is tested where it is written, and at the end of this file."""
    kinds: list[str] = []

    def execute(run: Run, should_stop: object, show: object = None) -> None:
        kinds.append(run.kind)
        leave_what_it_leaves(run)

    monkeypatch.setattr(run_execution, "execute", execute)
    yield kinds


def leave_what_it_leaves(run: Run) -> None:
    kind = {"helpfulness": "helpfulness_reward", "safety": "safety_reward"}.get(
        run.config.get("dimension", ""), "policy"
    )
    if run.kind in RECIPES:
        run.output = make_model(run.name, kind=kind, backend=ModelVersion.Backend.LOCAL, path="/nowhere")
        run.report = {"accuracy": {"n": 10, "accuracy": 0.7, "low": 0.4, "high": 0.9}}
    elif run.kind == Run.Kind.POLICY_EVALUATION:
        judged = {"helpfulness": RATE, "safety": RATE, "violations": RATE}
        versions = [{"number": n, "model": name, "reward": judged} for n, name in enumerate(run.config["models"])]
        run.report = {"versions": versions, "judges": {}, "prompts": {"helpfulness": 1, "safety": 1}, "draws": 1}
    run.save(update_fields=["output", "report"])


def done(run: Run) -> Run:
    """The run, carried out by hand."""
    job = claim(Run, run.pk)
    assert job is not None
    leave_what_it_leaves(job)
    Run.objects.filter(pk=run.pk).update(status=Job.Status.DONE)
    run.refresh_from_db()
    return run


def run_through(iteration: Iteration) -> Iteration:
    while (stage := next_stage(iteration)) is not None:
        done(start_stage(iteration, stage))
    finish(iteration)
    return iteration


# Stages ---------------------------------------------------------------------------------------------------------------


def test_only_an_iteration_with_ppo_has_that_stage(loop: Loop) -> None:
    with_ppo = begin(loop, 1, Plan(name="guide"), with_ppo=True)
    assert [stage.value for stage in stages_of(with_ppo)] == [
        "collection", "helpfulness_reward", "safety_reward", "rejection_sampling", "ppo", "evaluation",
    ]  # fmt: skip
    with_ppo.settings["with_ppo"] = False
    assert Name.PPO not in stages_of(with_ppo)


def test_a_stage_comes_when_those_before_it_are_done(loop: Loop) -> None:
    iteration = begin(loop, 1, Plan(name="guide"), with_ppo=False)
    assert next_stage(iteration) == Name.COLLECTION
    run = start_stage(iteration, Name.COLLECTION)
    assert next_stage(iteration) == Name.COLLECTION, "it is queued, not done"
    Run.objects.filter(pk=run.pk).update(status=Job.Status.FAILED)
    assert next_stage(iteration) == Name.COLLECTION, "what failed is not done either"
    Run.objects.filter(pk=run.pk).update(status=Job.Status.DONE)
    assert next_stage(iteration) == Name.HELPFULNESS_REWARD


def test_a_stage_has_one_run_however_often_it_is_started(loop: Loop) -> None:
    iteration = begin(loop, 1, Plan(name="guide"), with_ppo=False)
    assert start_stage(iteration, Name.COLLECTION) == start_stage(iteration, Name.COLLECTION)
    assert Run.objects.count() == Stage.objects.count() == 1


def test_reward_models_are_trained_anew_from_the_base_on_both_streams(loop: Loop) -> None:
    iteration = begin(loop, 1, Plan(name="guide", reward={"epochs": 2}), with_ppo=False)
    done(start_stage(iteration, Name.COLLECTION))
    run = start_stage(iteration, Name.SAFETY_REWARD)
    assert (run.kind, run.name, run.config["base"]) == ("reward_model", "guide-v1-safety", "guide")
    assert run.config["projects"] == ["harbour-helpfulness", "harbour-safety"]
    assert run.config["settings"] == {"mix": "safety", "seed": 1, "epochs": 2}


def test_rejection_sampling_samples_the_newest_model_tunes_the_base_and_keeps_the_bag(loop: Loop) -> None:
    first = run_through(begin(loop, 1, Plan(name="guide"), with_ppo=False))
    second = begin(loop, 2, Plan(name="guide"), with_ppo=False)
    for stage in (Name.COLLECTION, Name.HELPFULNESS_REWARD, Name.SAFETY_REWARD):
        done(start_stage(second, stage))
    config = start_stage(second, Name.REJECTION_SAMPLING).config
    assert (config["base"], config["policy"]) == ("guide", "guide-v1")
    assert (config["helpfulness_reward"], config["safety_reward"]) == ("guide-v2-helpfulness", "guide-v2-safety")
    assert config["bag"] == [first.stages.get(name="rejection_sampling").run_id]


def test_ppo_starts_from_the_checkpoint_of_rejection_sampling(loop: Loop) -> None:
    iteration = begin(loop, 1, Plan(name="guide"), with_ppo=True)
    while (stage := next_stage(iteration)) != Name.EVALUATION:
        assert stage is not None
        done(start_stage(iteration, stage))
    ppo = iteration.stages.get(name="ppo").run
    assert (ppo.config["base"], ppo.name) == ("guide-v1-rejection", "guide-v1")
    assert candidate_of(iteration).name == "guide-v1"


def test_the_evaluation_compares_every_version_with_the_newest_reward_models(loop: Loop) -> None:
    run_through(begin(loop, 1, Plan(name="guide"), with_ppo=False))
    second = run_through(begin(loop, 2, Plan(name="guide"), with_ppo=False))
    config = second.stages.get(name="evaluation").run.config
    assert config["models"] == ["guide", "guide-v1", "guide-v2"]
    assert config["helpfulness_reward"] == "guide-v2-helpfulness"


# Iterations -----------------------------------------------------------------------------------------------------------


def test_an_iteration_begins_when_the_one_before_it_is_finished(loop: Loop) -> None:
    with pytest.raises(ValidationError, match="Iteration 2 can't begin"):
        begin(loop, 2, Plan(name="guide"), with_ppo=False)
    begin(loop, 1, Plan(name="guide"), with_ppo=False)
    with pytest.raises(ValidationError, match="Iteration 2 can't begin"):
        begin(loop, 2, Plan(name="guide"), with_ppo=False)


def test_what_was_begun_keeps_its_plan(loop: Loop) -> None:
    first = begin(loop, 1, Plan(name="guide", comparisons=50), with_ppo=False)
    again = begin(loop, 1, Plan(name="guide", comparisons=90), with_ppo=True)
    assert again == first
    assert (again.settings["comparisons"], again.settings["with_ppo"]) == (50, False)


def test_the_first_batch_is_sampled_from_the_base_at_several_temperatures(loop: Loop) -> None:
    begin(loop, 1, Plan(name="guide", temperatures=[0.5, 0.9]), with_ppo=False)
    for project in loop.projects:
        assert list(project.pool.order_by("temperature").values_list("temperature", flat=True)) == [0.5, 0.9]


def test_the_two_newest_versions_are_sampled_in_the_next_batch(loop: Loop) -> None:
    others = PoolEntry.objects.create(project=loop.helpfulness_project, model_version=make_model("other"))
    first = run_through(begin(loop, 1, Plan(name="guide"), with_ppo=False))
    assert in_pool(loop.safety_project) == {"guide", "guide-v1"}
    assert candidate_of(first).stage == ModelVersion.Stage.ACTIVE
    second = run_through(begin(loop, 2, Plan(name="guide"), with_ppo=False))
    assert in_pool(loop.safety_project) == {"guide-v1", "guide-v2"}
    assert in_pool(loop.helpfulness_project) == {"guide-v1", "guide-v2", "other"}
    assert PoolEntry.objects.get(pk=others.pk).active, "a manager's own entry stays"
    assert [model.name for model in versions_before(second)] == ["guide", "guide-v1"]


def test_a_base_that_is_kept_is_sampled_beside_the_newest_two(loop: Loop) -> None:
    plan = Plan(name="guide", base_in_pool=True)
    for number, expected in ((1, {"guide", "guide-v1"}), (2, {"guide", "guide-v1", "guide-v2"})):
        run_through(begin(loop, number, plan, with_ppo=False))
        assert in_pool(loop.safety_project) == expected
    run_through(begin(loop, 3, plan, with_ppo=False))
    assert in_pool(loop.safety_project) == {"guide", "guide-v2", "guide-v3"}


def test_the_first_iteration_may_have_settings_of_its_own(loop: Loop) -> None:
    own = {"comparisons": 70, "temperatures": [0.3, 0.4], "rejection": {"temperatures": [0.4]}}
    plan = Plan(name="guide", comparisons=20, rejection={"k": 4, "temperatures": [0.8]}, first=own)
    first = run_through(begin(loop, 1, plan, with_ppo=False))
    second = run_through(begin(loop, 2, plan, with_ppo=False))
    wanted = [each.stages.get(name="collection").run.config["wanted"] for each in (first, second)]
    assert [each["harbour-helpfulness"] for each in wanted] == [70, 20]
    recipes = [each.stages.get(name="rejection_sampling").run.config["settings"] for each in (first, second)]
    assert [(each["k"], each["temperatures"]) for each in recipes] == [(4, [0.4]), (4, [0.8])]


def in_pool(project: Project) -> set[str]:
    return set(project.pool.filter(active=True).values_list("model_version__name", flat=True))


# What is refused ------------------------------------------------------------------------------------------------------


def test_a_loop_needs_one_project_per_dimension_with_prompts_on_both_sides(loop: Loop) -> None:
    check_loop(loop)
    with pytest.raises(ValidationError, match='"harbour-safety" does not collect preferences on helpfulness'):
        check_loop(Loop(loop.safety_project, loop.helpfulness_project, loop.base))
    Prompt.objects.filter(project=loop.safety_project).update(split="train")
    with pytest.raises(ValidationError, match='"harbour-safety" has no test prompts'):
        check_loop(loop)


def test_a_retired_base_is_refused_before_anything_is_collected(loop: Loop) -> None:
    loop.base.stage = ModelVersion.Stage.RETIRED
    with pytest.raises(ValidationError, match="is retired: choose another base"):
        check_loop(loop)


def test_every_iteration_tunes_the_same_base(loop: Loop) -> None:
    begin(loop, 1, Plan(name="guide"), with_ppo=False)
    other = make_model("other", backend=ModelVersion.Backend.LOCAL, path="/nowhere")
    with pytest.raises(ValidationError, match="tune guide, not other"):
        check_loop(Loop(loop.helpfulness_project, loop.safety_project, other))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"comparisons": 0}, "comparisons must be at least 1, got 0"),
        ({"tau": 0.0}, r"tau must be above 0, got 0\.0"),
        ({"slips": 0.7}, "slips must be between 0 and 0.5"),
        ({"temperatures": [0.7]}, "temperatures must be two different ones or more"),
        ({"temperature": 3.0}, "temperature must be between 0 and 2"),
        ({"name": "a b"}, "name must be letters"),
        ({"first": {"seed": 3}}, "a setting of first must be one of comparisons, .*, got 'seed'"),
        ({"first": {"comparisons": 0}}, "comparisons must be at least 1, got 0"),
        ({"first": {"comparisons": "many"}}, "first: comparisons must be int, got 'many'"),
    ],
)
def test_a_plan_out_of_range_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Plan(**({"name": "guide"} | settings))


# The command ----------------------------------------------------------------------------------------------------------


def command(loop: Loop, tmp_path: Path, *more: str) -> dict[str, Any]:
    named = ["--helpfulness-project", loop.helpfulness_project.slug, "--safety-project", loop.safety_project.slug]
    named += ["--base", loop.base.name, "--annotators", "simulated", "--out", str(tmp_path / "out")]
    out = StringIO()
    call_command("run_iteration", *named, *more, stdout=out)
    line: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return line


KINDS = ["collection", "reward_model", "reward_model", "rejection_sampling", "policy_evaluation"]


def test_one_command_runs_all_iterations_and_draws_their_progress(
    loop: Loop, carried_out: list[str], tmp_path: Path
) -> None:
    line = command(loop, tmp_path, "--iterations", "2")
    assert carried_out == [*KINDS, *KINDS[:-1], "ppo", KINDS[-1]], "PPO is the last iteration's alone"
    assert [version["model"] for version in line["versions"]] == ["guide", "harbour-v1", "harbour-v2"]
    assert "V2" in Path(line["figure"]).read_text()
    stored = json.loads((tmp_path / "out" / "progress.json").read_text())
    assert stored["versions"] == line["versions"]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("end", [JobError("a full disk"), MemoryError()])
def test_the_same_command_goes_on_at_the_stage_that_was_interrupted(
    place: int,
    end: Exception,
    loop: Loop,
    carried_out: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    execute: Callable[..., None] = run_execution.execute

    def failing_once(run: Run, *rest: Any) -> None:
        if len(carried_out) == place:
            carried_out.append("interrupted")
            raise end
        execute(run, *rest)

    monkeypatch.setattr(run_execution, "execute", failing_once)
    with pytest.raises(CommandError, match="go on with: the same command"):
        command(loop, tmp_path)
    command(loop, tmp_path, "--ppo", "never", "--tau", "0.3")
    assert "goes on as it began: tau 0.1 (not 0.3), with_ppo True (not False)" in capsys.readouterr().err
    with_ppo = [*KINDS[:-1], "ppo", KINDS[-1]]
    assert carried_out == [*with_ppo[:place], "interrupted", *with_ppo[place:]], "nothing is done twice, or skipped"
    assert Run.objects.count() == 6


def test_an_iteration_whose_plan_failed_takes_another_one(
    loop: Loop, carried_out: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reward model runs out of memory; with a smaller budget it begins anew, and the batch stays as it was."""
    execute: Callable[..., None] = run_execution.execute

    def failing(run: Run, *rest: Any) -> None:
        if run.kind == Run.Kind.REWARD_MODEL and run.config["settings"].get("token_budget") != 512:
            raise JobError("out of memory: lower token_budget")
        execute(run, *rest)

    monkeypatch.setattr(run_execution, "execute", failing)
    with pytest.raises(CommandError, match="out of memory"):
        command(loop, tmp_path)
    (tmp_path / "plan.yaml").write_text("reward: {token_budget: 512}\n")
    smaller = ["--config", str(tmp_path / "plan.yaml")]
    with pytest.raises(CommandError, match="out of memory"):
        command(loop, tmp_path, *smaller)
    command(loop, tmp_path, *smaller, "--replan")
    assert carried_out == [*KINDS[:-1], "ppo", KINDS[-1]], "the batch is collected once"
    [iteration] = loop.iterations()
    assert iteration.settings["reward"] == {"token_budget": 512}
    assert Run.objects.filter(kind=Run.Kind.REWARD_MODEL, status=Job.Status.FAILED, stage=None).count() == 1


def test_what_is_being_carried_out_is_not_planned_anew(loop: Loop) -> None:
    iteration = begin(loop, 1, Plan(name="guide"), with_ppo=False)
    run = start_stage(iteration, Name.COLLECTION)
    assert claim(Run, run.pk) is not None
    with pytest.raises(ValidationError, match=f"Run {run.pk} is being carried out: stop it"):
        plan_anew(iteration, Plan(name="guide", tau=0.3), with_ppo=False)
    iteration.refresh_from_db()
    assert (iteration.settings["tau"], iteration.stages.count()) == (0.1, 1)


def test_a_first_batch_that_is_planned_anew_has_the_new_temperatures(loop: Loop) -> None:
    iteration = begin(loop, 1, Plan(name="guide"), with_ppo=False)
    plan_anew(iteration, Plan(name="guide", temperatures=[0.3, 0.5]), with_ppo=True)
    active = loop.safety_project.pool.filter(active=True).order_by("temperature")
    assert list(active.values_list("temperature", flat=True)) == [0.3, 0.5]
    assert Name.PPO in stages_of(iteration)


def test_a_stage_whose_process_was_killed_is_taken_up_again(loop: Loop, carried_out: list[str], tmp_path: Path) -> None:
    iteration = begin(loop, 1, Plan(name="harbour"), with_ppo=False)
    run = start_stage(iteration, Name.COLLECTION)
    assert claim(Run, run.pk) is not None
    Run.objects.filter(pk=run.pk).update(lease_until="2020-01-01T00:00:00Z")
    command(loop, tmp_path)
    assert carried_out == KINDS


def test_a_command_that_was_finished_only_draws(loop: Loop, carried_out: list[str], tmp_path: Path) -> None:
    first = command(loop, tmp_path)
    again = command(loop, tmp_path)
    assert again == first
    assert len(carried_out) == 6


def test_with_real_annotators_it_waits_for_their_judgements(loop: Loop, carried_out: list[str], tmp_path: Path) -> None:
    def collect(run: Run) -> None:
        from workers.collecting import queue

        for project in loop.projects:
            queue(project, run.config["wanted"][project.slug], run.config)

    iteration = begin(
        loop, 1, Plan(name="harbour", annotators="real", comparisons=2, safety_comparisons=1), with_ppo=False
    )
    run = start_stage(iteration, Name.COLLECTION)
    collect(run)
    Run.objects.filter(pk=run.pk).update(status=Job.Status.DONE)
    with pytest.raises(CommandError, match="2 in harbour-helpfulness, 1 in harbour-safety") as stopped:
        command(loop, tmp_path, "--annotators", "real")
    assert stopped.value.returncode == 75
    for project, count in ((loop.helpfulness_project, 2), (loop.safety_project, 1)):
        for _ in range(count):
            make_preference(make_comparison(project, project.prompts.first(), batch=project.open_batch))
    command(loop, tmp_path, "--annotators", "real")
    assert carried_out == KINDS[1:]
    assert Preference.objects.count() == 8 + 3


def test_nobody_is_simulated_in_a_teams_projects_unasked(loop: Loop) -> None:
    named = ["--helpfulness-project", loop.helpfulness_project.slug, "--safety-project", loop.safety_project.slug]
    with pytest.raises(CommandError, match="Say who judges"):
        call_command("run_iteration", *named, "--base", loop.base.name)
    assert not Iteration.objects.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--iterations", "0"], "--iterations must be at least 1, got 0"),
        (["--base", "guide"], "--helpfulness-project, --safety-project missing"),
        (["--annotators", "real"], "--annotators real needs --helpfulness-project"),
        (["--tau", "-1"], "tau must be above 0"),
    ],
)
def test_what_it_can_not_run_it_refuses(options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("run_iteration", *options)
    assert not Iteration.objects.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("comparison: 5\n", "unknown setting comparison; known are"),
        ("comparisons: many\n", "comparisons must be int, got 'many'"),
        ("temperatures: 1.0\n", "temperatures must be a list of numbers, got 1.0"),
        ("reward: 3\n", "reward must be a recipe's settings, got 3"),
        ("reward: {epochs: many}\n", "reward: epochs must be int, got 'many'"),
        ("rejection: {temperatures: [3]}\n", "rejection: temperatures must be"),
        ("first: {rejection: {temperatures: [3]}}\n", "rejection: temperatures must be"),
        ("ppo: {learning_rat: 1}\n", "ppo: unknown setting learning_rat"),
        ("ppo: {batch_size: 10, mini_batch_size: 4}\n", "ppo: batch_size must be a multiple of mini_batch_size"),
    ],
)
def test_a_config_that_can_not_be_read_is_refused(text: str, message: str, loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(CommandError, match=message):
        command(loop, tmp_path, "--config", str(tmp_path / "plan.yaml"))


def test_projects_and_models_that_are_not_there_are_named(loop: Loop) -> None:
    named = ["--helpfulness-project", "nowhere", "--safety-project", "harbour-safety", "--base", "guide"]
    with pytest.raises(CommandError, match='no project "nowhere"'):
        call_command("run_iteration", *named)


# The whole, with nothing left out -------------------------------------------------------------------------------------

SMALL = """
comparisons: 24
safety_comparisons: 16
shared: 0.2
draws: 1
max_new_tokens: 24
reward: {batch_size: 8, checkpoint_every: 100}
rejection: {k: 2, steps: 2, batch_size: 8, temperatures: [1.0], measured_prompts: 2}
ppo: {iterations: 1, batch_size: 8, mini_batch_size: 4, evaluate_every: 1}
"""


@pytest.mark.slow
def test_an_iteration_that_is_killed_after_every_stage_ends_as_if_it_had_not_been(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stage does its work and is torn away before it is recorded as done; no work is done a second time."""
    settings.RUNS_DIR = tmp_path / "runs"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "small.yaml").write_text(SMALL)
    loop = small_loop()
    torn: list[int] = []
    execute: Callable[..., None] = run_execution.execute

    def tearing(run: Run, *rest: Any) -> None:
        execute(run, *rest)
        if run.pk not in torn:
            torn.append(run.pk)
            raise MemoryError

    monkeypatch.setattr(run_execution, "execute", tearing)
    for _ in range(6):
        with pytest.raises(CommandError, match="go on with: the same command"):
            command(loop, tmp_path, "--config", str(tmp_path / "small.yaml"))
    line = command(loop, tmp_path, "--config", str(tmp_path / "small.yaml"))

    assert len(torn) == Run.objects.filter(status=Job.Status.DONE).count() == 6
    names = ["harbour-v1-helpfulness", "harbour-v1-safety", "harbour-v1-rejection", "harbour-v1"]
    assert list(ModelVersion.objects.order_by("pk").values_list("name", flat=True)) == ["guide", *names]
    assert [version["model"] for version in line["versions"]] == ["guide", "harbour-v1"]
    assert line["versions"][1]["iteration"]["comparisons"].keys() == {"harbour-helpfulness", "harbour-safety"}
    assert in_pool(loop.safety_project) == {"guide", "harbour-v1"}
    assert [str(batch) for batch in loop.safety_project.batches.all()] == ["iteration 1"]
    assert Path(line["figure"]).exists()


def small_loop() -> Loop:
    """Some of Merrowby's prompts, two of each project held out, and the careless model."""
    projects = []
    for is_safety in (False, True):
        dimension = "safety" if is_safety else "helpfulness"
        project = make_project(slug=f"harbour-{dimension}", dimension=dimension)
        asked = [each for each in world.prompts("train") if (each.risk_category is not None) == is_safety][:10]
        for number, each in enumerate(asked):
            prompt = make_prompt(project, each.text)
            Prompt.objects.filter(pk=prompt.pk).update(split="train" if number > 1 else "test")
        projects.append(project)
    return Loop(projects[0], projects[1], local_model("guide", CARELESS))
