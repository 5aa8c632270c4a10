"""Judgements with scores, for the tests of a reward model's evaluation."""

from typing import Any

from annotation.models import Preference, Project, Prompt, Response
from evaluation.models import Score
from modeling.registry.models import ModelVersion
from tests.factories import make_comparison, make_model, make_preference, make_prompt


def make_reward_model(name: str = "judge", **fields: Any) -> ModelVersion:
    return make_model(name, **({"kind": ModelVersion.Kind.HELPFULNESS_REWARD} | fields))


def make_held_out_prompt(project: Project, split: str = Prompt.Split.TEST, **fields: Any) -> Prompt:
    """The side is set by hand: a hash of the words would decide it."""
    prompt = make_prompt(project, **fields)
    Prompt.objects.filter(pk=prompt.pk).update(split=split)
    prompt.refresh_from_db()
    return prompt


def give(model: ModelVersion, response: Response, value: float) -> None:
    Score.objects.create(model_version=model, response=response, value=value)


def make_scored(
    model: ModelVersion,
    project: Project,
    scores: tuple[float, float],
    points: int | None = 1,
    split: str = Prompt.Split.TEST,
    prompt: Prompt | None = None,
    **fields: Any,
) -> Preference:
    """A judgement of two answers that the model scores so; points are about the answer that is A."""
    said = {name: fields.pop(name) for name in ("a_safe", "b_safe", "choice") if name in fields}
    comparison = make_comparison(project, prompt or make_held_out_prompt(project, split), **fields)
    for response, value in zip((comparison.response_a, comparison.response_b), scores, strict=True):
        give(model, response, value)
    return make_preference(comparison, points, **said)
