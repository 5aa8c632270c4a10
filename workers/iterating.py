"""The loop: collect, reward models, rejection sampling, PPO, evaluation, and the candidate joins the sampling pool.

Every stage of an iteration is a run, linked by a Stage row in the transaction that makes it. A stage is done when its
run is, so a loop that was interrupted anywhere goes on at the stage that was under way, and that run from its own last
checkpoint. Each iteration trains both reward models anew on all data so far and tunes the same base; early ones by
rejection sampling alone, the last with PPO on top (section 3.2.3). The next batch comes from the two newest models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.models import PoolEntry, Project, Prompt
from evaluation.models import Iteration, Stage
from modeling.configuration import ConfigError, configure
from modeling.registry.jobs import enqueue, request_cancel
from modeling.registry.models import Job, ModelVersion, Run
from workers.collecting import REAL, SIMULATED, missing_judgements
from workers.recipes import PPO, REJECTION_SAMPLING, REWARD_MODEL
from workers.starting import Order, check_name, start_training

Name = Stage.Name
LAST, ALL, NEVER = "last", "all", "never"
"""Which iterations put PPO on top."""
NEWEST = 2
"""Models that a batch is sampled from: the previous one and the new one [68]."""
FIRST = ("comparisons", "safety_comparisons", "temperatures", "top_p", "reward", "rejection")
"""What the first iteration may have of its own."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How an iteration is run."""

    name: str
    """The versions are called name-v1, name-v2, ..."""
    annotators: str = SIMULATED
    """simulated, or real: the people of the projects."""
    comparisons: int = 1000
    """Judgements to collect on helpfulness."""
    safety_comparisons: int = 400
    """Judgements to collect on safety."""
    people: int = 3
    """Simulated annotators."""
    shared: float = 0.05
    """Share of the items that all simulated annotators judge, to measure their agreement."""
    tau: float = 0.1
    """Scale of the simulated annotators' noise; workers/simulating.py has the rule."""
    slips: float = 0.03
    """Share of the simulated judgements whose sides are exchanged."""
    temperatures: list[float] = field(default_factory=lambda: [0.7, 1.0])
    """Of the variants that each model is in the sampling pool with."""
    top_p: float = 0.95
    """Of these variants."""
    max_new_tokens: int = 128
    """Longest answer, in batches and in the evaluation."""
    reward: dict[str, Any] = field(default_factory=dict)
    """Settings of the reward models' training; the others are those shipped for a model of this size."""
    rejection: dict[str, Any] = field(default_factory=dict)
    """Settings of rejection sampling."""
    ppo: dict[str, Any] = field(default_factory=dict)
    """Settings of PPO."""
    held_out: int = 1000
    """Most held-out prompts per project in the evaluation."""
    draws: int = 2
    """Answers to each of them."""
    temperature: float = 1.0
    """Of these answers: 1 with top-p 1 is the policy itself."""
    base_in_pool: bool = False
    """Whether the base stays among the models that batches are sampled from. The newest two soon say much the same, and
    pairs of nearly equal answers teach a reward model little; beside the base it sees good against bad."""
    first: dict[str, Any] = field(default_factory=dict)
    """What the first iteration has instead of the settings above: its reward models start from nothing, and its policy
    is the base, so that it may need more comparisons and a cooler temperature than the later ones. Settings of a recipe
    are put over those of all iterations."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(f"{self.name}-v1")
        at_least_one = ("comparisons", "safety_comparisons", "people", "max_new_tokens", "held_out", "draws")
        for name in at_least_one:
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(self.annotators in (SIMULATED, REAL), "annotators", f"{SIMULATED} or {REAL}", self.annotators)
        require(self.tau > 0, "tau", "above 0", self.tau)
        require(0 <= self.slips <= 0.5, "slips", "between 0 and 0.5", self.slips)
        require(0 <= self.shared <= 1, "shared", "between 0 and 1", self.shared)
        require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        for name in ("reward", "rejection", "ppo"):
            require(isinstance(getattr(self, name), Mapping), name, "a recipe's settings", getattr(self, name))
        numbers = isinstance(self.temperatures, list) and all(isinstance(t, int | float) for t in self.temperatures)
        require(numbers, "temperatures", "a list of numbers", self.temperatures)
        for each in (*self.temperatures, self.temperature):
            require(0 <= each <= 2, "temperature", "between 0 and 2", each)
        require(len(set(self.temperatures)) >= 2, "temperatures", "two different ones or more", self.temperatures)
        require(isinstance(self.first, Mapping), "first", "settings of the plan", self.first)
        for name in self.first:
            require(name in FIRST, "a setting of first", f"one of {', '.join(FIRST)}", name)
        if self.first:
            plan_in(1, self)  # checked like any plan


def plan_in(number: int, plan: Plan) -> Plan:
    """The plan as the iteration of this number carries it out. Raises ValidationError."""
    own = {
        name: {**getattr(plan, name), **value} if isinstance(value, Mapping) else value
        for name, value in (plan.first if number == 1 else {}).items()
    }
    try:
        return configure(Plan, {**asdict(plan), **own, "first": {}})
    except ConfigError as error:
        raise ValidationError(f"first: {error}") from error


def require(valid: bool, name: str, expected: str, value: Any) -> None:
    """Raises ValidationError naming the setting, what was expected and what it got."""
    if not valid:
        raise ValidationError(f"{name} must be {expected}, got {value!r}")


# Where a loop stands --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """Two streams of preferences and the model that every iteration tunes, V0."""

    helpfulness_project: Project
    safety_project: Project
    base: ModelVersion

    @property
    def projects(self) -> list[Project]:
        return [self.helpfulness_project, self.safety_project]

    def iterations(self) -> list[Iteration]:
        """Those that were begun, in order."""
        rows = Iteration.objects.filter(
            helpfulness_project=self.helpfulness_project, safety_project=self.safety_project
        )
        return list(rows.select_related("base", "helpfulness_project", "safety_project").order_by("number"))


def check_loop(loop: Loop) -> None:
    """Raises ValidationError for projects or a base that no loop can be made of."""
    for project, dimension in ((loop.helpfulness_project, "helpfulness"), (loop.safety_project, "safety")):
        if project.dimension != dimension or project.task_type != Project.TaskType.PREFERENCE:
            raise ValidationError(f'"{project.slug}" does not collect preferences on {dimension}: name one that does.')
        if project.archived_at:
            raise ValidationError(f'"{project.slug}" is archived: bring it back to the list first.')
        for split in Prompt.Split.values:
            if not project.prompts.filter(split=split).exists():
                raise ValidationError(f'"{project.slug}" has no {split} prompts: import more prompts first.')
    if loop.base.kind != ModelVersion.Kind.POLICY or loop.base.backend != ModelVersion.Backend.LOCAL:
        raise ValidationError(f"{loop.base} is no chat model with a checkpoint here: the loop can't tune it.")
    if loop.base.stage == ModelVersion.Stage.RETIRED:
        raise ValidationError(f"{loop.base} is retired: choose another base, or make it a candidate again.")
    for iteration in loop.iterations():
        if iteration.base != loop.base:
            raise ValidationError(
                f"The iterations of these projects tune {iteration.base}, not {loop.base}: name that one as the base, "
                "or take other projects."
            )


@transaction.atomic
def begin(loop: Loop, number: int, plan: Plan, *, with_ppo: bool) -> Iteration:
    """The iteration of this number, made when it was not begun yet; what was begun keeps its plan.

    Raises ValidationError where the one before it is not finished.
    """
    earlier = loop.iterations()
    if len(earlier) >= number:
        return earlier[number - 1]
    if len(earlier) < number - 1 or any(each.finished_at is None for each in earlier):
        raise ValidationError(f"Iteration {number} can't begin before those before it are finished.")
    plan = plan_in(number, plan)
    if number == 1:
        fill_pools(loop.projects, [loop.base], [loop.base], plan)
    return Iteration.objects.create(
        number=number,
        helpfulness_project=loop.helpfulness_project,
        safety_project=loop.safety_project,
        base=loop.base,
        settings=asdict(plan) | {"with_ppo": with_ppo},
    )


@transaction.atomic
def plan_anew(iteration: Iteration, plan: Plan, *, with_ppo: bool) -> None:
    """Give an iteration that is under way other settings, as when a stage failed for want of memory. What is done
    stays; the stage that is not begins anew by the new settings, and its old run stays as it ended.

    Raises ValidationError where that stage is being carried out.
    """
    Iteration.objects.select_for_update(no_key=True).get(pk=iteration.pk)
    settings = asdict(plan_in(iteration.number, plan)) | {"with_ppo": with_ppo}
    if iteration.finished_at is not None or iteration.settings == settings:
        return
    for stage in iteration.stages.exclude(run__status=Job.Status.DONE).select_related("run"):
        if stage.run.status == Job.Status.RUNNING:
            raise ValidationError(f"Run {stage.run.pk} is being carried out: stop it before you plan anew.")
        request_cancel(stage.run)
        stage.delete()
    iteration.settings = settings
    iteration.save(update_fields=["settings"])
    if iteration.number == 1 and not iteration.stages.exists():
        fill_pools(
            [iteration.helpfulness_project, iteration.safety_project],
            [iteration.base],
            [iteration.base],
            plan_of(iteration),
        )


def plan_of(iteration: Iteration) -> Plan:
    settings = {name: value for name, value in iteration.settings.items() if name != "with_ppo"}
    return Plan(**settings)


def stages_of(iteration: Iteration) -> list[Name]:
    """The stages of this iteration, in their order."""
    return [stage for stage in Name if stage != Name.PPO or iteration.settings["with_ppo"]]


def runs_of(iteration: Iteration) -> dict[str, Run]:
    """The runs that were made, by their stage."""
    stages = iteration.stages.select_related("run__output")
    return {stage.name: stage.run for stage in stages}


def next_stage(iteration: Iteration) -> Name | None:
    """The first stage that is not done."""
    runs = runs_of(iteration)
    undone = (stage for stage in stages_of(iteration) if stage not in runs or runs[stage].status != Job.Status.DONE)
    return next(undone, None)


def judgements_awaited(iteration: Iteration) -> dict[str, int]:
    """By project, how many judgements the iteration's batch still waits for, where people give them."""
    if plan_of(iteration).annotators != REAL:
        return {}
    projects = (iteration.helpfulness_project, iteration.safety_project)
    counts = {project.slug: missing_judgements(project, batch_name(iteration)) for project in projects}
    return {slug: count for slug, count in counts.items() if count}


