"""Self-BLEU against temperature (section 5.1, figure 21): what is asked for, and the figures from the answers.

The answers are sampled by a run (workers/diversity.py): several to each prompt at each temperature, for factual and
creative prompts or any other kinds that the file of prompts names.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from evaluation.campaigns import check_sampling
from evaluation.statistics.diversity import ORDER, self_bleu
from evaluation.statistics.estimates import Estimate, clustered_mean, within
from modeling.registry.jobs import enqueue
from modeling.registry.models import ModelVersion, Run

ANSWERS = 25
"""To each prompt at each temperature, in the paper."""
TEMPERATURES = tuple(step / 10 for step in range(1, 16))
"""The paper's."""
UNNAMED_KIND = "prompts"
MOST_ANSWERS = 1000

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above
Prompt = dict[str, Any]
"""{"messages": [...], "kind": text}."""


def read_prompts(path: Path) -> list[Prompt]:
    """JSON lines {"prompt": text or "messages": [...], "kind": "factual" or "creative"}; "category" is taken where
    there is no kind. Raises ValidationError with the line and the reason."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ValidationError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValidationError(f"{path.name} is not UTF-8 text: {error}") from error
    prompts = [_prompt(line, f"{path.name}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not prompts:
        raise ValidationError(f'{path.name} holds no prompts; expected lines of {{"prompt": ..., "kind": ...}}')
    seen: set[str] = set()
    for prompt in prompts:
        if (text := json.dumps(prompt["messages"])) in seen:
            raise ValidationError(f"{path.name} holds the prompt {prompt['messages'][-1]['content'][:60]!r} twice")
        seen.add(text)
    return prompts


def _prompt(line: str, where: str) -> Prompt:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValidationError(f"{where}: not valid JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValidationError(f"{where}: expected an object with prompt or messages, got {type(row).__name__}")
    messages = row.get("messages")
    if messages is None and isinstance(row.get("prompt"), str) and row["prompt"].strip():
        messages = [{"role": "user", "content": row["prompt"]}]
    whole = isinstance(messages, list) and all(
        isinstance(each, dict) and isinstance(each.get("role"), str) and isinstance(each.get("content"), str)
        for each in messages
    )
    if not messages or not whole or messages[-1]["role"] != "user":
        raise ValidationError(f"{where}: expected prompt, a text, or messages that end with the user's")
    kind = row.get("kind") or row.get("category") or UNNAMED_KIND
    return {
        "messages": [{"role": each["role"], "content": each["content"]} for each in messages],
        "kind": str(kind),
    }


@transaction.atomic
def start_diversity(
    models: Sequence[ModelVersion],
    prompts: Sequence[Prompt],
    temperatures: Sequence[float] = TEMPERATURES,
    answers: int = ANSWERS,
    top_p: float = 1.0,
    max_new_tokens: int = 256,
    seed: int = 0,
    user: Person | None = None,
) -> Run:
    """Queue the run that samples the answers. Raises ValidationError."""
    if not models:
        raise ValidationError("Name at least one model.")
    for model in models:
        if model.backend == ModelVersion.Backend.NAME_ONLY or model.kind != ModelVersion.Kind.POLICY:
            raise ValidationError(f"{model} has nothing to sample from: choose a registered policy.")
    if not prompts:
        raise ValidationError("Name at least one prompt.")
    if not temperatures:
        raise ValidationError("Name at least one temperature.")
    for temperature in temperatures:
        check_sampling(temperature, top_p, max_new_tokens)
    if not 2 <= answers <= MOST_ANSWERS:
        raise ValidationError(f"answers must be between 2 and {MOST_ANSWERS}, got {answers}")
    config = {
        "models": [model.name for model in models],
        "prompts": list(prompts),
        "temperatures": sorted(set(temperatures)),
        "answers": answers,
        "top_p": top_p,
        "max_new_tokens": max_new_tokens,
        "seed": seed,
    }
    run = Run.objects.create(
        kind=Run.Kind.DIVERSITY, name=f"{models[0].name}-diversity"[:100], config=config, created_by=user
    )
    run.inputs.set(models)
    enqueue(run)
    return run


# Figures --------------------------------------------------------------------------------------------------------------


def figures_of(config: dict[str, Any], rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """From rows {"model", "temperature", "prompt": its place, "answers": [texts]}: a point for each model, kind of
    prompt and temperature, the mean Self-BLEU over the prompts with its interval; and for each model and kind how far
    it falls from the lowest to the highest temperature, prompt by prompt."""
    values: dict[tuple[str, str], dict[float, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        value = self_bleu(row["answers"])
        if value is not None:
            kind = config["prompts"][row["prompt"]]["kind"]
            values[row["model"], kind][row["temperature"]][row["prompt"]] = value
    points, falls = [], []
    for model in config["models"]:
        for kind in dict.fromkeys(prompt["kind"] for prompt in config["prompts"]):
            own = values[model, kind]
            for temperature in sorted(own):
                mean = within(clustered_mean(list(own[temperature].values())), 0.0, 1.0)
                points.append(
                    {"model": model, "kind": kind, "temperature": temperature, **_figure(mean, len(own[temperature]))}
                )
            if len(own) > 1:
                low, high = own[min(own)], own[max(own)]
                differences = [low[prompt] - high[prompt] for prompt in low if prompt in high]
                falls.append({"model": model, "kind": kind, **_figure(clustered_mean(differences), len(differences))})
    return {"self_bleu": points, "falls": falls, "answers": config["answers"], "order": ORDER}


def _figure(mean: Estimate, prompts: int) -> dict[str, Any]:
    low, high = mean.interval or (None, None)
    return {"value": mean.value, "low": low, "high": high, "prompts": prompts, "note": mean.note}
