"""Starting and resuming reward training, from a page or a command: checked in full, then queued. Loads no torch."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.template.defaultfilters import pluralize

from annotation.models import Preference, Project, Prompt
from modeling.registry.jobs import enqueue, reopen
from modeling.registry.models import Job, ModelVersion, Run

LEAST_PAIRS = 2
"""Fewer training pairs than these can't be told apart from a mistake."""

REWARD_KIND = {
    Project.Dimension.HELPFULNESS: ModelVersion.Kind.HELPFULNESS_REWARD,
    Project.Dimension.SAFETY: ModelVersion.Kind.SAFETY_REWARD,
}
RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 100),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-8, 0.1),
    "safety_weight": (0, 100),
    "max_length": (8, 1_048_576),
    "seed": (0, 2**31 - 1),
}
"""What whoever starts a training may set, least and most; modeling/reward_config.py says what each setting means."""
MARGINS = ("small", "large", "none")
"""The scales of the ranking loss's margin (section 3.2.2)."""
Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


@transaction.atomic
def start_reward_training(
    projects: Sequence[Project],
    dimension: str,
    base: ModelVersion,
    name: str,
    settings: dict[str, Any],
    user: Person | None = None,
) -> Run:
    """Queue the training of a reward model on the preferences of one or several projects.

    settings: fields of modeling.reward_config.RewardConfig; those that are not given take what is shipped for a model
    of the base's size. Raises ValidationError, and then nothing was made.
    """
    check_reward_training(projects, dimension, base, name, settings)
    config = {
        "projects": [project.slug for project in projects],
        "dimension": str(dimension),
        "base": base.name,
        "settings": settings,
    }
    run = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name=name, config=config, created_by=user)
    run.inputs.set([base])
    enqueue(run)
    return run


def check_reward_training(
    projects: Sequence[Project], dimension: str, base: ModelVersion, name: str, settings: dict[str, Any]
) -> None:
    """Everything that can be known before a training starts, without torch. Raises ValidationError."""
    if dimension not in Project.Dimension.values:
        raise ValidationError(f"dimension must be one of {', '.join(Project.Dimension.values)}, got {dimension!r}")
    check_new_name(name)
    if not projects:
        raise ValidationError("There is no project to train on: name at least one.")
    for project in projects:
        if project.task_type != Project.TaskType.PREFERENCE:
            raise ValidationError(f'"{project.slug}" is an evaluation: its judgements must not train a model.')
        if project.archived_at:
            raise ValidationError(f'"{project.slug}" is archived: bring it back to the list first.')
        if project.dimension != dimension:
            raise ValidationError(
                f'"{project.slug}" collects preferences on {project.dimension}, not on {dimension}: '
                "choose another project or dimension."
            )
    if base.stage == ModelVersion.Stage.RETIRED:
        raise ValidationError(f"{base} is retired: choose another base, or make it a candidate again.")
    if base.backend != ModelVersion.Backend.LOCAL:
        raise ValidationError(f"{base} has no checkpoint to start from: it is only a name in imported data.")
    if base.is_reward_model and base.kind != REWARD_KIND[Project.Dimension(dimension)]:
        raise ValidationError(f"{base} is a {base.get_kind_display()}: it can't become one of {dimension}.")
    pairs = trainable(projects).count()
    if pairs < LEAST_PAIRS:
        raise ValidationError(
            f"{', '.join(project.slug for project in projects)}: {pairs} preference{pluralize(pairs)} to train on "
            f"(besides those held out for testing), at least {LEAST_PAIRS} are needed. Collect or import some first."
        )
    check_settings(settings)


def check_settings(settings: dict[str, Any]) -> None:
    """Raises ValidationError for a setting out of its range."""
    for name, (least, most) in RANGES.items():
        if name in settings and not least <= settings[name] <= most:  # put so that nan is refused too
            raise ValidationError(f"{name} must be between {least} and {most}, got {settings[name]}")
    margin = settings.get("margin", MARGINS[0])
    if margin not in MARGINS:
        raise ValidationError(f"margin must be one of {', '.join(MARGINS)}, got {margin!r}")


def check_new_name(name: str, maker: Run | None = None) -> None:
    """Raises ValidationError where a model of this name exists, is being made by another run than `maker`, or could not
    be addressed."""
    check_name(name)
    if ModelVersion.objects.filter(name=name).exists():
        raise ValidationError(f'There is a model named "{name}" already: choose another name.')
    unfinished = Run.objects.filter(
        kind=Run.Kind.REWARD_MODEL, name=name, status__in=(Job.Status.QUEUED, Job.Status.RUNNING)
    )
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


def trainable(projects: Sequence[Project]) -> Any:
    """The current preferences for one of two answers, on prompts that train."""
    return Preference.objects.filter(
        current=True,
        comparison__project__in=projects,
        comparison__prompt__split=Prompt.Split.TRAIN,
        choice__in=(Preference.Choice.A, Preference.Choice.B),
    )


@transaction.atomic
def resume_run(run: Run) -> None:
    """Queue a failed or cancelled run again; training goes on from its last checkpoint. Raises ValidationError."""
    if not reopen(run):
        raise ValidationError(f"Run {run.pk} is {run.status}: only a failed or cancelled run is resumed.")
    if run.kind == Run.Kind.REWARD_MODEL and run.output is None:
        check_new_name(run.name, maker=run)