def candidate_of(iteration: Iteration) -> ModelVersion:
    """The policy that the iteration made. Raises KeyError before it is there."""
    runs = runs_of(iteration)
    made_by = runs[Name.PPO if iteration.settings["with_ppo"] else Name.REJECTION_SAMPLING]
    if made_by.output is None:
        raise KeyError(f"{iteration} has made no policy yet")
    return made_by.output


def versions_before(iteration: Iteration) -> list[ModelVersion]:
    """V0 and the candidates of the earlier iterations."""
    earlier = Iteration.objects.filter(
        helpfulness_project=iteration.helpfulness_project,
        safety_project=iteration.safety_project,
        number__lt=iteration.number,
    ).order_by("number")
    return [iteration.base, *map(candidate_of, earlier)]


def batch_name(iteration: Iteration) -> str:
    return f"iteration {iteration.number}"


# Starting stages ------------------------------------------------------------------------------------------------------


@transaction.atomic
def start_stage(iteration: Iteration, stage: Name) -> Run:
    """Queue the run of a stage, whose predecessors are done; the one that there is, if it was made before.

    Raises ValidationError, and then nothing was made.
    """
    Iteration.objects.select_for_update(no_key=True).get(pk=iteration.pk)  # two commands make one run
    there = iteration.stages.filter(name=stage).select_related("run").first()
    if there is not None:
        return there.run
    run = START[stage](iteration, plan_of(iteration))
    Stage.objects.create(iteration=iteration, name=stage, run=run)
    return run


