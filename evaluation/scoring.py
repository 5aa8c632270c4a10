"""Which answers a reward model is to score, and starting the run that does it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from annotation.models import Batch, Comparison, Item, Project, Prompt, Response
from modeling.registry.jobs import enqueue
from modeling.registry.models import Job, ModelVersion, Run

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


def answers_in(project: Project, batch: Batch | None = None, *, held_out: bool = False) -> QuerySet[Response]:
    """The answers that are there to be scored: to the project's prompts, and those of other projects that its items
    hold; or those of one batch alone; or to held-out prompts alone."""
    items, comparisons = Item.objects.filter(project=project), Comparison.objects.filter(project=project)
    if batch:
        items, comparisons = items.filter(batch=batch), comparisons.filter(batch=batch)
    shown = [items.exclude(**{side: None}).values(side) for side in ("response_1", "response_2")]
    where = Q(pk__in=shown[0]) | Q(pk__in=shown[1])
    if batch:
        where |= Q(pk__in=comparisons.values("response_a")) | Q(pk__in=comparisons.values("response_b"))
    else:
        where |= Q(prompt__project=project)
    found = Response.objects.filter(where).exclude(text="", finish_reason="")  # which is still to be sampled
    return found.filter(prompt__split=Prompt.Split.TEST) if held_out else found


def unscored(answers: QuerySet[Response], reward_model: ModelVersion) -> QuerySet[Response]:
    return answers.exclude(scores__model_version=reward_model)


def check_judge(reward_model: ModelVersion) -> None:
    """Raises ValidationError where a model gives no scores."""
    if not reward_model.is_reward_model:
        raise ValidationError(f"{reward_model} is a {reward_model.get_kind_display()}: only a reward model can judge.")
    if reward_model.backend != ModelVersion.Backend.LOCAL:
        raise ValidationError(f"{reward_model} has no checkpoint to score with.")


@transaction.atomic
def start_scoring_project(
    project: Project,
    reward_model: ModelVersion,
    batch: Batch | None = None,
    *,
    held_out: bool = False,
    user: Person | None = None,
) -> Run:
    """Queue the run that stores the reward model's score of each of the project's answers that has none by it yet.

    Raises ValidationError where the model gives no scores, nothing is left to score, or it is being scored already.
    """
    check_judge(reward_model)
    answers = answers_in(project, batch, held_out=held_out)
    where = f"{project.slug}, {batch}" if batch else project.slug
    if not answers.exists():
        raise ValidationError(f"{where} has no answers{' to held-out prompts' if held_out else ''} to score yet.")
    if not unscored(answers, reward_model).exists():
        raise ValidationError(f"{reward_model} has scored every answer of {where} already: there is nothing to do.")
    # Who asks at the same time waits here, and then sees ours.
    ModelVersion.objects.select_for_update(no_key=True).get(pk=reward_model.pk)
    if run := scoring_runs(reward_model).filter(status__in=(Job.Status.QUEUED, Job.Status.RUNNING)).first():
        raise ValidationError(f"{run} is {run.status} already: wait for its end or cancel it first.")
    config = {
        "project": project.slug,
        "batch": batch.number if batch else None,
        "held_out": held_out,
        "reward_model": reward_model.name,
    }
    name = f"{project.slug}-{reward_model.name}"[:100]
    run = Run.objects.create(kind=Run.Kind.SCORING, name=name, config=config, created_by=user)
    run.inputs.set([reward_model])
    enqueue(run)
    return run


def scoring_runs(reward_model: ModelVersion) -> QuerySet[Run]:
    """The runs by which it scores whole projects, newest first."""
    runs = Run.objects.filter(kind=Run.Kind.SCORING, config__reward_model=reward_model.name)
    return runs.filter(config__project__isnull=False)


def named_batch(project: Project, number: int | None) -> Batch | None:
    """The project's batch of this number; None for all. Raises Batch.DoesNotExist, which lists what there is."""
    if number is None:
        return None
    found = project.batches.filter(number=number).first()
    if found is None:
        known = ", ".join(str(each) for each in project.batches.order_by("number").values_list("number", flat=True))
        raise Batch.DoesNotExist(f"{project.slug} has no batch {number}. Batches: {known or 'none'}.")
    return found
