"""Sampling a model's answers to earlier violating prompts, and handing them to raters."""

import time

from django.core.exceptions import ValidationError
from django.template.defaultfilters import pluralize

from annotation.filling import add_responses, copies
from annotation.models import Project, Prompt
from modeling.registry.models import Run
from workers.campaign_sampling import answer_all, answers_of, model_called
from workers.carrying import JobError, ShouldStop
from workers.runs import Report


def reask(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Sample what is missing, then open the items. A run that was interrupted samples no answer twice.

    config: {"project", "into": slugs, "model": name, "prompts": [keys], "temperature", "top_p", "max_new_tokens",
    "seed"}.
    """
    started, config = time.monotonic(), run.config
    model = model_called(config["model"])
    prompts = list(Prompt.objects.filter(pk__in=config["prompts"]).order_by("pk"))
    into = Project.objects.filter(slug=config["into"]).first()
    if into is None:
        raise JobError(f'There is no project "{config["into"]}" any more.')

    def share(done: int, of: int) -> None:
        report(done / max(of, 1), f"{model}: {done:,} of {of:,} prompts answered")

    sampled = answer_all(run, model, prompts, should_stop, share)
    answered = {answer.prompt_id: answer for answer in answers_of(config, model, prompts).select_related("prompt")}
    try:
        summary = add_responses(into, copies(answered.values()))
    except ValidationError as error:
        raise JobError(" ".join(error.messages)) from error
    seconds = round(time.monotonic() - started, 3)
    figures = {"prompts": len(prompts), "sampled": sampled, "items": summary.new, "seconds": seconds}
    Run.objects.filter(pk=run.pk).update(report=figures)
    report(1.0, f"{summary.new:,} answer{pluralize(summary.new)} to rate")