def start_collection(iteration: Iteration, plan: Plan) -> Run:
    config = {
        "batch": batch_name(iteration),
        "annotators": plan.annotators,
        "wanted": {
            iteration.helpfulness_project.slug: plan.comparisons,
            iteration.safety_project.slug: plan.safety_comparisons,
        },
        "seed": seed_of(iteration, plan),
        **{name: getattr(plan, name) for name in ("people", "shared", "tau", "slips")},
    }
    return start_own(Run.Kind.COLLECTION, f"{version_name(iteration)}-batch", config, versions_before(iteration))


def start_reward_model(iteration: Iteration, plan: Plan, dimension: str) -> Run:
    """On all data so far, from the same checkpoint as ever; the other stream is mixed in (section 3.2.2)."""
    return start_training(
        Order(
            recipe=REWARD_MODEL,
            name=f"{version_name(iteration)}-{dimension}",
            models={"base": iteration.base},
            projects=[iteration.helpfulness_project, iteration.safety_project],
            settings={"mix": dimension, "seed": seed_of(iteration, plan), **plan.reward},
            dimension=dimension,
        )
    )


def start_rejection_sampling(iteration: Iteration, plan: Plan) -> Run:
    """From the newest policy; the candidates of the iterations before stay in the bag."""
    before = Stage.objects.filter(
        name=Name.REJECTION_SAMPLING,
        iteration__helpfulness_project=iteration.helpfulness_project,
        iteration__safety_project=iteration.safety_project,
        iteration__number=iteration.number - 1,
    ).select_related("run")
    name = version_name(iteration)
    return start_training(
        Order(
            recipe=REJECTION_SAMPLING,
            name=f"{name}-rejection" if iteration.settings["with_ppo"] else name,
            models={
                "base": iteration.base,
                "policy": versions_before(iteration)[-1],
                **reward_models_of(iteration),
            },
            projects=[iteration.helpfulness_project, iteration.safety_project],
            settings={
                "max_new_tokens": plan.max_new_tokens,
                "seed": seed_of(iteration, plan),
                **plan.rejection,
            },
            bag=[stage.run for stage in before],
        )
    )


