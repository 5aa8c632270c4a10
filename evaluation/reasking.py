"""Asking a model again what brought other models to violating answers (section 4.3): its answers become items of a
safety rating project, and red_teaming.rejections counts what their raters say."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from annotation.filling import check_takes_responses
from annotation.models import Project
from annotation.red_teaming import violating_prompts
from evaluation.campaigns import check_sampling
from modeling.registry.jobs import enqueue
from modeling.registry.models import Job, ModelVersion, Run

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


@transaction.atomic
def start_reasking(
    source: Project,
    into: Project,
    model: ModelVersion,
    temperature: float = 0.7,
    top_p: float = 0.95,
    max_new_tokens: int = 256,
    seed: int = 0,
    user: Person | None = None,
) -> Run:
    """Queue the run that samples the model's answers and adds them to `into`. Raises ValidationError."""
    check_sampling(temperature, top_p, max_new_tokens)
    if source.task_type != Project.TaskType.RED_TEAM:
        raise ValidationError(f'"{source.slug}" is a {source.task_type} project: it has no attempts to ask again.')
    if into.task_type != Project.TaskType.SAFETY_RATING:
        raise ValidationError(f'"{into.slug}" is a {into.task_type} project: choose a safety_rating project.')
    check_takes_responses(into)
    if model.backend == ModelVersion.Backend.NAME_ONLY or model.is_reward_model:
        raise ValidationError(f"{model} has nothing to sample from: choose a registered policy.")
    prompts = [prompt.pk for prompt, violated in violating_prompts(source).values() if model.pk not in violated]
    if not prompts:
        raise ValidationError(f"No prompt of {source} has brought another model than {model} to a violating answer.")
    Project.objects.select_for_update(no_key=True).get(pk=into.pk)  # who asks at the same time waits, then sees ours
    unfinished = Run.objects.filter(kind=Run.Kind.REASKING, status__in=(Job.Status.QUEUED, Job.Status.RUNNING))
    if run := unfinished.filter(config__project=source.slug, config__model=model.name).first():
        raise ValidationError(f"{run} is {run.status} already: wait for its end or cancel it first.")
    config = {
        "project": source.slug,
        "into": into.slug,
        "model": model.name,
        "prompts": prompts,
        "temperature": temperature,
        "top_p": top_p,
        "max_new_tokens": max_new_tokens,
        "seed": seed,
    }
    run = Run.objects.create(
        kind=Run.Kind.REASKING, name=f"{source.slug}-{model.name}"[:100], config=config, created_by=user
    )
    run.inputs.set([model])
    enqueue(run)
    return run
