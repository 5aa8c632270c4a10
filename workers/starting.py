"""Starting and resuming training runs, from a page or a command: checked in full, then queued. Loads no torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import Q
from django.template.defaultfilters import pluralize

from annotation.models import Demonstration, Preference, Project, Prompt
from modeling.registry.jobs import enqueue, reopen
from modeling.registry.models import Job, ModelVersion, Run
from workers.recipes import RECIPES, REJECTION_SAMPLING, REWARD_MODEL, SFT, Data, Recipe, check_settings, model_kinds

LEAST_PAIRS = 2
"""Fewer training pairs than these can't be told apart from a mistake."""

REWARD_KIND = {
    Project.Dimension.HELPFULNESS: ModelVersion.Kind.HELPFULNESS_REWARD,
    Project.Dimension.SAFETY: ModelVersion.Kind.SAFETY_REWARD,
}
TRAINS = (Project.TaskType.PREFERENCE, Project.TaskType.DEMONSTRATION)
"""Kinds of work that models learn from."""
BESIDE_PROJECTS = {"constraints"}
"""Files that are given beside a project's data, not instead of it."""
Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a training is asked to do."""

    recipe: Recipe
    name: str
    """Of the new model."""
    models: dict[str, ModelVersion]
    """By the recipe's settings: base, policy, helpfulness_reward, safety_reward."""
    projects: Sequence[Project] = ()
    files: dict[str, Path] = field(default_factory=dict)
    """Data from files instead of projects, by the names of the recipe's files; looked through by whoever gives them."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields of the recipe's config; those that are not given take what is shipped for a model of the base's size."""
    dimension: str = ""
    """Of a reward model."""
    open_projects: Sequence[Project] = ()
    """Projects that hold open data (imported public preferences): what a reward model's mix calls so."""
    bag: Sequence[Run] = ()
    """Earlier rejection sampling runs whose candidates are chosen from too."""

    @property
    def samples(self) -> bool:
        """Whether it answers prompts, or, as rejection sampling may, learns from a bag of earlier answers alone."""
        return self.recipe is not REJECTION_SAMPLING or self.settings.get("k") != 0

    @property
    def mix(self) -> str:
        return str(self.settings.get("mix", "none"))


def start_reward_training(
    projects: Sequence[Project],
    dimension: str,
    base: ModelVersion,
    name: str,
    settings: dict[str, Any],
    user: Person | None = None,
) -> Run:
    """Queue the training of a reward model on the preferences of one or several projects. Raises ValidationError, and
    then nothing was made."""
    order = Order(
        recipe=REWARD_MODEL,
        name=name,
        models={"base": base},
        projects=projects,
        settings=settings,
        dimension=dimension,
    )
    return start_training(order, user)


@transaction.atomic
def start_training(order: Order, user: Person | None = None) -> Run:
    """Queue a training run. Raises ValidationError, and then nothing was made."""
    check_order(order)
    config = {
        **({"projects": [project.slug for project in order.projects]} if order.projects else {}),
        **({"open_projects": [project.slug for project in order.open_projects]} if order.open_projects else {}),
        **({"files": {name: str(path) for name, path in order.files.items()}} if order.files else {}),
        **({"bag": [run.pk for run in order.bag]} if order.bag else {}),
        **({"dimension": str(order.dimension)} if order.dimension else {}),
        **{setting: model.name for setting, model in order.models.items()},
        "settings": order.settings,
    }
    run = Run.objects.create(kind=order.recipe.kind, name=order.name, config=config, created_by=user)
    run.inputs.set(order.models.values())
    enqueue(run)
    return run


# Checks ---------------------------------------------------------------------------------------------------------------


