"""The curves of figures 7 and 8: a policy answers held-out prompts many times at each temperature, a reward model
scores the answers, and the best and the middle one of n are estimated for every n."""

from typing import Any

import torch

from annotation.models import Project
from modeling.best_of_n import maximum_curve, median_curve
from modeling.registry.models import ModelVersion
from workers.measuring import Answered, answered, held_out, score_missing, scores_by
from workers.runs import Report


def curves(
    model: ModelVersion, judge: ModelVersion, project: Project, settings: dict[str, Any], report: Report
) -> dict[str, Any]:
    """{"temperature": the one with the highest maximum among k, "figure_7": its curves, "figure_8": the maximum at
    each}. settings: prompts, k, temperatures, top_p, max_new_tokens, seed. Raises JobError.

    Answers that are stored with the same settings are not sampled again, nor are scores given twice.
    """
    prompts = held_out(project.slug, settings["prompts"])
    temperatures = list(dict.fromkeys(settings["temperatures"]))
    found = []
    for place, temperature in enumerate(temperatures):
        config = {name: settings[name] for name in ("top_p", "max_new_tokens", "seed")}
        config |= {"temperature": temperature, "draws": settings["k"]}

        def share(count: int, of: int, place: int = place, temperature: float = temperature) -> None:
            note = f"temperature {temperature:g}: {count:,} of {of:,} answers"
            report((place + count / of) / len(temperatures), note)

        answers = answered(model, prompts, config, never, share)
        axis = Answered("", prompts, {model.pk: answers})
        score_missing(judge, axis, never)
        scores = torch.from_numpy(axis.table(model, scores_by(judge, axis)))
        found.append((temperature, scores, maximum_curve(scores)))
    report(1.0, f"{len(prompts)} prompts, {settings['k']} answers at each of {len(temperatures)} temperatures")
    best, scores, maximum = max(found, key=lambda each: each[2]["mean"][-1])
    return {
        "model": model.name,
        "reward_model": judge.name,
        "prompts": len(prompts),
        "temperature": best,
        "figure_7": {"max": maximum, "median": median_curve(scores)},
        "figure_8": [{"temperature": temperature, **curve} for temperature, _, curve in found],
    }


def never() -> bool:
    return False
