"""Scoring answers by a reward model: those of a campaign, of a project, or of one of its batches."""

import math
from typing import Any

from django.db.models import QuerySet
from django.template.defaultfilters import pluralize

from annotation.models import Batch, Project, Response
from evaluation.campaigns import find_campaign, responses_of
from evaluation.models import Campaign, Score
from evaluation.scoring import answers_in, named_batch, unscored
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.models import ModelVersion, Run
from modeling.scoring import score
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import reward_model_of
from workers.runs import Report

AT_ONCE = 128


def score_answers(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Store the reward model's score of every wanted answer that has none by it yet.

    config: {"reward_model": name} and {"campaign": slug} or {"project": slug, "batch": number or None, "held_out":
    whether only answers to held-out prompts are wanted}. Goes on where an interrupted run left off.
    """
    try:
        judge = ModelVersion.objects.get(name=run.config["reward_model"])
        answers = wanted(run.config)
        reward_model = reward_model_of(judge)
    except (
        *(ModelVersion.DoesNotExist, Campaign.DoesNotExist, Project.DoesNotExist, Batch.DoesNotExist),
        CheckpointError,
    ) as error:
        raise JobError(str(error)) from error
    waiting = list(unscored(answers, judge).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(waiting), AT_ONCE):
        report(start / len(waiting), f"{start:,} of {len(waiting):,} answers scored")
        if should_stop():
            raise Stopped
        rows = list(Response.objects.filter(pk__in=waiting[start : start + AT_ONCE]).select_related("prompt"))
        try:
            values = score(reward_model, [(row.prompt.messages, row.text) for row in rows])
        except ChatError as error:
            raise JobError(f"A response could not be scored: {error}.") from error
        if not all(map(math.isfinite, values)):
            raise JobError(f"{judge} gives scores that are not finite numbers: its training went wrong.")
        scores = [Score(model_version=judge, response=row, value=v) for row, v in zip(rows, values, strict=True)]
        Score.objects.bulk_create(scores, ignore_conflicts=True)
    report(1.0, f"{len(waiting):,} answer{pluralize(waiting)} scored")
    figures = {"reward_model": judge.name, "scored": len(waiting), "responses": answers.count()}
    Run.objects.filter(pk=run.pk).update(report=figures)


def wanted(config: dict[str, Any]) -> QuerySet[Response]:
    """The answers that a run is to score."""
    if "campaign" in config:
        return responses_of(find_campaign(config["campaign"]).project)
    project = Project.objects.get(slug=config["project"])
    return answers_in(project, named_batch(project, config["batch"]), held_out=config["held_out"])