def check_order(order: Order) -> None:
    """Everything that can be known before a training starts, without torch. Raises ValidationError."""
    if order.recipe is REWARD_MODEL and order.dimension not in Project.Dimension.values:
        raise ValidationError(
            f"dimension must be one of {', '.join(Project.Dimension.values)}, got {order.dimension!r}"
        )
    check_new_name(order.name)
    check_models(order)
    check_settings(order.recipe, order.settings)
    check_batches(order)
    instead = set(order.files) - BESIDE_PROJECTS
    if instead and (order.projects or order.open_projects):
        raise ValidationError("The data comes from projects or from a file, not from both.")
    if instead and order.recipe.files[0][0] not in instead:
        raise ValidationError(f"{words(order.recipe.files[0][0])} is missing: a file of what to train on.")
    if order.recipe.data is Data.REFUSALS and (order.projects or not instead):
        raise ValidationError(f"{order.recipe.command} learns from a file of labelled answers: name one by --data.")
    if not order.samples and not order.bag:
        raise ValidationError("k is 0, so nothing is sampled: name earlier runs whose candidates are learned from.")
    if not instead and (order.projects or order.samples):
        check_projects(order)
    for run in order.bag:
        if run.kind != order.recipe.kind or run.status != Job.Status.DONE:
            raise ValidationError(
                f"{run.pk} is no {Run.Kind(order.recipe.kind).label} run that is done: it has no bag."
            )
    is_rescored = not order.samples and order.settings.get("rescore_earlier", True)
    if is_rescored and "helpfulness_reward" not in order.models:
        raise ValidationError(
            "Earlier answers are scored anew: name a helpfulness reward model, or set rescore_earlier to false."
        )


def check_models(order: Order) -> None:
    """Each model that the recipe needs is there, of the right kind, and has weights to load."""
    for setting in order.recipe.all_models:
        model = order.models.get(setting)
        if model is None and setting in order.recipe.models and (setting == "base" or order.samples):
            raise ValidationError(f"{setting} is missing: name a registered model.")
        if model is None:
            continue
        if model.stage == ModelVersion.Stage.RETIRED:
            raise ValidationError(f"{model} is retired: choose another {words(setting)}, or make it a candidate again.")
        if model.backend == ModelVersion.Backend.NAME_ONLY:
            raise ValidationError(f"{model} has no checkpoint to start from: it is only a name in imported data.")
        if model.backend != ModelVersion.Backend.LOCAL:
            raise ValidationError(
                f"{model} has no checkpoint here ({model.get_backend_display()}): training needs one."
            )
        if model.kind not in model_kinds(order.recipe, setting):
            raise ValidationError(f"{model} is a {model.get_kind_display()}: it can't be the {words(setting)} here.")
    base = order.models.get("base")
    if base is not None and base.is_reward_model and base.kind != REWARD_KIND[Project.Dimension(order.dimension)]:
        raise ValidationError(f"{base} is a {base.get_kind_display()}: it can't become one of {order.dimension}.")


def check_batches(order: Order) -> None:
    """A batch is cut into mini-batches without a rest, whichever of the two settings is the shipped one."""
    settings = {**order.recipe.shipped_for(order.models.get("base")), **order.settings}
    batch, mini_batch = settings.get("batch_size"), settings.get("mini_batch_size")
    if batch and mini_batch and batch % mini_batch:
        raise ValidationError(f"batch_size must be a multiple of mini_batch_size ({mini_batch}), got {batch}")


def check_projects(order: Order) -> None:
    """The projects may train, and there is something in them to train on."""
    projects = [*order.projects, *order.open_projects]
    if not projects:
        raise ValidationError("There is no project to train on: name at least one.")
    for project in projects:
        if project.task_type == Project.TaskType.DEMONSTRATION and order.recipe.data is not Data.DEMONSTRATIONS:
            raise ValidationError(f'"{project.slug}" holds demonstrations: they are what {SFT.command} learns from.')
        if project.task_type not in TRAINS:
            raise ValidationError(f'"{project.slug}" is an evaluation: its judgements must not train a model.')
        if project.archived_at:
            raise ValidationError(f'"{project.slug}" is archived: bring it back to the list first.')
    if order.recipe is REWARD_MODEL:
        check_dimensions(order)
    elif order.open_projects:
        raise ValidationError("Open projects belong to a reward model's mix.")
    slugs = ", ".join(project.slug for project in projects)
    if order.recipe.data is Data.PAIRS:
        pairs = trainable(projects).count()
        if pairs < LEAST_PAIRS:
            raise ValidationError(
                f"{slugs}: {pairs} preference{pluralize(pairs)} to train on (besides those held out for testing), at "
                f"least {LEAST_PAIRS} are needed. Collect or import some first."
            )
    elif order.recipe.data is Data.DEMONSTRATIONS:
        if not demonstrations(projects).exists() and not written_demonstrations(projects).exists():
            raise ValidationError(
                f"{slugs}: no demonstration and no chosen answer to learn from (besides those held out for testing). "
                "Collect or import some."
            )
    elif not training_prompts(projects, order.recipe).exists():
        wanted = "adversarial prompt" if order.recipe.data is Data.SAFETY_PROMPTS else "prompt"
        raise ValidationError(f"{slugs}: no {wanted} to train on (besides those held out for testing). Add some first.")


