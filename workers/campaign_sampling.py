"""Sampling the answers that a campaign compares: every model answers every prompt, each two answers become an item."""

import time
from itertools import combinations
from typing import Any

from django.template.defaultfilters import pluralize

from annotation.models import Prompt, Response
from evaluation.campaigns import add_pair, find_campaign
from evaluation.models import Campaign
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.models import ModelVersion, Run
from modeling.sampling import Answer, SamplingError, answer_seed, sample_batch
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import policy_of
from workers.runs import Report

ANSWERS_AT_ONCE = 64


def sample_campaign(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Sample what is missing, then open the items. A run that was interrupted samples no answer twice.

    config: {"campaign": slug, "models": [names], "prompts": [keys], "temperature", "top_p", "max_new_tokens", "seed"}.
    """
    started = time.monotonic()
    config = run.config
    try:
        campaign = find_campaign(config["campaign"])
    except Campaign.DoesNotExist as error:
        raise JobError(str(error)) from error
    models = [model_called(name) for name in config["models"]]
    prompts = list(campaign.project.prompts.filter(pk__in=config["prompts"]).order_by("pk"))
    sampled = 0
    for place, model in enumerate(models):

        def share(done: int, of: int, place: int = place, model: ModelVersion = model) -> None:
            report((place + done / max(of, 1)) / len(models), f"{model}: {done:,} of {of:,} prompts answered")

        sampled += answer_all(run, model, prompts, should_stop, share)
    pairs = _open_items(campaign, config, models, prompts, should_stop)
    seconds = round(time.monotonic() - started, 3)
    figures = {"prompts": len(prompts), "sampled": sampled, "pairs": pairs, "seconds": seconds}
    Run.objects.filter(pk=run.pk).update(report=figures)
    report(1.0, f"{pairs:,} pair{pluralize(pairs)} to compare")


def model_called(name: str) -> ModelVersion:
    try:
        return ModelVersion.objects.get(name=name)
    except ModelVersion.DoesNotExist as error:
        raise JobError(f'Model "{name}" is no longer registered.') from error


def answer_all(run: Run, model: ModelVersion, prompts: list[Prompt], should_stop: ShouldStop, share: Any) -> int:
    """One model's answers to the prompts that it has not answered yet; how many those were."""
    answered = set(answers_of(run.config, model, prompts).values_list("prompt", flat=True))
    waiting = [prompt for prompt in prompts if prompt.pk not in answered]
    if not waiting:
        return 0
    share(len(answered), len(prompts))
    try:
        answers = sample_batch(
            policy_of(model), [prompt.messages for prompt in waiting], rows=ANSWERS_AT_ONCE, **_settings(run.config)
        )
        for done, (index, [answer]) in enumerate(answers, start=1):
            if should_stop():
                raise Stopped
            _store(run.config, model, waiting[index], answer)
            share(len(answered) + done, len(prompts))
    except (CheckpointError, ChatError, SamplingError) as error:
        raise JobError(f"{model}: {error}") from error
    return len(waiting)


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    return {name: config[name] for name in ("temperature", "top_p", "max_new_tokens", "seed")}


def answers_of(config: dict[str, Any], model: ModelVersion, prompts: list[Prompt]) -> Any:
    """The responses of this model under these settings that are there already."""
    sampled_so = {name: config[name] for name in ("temperature", "top_p", "max_new_tokens")}
    return Response.objects.filter(prompt__in=prompts, model_version=model, **sampled_so).exclude(finish_reason="")


def _store(config: dict[str, Any], model: ModelVersion, prompt: Prompt, answer: Answer) -> None:
    Response.objects.create(
        prompt=prompt,
        text=answer.text,
        model_version=model,
        temperature=config["temperature"],
        top_p=config["top_p"],
        max_new_tokens=config["max_new_tokens"],
        seed=answer_seed(config["seed"], prompt.messages, 0),
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.answer_tokens,
        finish_reason=answer.finish_reason,
        latency=answer.seconds,
    )


def _open_items(
    campaign: Campaign,
    config: dict[str, Any],
    models: list[ModelVersion],
    prompts: list[Prompt],
    should_stop: ShouldStop,
) -> int:
    """An item for every two models' answers to a prompt; adding one that is there changes nothing."""
    by_model = {
        model.pk: {response.prompt_id: response for response in answers_of(config, model, prompts).order_by("-pk")}
        for model in models
    }
    pairs = 0
    for prompt in prompts:
        if should_stop():
            raise Stopped
        for first, second in combinations(models, 2):
            add_pair(campaign, prompt, by_model[first.pk][prompt.pk], by_model[second.pk][prompt.pk])
            pairs += 1
    return pairs