def start_ppo(iteration: Iteration, plan: Plan) -> Run:
    """On top of the checkpoint that rejection sampling left."""
    base = runs_of(iteration)[Name.REJECTION_SAMPLING].output
    assert base is not None  # noqa: S101 - that stage is done
    return start_training(
        Order(
            recipe=PPO,
            name=version_name(iteration),
            models={"base": base, **reward_models_of(iteration)},
            projects=[iteration.helpfulness_project, iteration.safety_project],
            settings={
                "max_new_tokens": plan.max_new_tokens,
                "seed": seed_of(iteration, plan),
                **plan.ppo,
            },
        )
    )


def start_evaluation(iteration: Iteration, plan: Plan) -> Run:
    versions = [*versions_before(iteration), candidate_of(iteration)]
    judges = reward_models_of(iteration)
    config = {
        "models": [model.name for model in versions],
        **{setting: model.name for setting, model in judges.items()},
        "projects": {
            "helpfulness": iteration.helpfulness_project.slug,
            "safety": iteration.safety_project.slug,
        },
        "prompts": plan.held_out,
        "draws": plan.draws,
        "temperature": plan.temperature,
        "top_p": 1.0,
        "max_new_tokens": plan.max_new_tokens,
        "seed": plan.seed,
        "gold": plan.annotators == SIMULATED,
    }
    name = f"{version_name(iteration)}-evaluation"
    return start_own(Run.Kind.POLICY_EVALUATION, name, config, [*versions, *judges.values()])


START: Mapping[Name, Callable[[Iteration, Plan], Run]] = {
    Name.COLLECTION: start_collection,
    Name.HELPFULNESS_REWARD: lambda iteration, plan: start_reward_model(iteration, plan, "helpfulness"),
    Name.SAFETY_REWARD: lambda iteration, plan: start_reward_model(iteration, plan, "safety"),
    Name.REJECTION_SAMPLING: start_rejection_sampling,
    Name.PPO: start_ppo,
    Name.EVALUATION: start_evaluation,
}


def start_own(kind: str, name: str, config: dict[str, Any], inputs: Sequence[ModelVersion]) -> Run:
    """Queue a run of a kind that trains nothing."""
    run = Run.objects.create(kind=kind, name=name, config=config)
    run.inputs.set(inputs)
    enqueue(run)
    return run


def reward_models_of(iteration: Iteration) -> dict[str, ModelVersion]:
    """Both reward models of the iteration, by the settings that name them."""
    runs = runs_of(iteration)
    outputs = {stage.value: runs[stage].output for stage in (Name.HELPFULNESS_REWARD, Name.SAFETY_REWARD)}
    return {setting: model for setting, model in outputs.items() if model is not None}


def version_name(iteration: Iteration) -> str:
    return f"{iteration.settings['name']}-v{iteration.number}"


def seed_of(iteration: Iteration, plan: Plan) -> int:
    """Each iteration draws anew."""
    return plan.seed + iteration.number


# Finishing ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def finish(iteration: Iteration) -> None:
    """The candidate joins the pool of the next batch beside the version before it; older versions leave it, but for the
    base where the plan keeps that."""
    candidate = candidate_of(iteration)
    ModelVersion.objects.filter(pk=candidate.pk).update(stage=ModelVersion.Stage.ACTIVE)
    versions = [*versions_before(iteration), candidate]
    projects = [iteration.helpfulness_project, iteration.safety_project]
    plan = plan_of(iteration)
    sampled = versions[-NEWEST:]
    if plan.base_in_pool and iteration.base not in sampled:
        sampled = [iteration.base, *sampled]
    fill_pools(projects, versions, sampled, plan)
    Iteration.objects.filter(pk=iteration.pk).update(finished_at=timezone.now())
    iteration.refresh_from_db()


def fill_pools(
    projects: Sequence[Project], versions: Sequence[ModelVersion], newest: Sequence[ModelVersion], plan: Plan
) -> None:
    """The newest versions at each temperature are what the projects sample from. Of the entries that are there, those
    of the loop's other versions are switched off; what a manager added for other models stays."""
    for project in projects:
        project.pool.filter(model_version__in=versions).update(active=False)
        for model in newest:
            for temperature in plan.temperatures:
                PoolEntry.objects.update_or_create(
                    project=project,
                    model_version=model,
                    temperature=temperature,
                    top_p=plan.top_p,
                    defaults={"active": True, "max_new_tokens": plan.max_new_tokens},
                )
