"""Scoring the responses of a campaign by a reward model."""

import math

from django.template.defaultfilters import pluralize

from annotation.models import Response
from evaluation.campaigns import find_campaign, responses_of
from evaluation.models import Campaign, Score
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.models import ModelVersion, Run
from modeling.scoring import score
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import reward_model_of
from workers.runs import Report

AT_ONCE = 128


def score_campaign(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Store the reward model's score of every response of the campaign that has none by it yet.

    config: {"campaign": slug, "reward_model": name}. Goes on where an interrupted run left off.
    """
    try:
        judge = ModelVersion.objects.get(name=run.config["reward_model"])
        responses = responses_of(find_campaign(run.config["campaign"]).project)
        reward_model = reward_model_of(judge)
    except (ModelVersion.DoesNotExist, Campaign.DoesNotExist, CheckpointError) as error:
        raise JobError(str(error)) from error
    waiting = list(responses.exclude(scores__model_version=judge).order_by("pk").values_list("pk", flat=True))
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
    figures = {"reward_model": judge.name, "scored": len(waiting), "responses": responses.count()}
    Run.objects.filter(pk=run.pk).update(report=figures)