def check_dimensions(order: Order) -> None:
    """A reward model learns its own dimension; a mix adds the other one and open data to it (section 3.2.2)."""
    if order.mix == "none":
        if order.open_projects:
            raise ValidationError(f"Open projects are drawn from by a mix: choose the {order.dimension} mix.")
        for project in order.projects:
            if project.dimension != order.dimension:
                raise ValidationError(
                    f'"{project.slug}" collects preferences on {project.dimension}, not on {order.dimension}: '
                    "choose another project or dimension, or a mix."
                )
        return
    if order.mix != order.dimension:
        raise ValidationError(
            f"The {order.mix} mix is for a {order.mix} reward model, not for one of {order.dimension}."
        )
    own = [project for project in order.projects if project.dimension == order.dimension]
    if trainable(own).count() < LEAST_PAIRS:
        raise ValidationError(f"The {order.mix} mix needs a project with preferences on {order.dimension}: add one.")
    if len(own) == len(order.projects) and not order.open_projects:
        raise ValidationError(f"There is nothing to mix: add a project of another dimension than {order.dimension}.")
    if twice := {project.slug for project in order.projects} & {project.slug for project in order.open_projects}:
        raise ValidationError(f"{', '.join(sorted(twice))}: named as a project and as an open one, choose.")


def check_new_name(name: str, maker: Run | None = None) -> None:
    """Raises ValidationError where a model of this name exists, is being made by another run than `maker`, or could not
    be addressed."""
    check_name(name)
    if ModelVersion.objects.filter(name=name).exists():
        raise ValidationError(f'There is a model named "{name}" already: choose another name.')
    unfinished = Run.objects.filter(kind__in=RECIPES, name=name, status__in=(Job.Status.QUEUED, Job.Status.RUNNING))
    others = unfinished.exclude(pk=maker.pk) if maker else unfinished
    if run := others.first():
        raise ValidationError(f'Run {run.pk} is making a model named "{name}" already: choose another name.')


def check_name(name: str) -> None:
    """Raises ValidationError where a model's name can't stand in an address."""
    try:
        validate_slug(name)
    except ValidationError as error:
        raise ValidationError(f"name must be letters, digits, - and _ alone, got {name!r}") from error
    if len(name) > 100:
        raise ValidationError(f"name must have at most 100 characters, got {len(name)}")


def words(setting: str) -> str:
    """A setting's name as a person says it."""
    return setting.replace("_reward", " reward model").replace("_", " ")


# What there is to train on --------------------------------------------------------------------------------------------


def trainable(projects: Sequence[Project]) -> Any:
    """The current preferences for one of two answers, on prompts that train."""
    return Preference.objects.filter(
        current=True,
        comparison__project__in=projects,
        comparison__prompt__split=Prompt.Split.TRAIN,
        choice__in=(Preference.Choice.A, Preference.Choice.B),
    )


def demonstrations(projects: Sequence[Project]) -> Any:
    """The preferences whose chosen answer may be learned by heart: not one that was found unsafe."""
    choice_a, choice_b = Preference.Choice.A, Preference.Choice.B
    return trainable(projects).exclude(Q(choice=choice_a, a_safe=False) | Q(choice=choice_b, b_safe=False))


def written_demonstrations(projects: Sequence[Project]) -> Any:
    """The ideal answers that people wrote, to prompts that train."""
    return Demonstration.objects.filter(
        current=True, assignment__item__project__in=projects, prompt__split=Prompt.Split.TRAIN
    )


def training_prompts(projects: Sequence[Project], recipe: Recipe) -> Any:
    """The prompts that a recipe may answer in training."""
    prompts = Prompt.objects.filter(project__in=projects, split=Prompt.Split.TRAIN)
    if recipe.data is Data.SAFETY_PROMPTS:
        return prompts.filter(Q(project__dimension=Project.Dimension.SAFETY) | ~Q(risk_category=""))
    return prompts


@transaction.atomic
def resume_run(run: Run) -> None:
    """Queue a failed or cancelled run again; training goes on from its last checkpoint. Raises ValidationError."""
    if not reopen(run):
        raise ValidationError(f"Run {run.pk} is {run.status}: only a failed or cancelled run is resumed.")
    if run.kind in RECIPES and run.output is None:
        check_new_name(run.name, maker=run)
