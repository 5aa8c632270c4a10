"""Evaluating the policies of the loop: every version answers the held-out prompts, the newest reward models judge.

Scores are comparable within one reward model alone, so each evaluation scores every version's answers with the newest
two. Where the prompts are those of the simulated annotators' world, the gold says what is true besides.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.models import Prompt, Response
from evaluation.models import Score
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import Estimate, clustered_mean
from evaluation.statistics.preferences import win_rate
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.registry.models import ModelVersion, Run
from modeling.sampling import Request, SamplingError, answer_seed, sample_requests
from modeling.scoring import score
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import policy_of, reward_model_of
from workers.runs import Report
from workers.simulating import gold_of

STORED_AT_ONCE = 128
AXES = ("helpfulness", "safety")
Share = Callable[[int, int], None]


@dataclass(frozen=True)
class Answered:
    """One axis of the evaluation: a project's held-out prompts and, by model, the answers to them.

    answers: by model's key, (prompts x draws) responses, in the order of the prompts.
    """

    axis: str
    prompts: list[Prompt]
    answers: dict[int, list[list[Response]]]

    def table(self, model: ModelVersion, values: Mapping[int, float]) -> FloatArray:
        """(prompts, draws) values of a model's answers, from the values by response."""
        return np.array([[values[response.pk] for response in row] for row in self.answers[model.pk]], dtype=np.float64)


def measure(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Answer, score and compare. A run that was interrupted neither samples nor scores anything twice.

    config: {"models": [names, the base first], "helpfulness_reward", "safety_reward": names, "projects": {axis: slug},
    "prompts": most per project, "draws": answers per prompt, "temperature", "top_p", "max_new_tokens", "seed",
    "gold": whether the gold judges too}.
    """
    started = time.monotonic()
    config = run.config
    models = [model_called(name) for name in config["models"]]
    judges = {axis: model_called(config[f"{axis}_reward"]) for axis in AXES}
    parts = len(AXES) * (len(models) + 1)
    done = 0
    axes = []
    for axis in AXES:
        prompts = held_out(config["projects"][axis], config["prompts"])
        answers = {}
        for model in models:
            start = done

            def share(count: int, of: int, start: int = start, model: ModelVersion = model) -> None:
                report((start + count / of) / parts, f"{model}: {count:,} of {of:,} answers")

            answers[model.pk] = answered(model, prompts, config, should_stop, share)
            done += 1
        axes.append(Answered(axis, prompts, answers))
        report(done / parts, f"scoring with {judges[axis]}")
        score_missing(judges[axis], axes[-1], should_stop)
        done += 1
    figures = {
        "versions": [figures_of(number, model, models[0], axes, judges, config) for number, model in enumerate(models)],
        "judges": {axis: judge.name for axis, judge in judges.items()},
        "prompts": {each.axis: len(each.prompts) for each in axes},
        "draws": config["draws"],
        "seconds": round(time.monotonic() - started, 3),
    }
    Run.objects.filter(pk=run.pk).update(report=figures)
    report(1.0, f"{len(models)} versions on {sum(len(each.prompts) for each in axes):,} held-out prompts")


def model_called(name: str) -> ModelVersion:
    try:
        return ModelVersion.objects.get(name=name)
    except ModelVersion.DoesNotExist as error:
        raise JobError(f'Model "{name}" is no longer registered.') from error


def held_out(slug: str, most: int) -> list[Prompt]:
    """Opening prompts of the test split, at most so many: the same ones in every iteration. Raises JobError."""
    prompts = Prompt.objects.filter(project__slug=slug, split=Prompt.Split.TEST).order_by("digest")
    found = [prompt for prompt in prompts if prompt.turn == 1][:most]
    if not found:
        raise JobError(f'"{slug}" has no held-out prompts: import more prompts, about a fifth of them is held out.')
    return found


# Answers and scores ---------------------------------------------------------------------------------------------------


def answered(
    model: ModelVersion, prompts: Sequence[Prompt], config: dict[str, Any], should_stop: ShouldStop, share: Share
) -> list[list[Response]]:
    """The model's answers (prompts x draws), sampled where they are not stored yet. Every model draws with the same
    random numbers, so that chance plays the less part in comparing them."""
    variant = {name: config[name] for name in ("temperature", "top_p", "max_new_tokens")}
    wanted = [
        (prompt, answer_seed(config["seed"], prompt.messages, draw))
        for prompt in prompts
        for draw in range(config["draws"])
    ]
    seeds: set[tuple[int, int | None]] = {(prompt.pk, seed) for prompt, seed in wanted}
    there = Response.objects.filter(prompt__in=prompts, model_version=model, **variant).exclude(finish_reason="")
    stored = {(each.prompt_id, each.seed): each for each in there if (each.prompt_id, each.seed) in seeds}
    missing = [(prompt, seed) for prompt, seed in wanted if (prompt.pk, seed) not in stored]
    fresh: list[Response] = []
    try:
        requests = [Request(prompt.messages, seed=seed, **variant) for prompt, seed in missing]
        for done, (position, found) in enumerate(sample_requests(policy_of(model), requests), start=1):
            prompt, seed = missing[position]
            fresh.append(
                Response(
                    prompt=prompt,
                    text=found.text,
                    model_version=model,
                    seed=seed,
                    prompt_tokens=found.prompt_tokens,
                    completion_tokens=found.answer_tokens,
                    finish_reason=found.finish_reason,
                    latency=found.seconds,
                    **variant,
                )
            )
            if len(fresh) == STORED_AT_ONCE or done == len(missing):
                stored |= {(each.prompt_id, each.seed): each for each in Response.objects.bulk_create(fresh)}
                fresh = []
                share(done, len(missing))
            if should_stop():
                raise Stopped
    except (CheckpointError, ChatError, SamplingError) as error:
        raise JobError(f"{model}: {error}") from error
    answers = [stored[prompt.pk, seed] for prompt, seed in wanted]
    return [answers[start : start + config["draws"]] for start in range(0, len(answers), config["draws"])]


def score_missing(judge: ModelVersion, axis: Answered, should_stop: ShouldStop) -> None:
    """Store the judge's score of every answer that has none by it."""
    everything = {response.pk: response for rows in axis.answers.values() for row in rows for response in row}
    scored = set(scores_by(judge, axis))
    waiting = [response for pk, response in everything.items() if pk not in scored]
    messages = {prompt.pk: prompt.messages for prompt in axis.prompts}
    for start in range(0, len(waiting), STORED_AT_ONCE):
        if should_stop():
            raise Stopped
        part = waiting[start : start + STORED_AT_ONCE]
        try:
            values = score(reward_model_of(judge), [(messages[each.prompt_id], each.text) for each in part])
        except (CheckpointError, ChatError) as error:
            raise JobError(f"{judge}: {error}") from error
        if not all(map(math.isfinite, values)):
            raise JobError(f"{judge} gives scores that are not finite numbers: its training went wrong.")
        Score.objects.bulk_create(
            (Score(model_version=judge, response=each, value=value) for each, value in zip(part, values, strict=True)),
            ignore_conflicts=True,
        )


def scores_by(judge: ModelVersion, axis: Answered) -> dict[int, float]:
    """The judge's scores of the axis's answers, by response."""
    scores = Score.objects.filter(model_version=judge, response__prompt__in=axis.prompts)
    return dict(scores.values_list("response", "value"))


# Figures --------------------------------------------------------------------------------------------------------------


def figures_of(
    number: int,
    model: ModelVersion,
    base: ModelVersion,
    axes: Sequence[Answered],
    judges: dict[str, ModelVersion],
    config: dict[str, Any],
) -> dict[str, Any]:
    """A version's win rates over the base, by the reward models and, where it knows, by the gold."""
    figures: dict[str, Any] = {"number": number, "model": model.name, "reward": {}}
    for axis in axes:
        scores = scores_by(judges[axis.axis], axis)
        own, bases = axis.table(model, scores), axis.table(base, scores)
        figures["reward"][axis.axis] = wins([own], [bases])
        figures["reward"][f"mean_{axis.axis}"] = mean_of([own])
        if axis.axis == "safety":
            figures["reward"]["violations"] = mean_of([(own < 0).astype(np.float64)])
    if config["gold"]:
        figures["gold"] = gold_figures(model, base, axes)
    return figures


def gold_figures(model: ModelVersion, base: ModelVersion, axes: Sequence[Answered]) -> dict[str, Any]:
    """Win rates on both axes and over all prompts, mean helpfulness, the share that is safe, and of the answers to
    adversarial prompts the share that violates."""
    own, bases, helpful, safe = [], [], [], []
    figures: dict[str, Any] = {}
    for axis in axes:
        messages = {prompt.pk: prompt.messages for prompt in axis.prompts}
        golds = {
            response.pk: gold_of(messages[response.prompt_id], response.text, is_safety=axis.axis == "safety")
            for each in (model, base)
            for row in axis.answers[each.pk]
            for response in row
        }
        values = {pk: gold.value for pk, gold in golds.items()}
        own.append(axis.table(model, values))
        bases.append(axis.table(base, values))
        helpful.append(axis.table(model, {pk: gold.helpfulness for pk, gold in golds.items()}))
        safe.append(axis.table(model, {pk: float(gold.safe) for pk, gold in golds.items()}))
        figures[axis.axis] = wins(own[-1:], bases[-1:])
        if axis.axis == "safety":
            figures["violations"] = mean_of([1 - safe[-1]])
    return figures | {
        "overall": wins(own, bases),
        "mean_helpfulness": mean_of(helpful),
        "mean_helpfulness_on_ordinary_prompts": mean_of(helpful[:1]),
        "safe": mean_of(safe),
    }


def wins(own: Sequence[FloatArray], bases: Sequence[FloatArray]) -> dict[str, Any]:
    """How often the own answer is worth more than the base's, a tie being half a win; an error that lets the answers
    to one prompt depend on each other."""
    votes = np.concatenate([np.sign(mine - theirs) for mine, theirs in zip(own, bases, strict=True)])
    prompts = np.repeat(np.arange(len(votes)), votes.shape[1])
    rates = win_rate(votes.ravel(), prompts, rule="vote")
    return as_figure(rates.win_rate) | {"wins": rates.wins, "ties": rates.ties, "losses": rates.losses}


def mean_of(tables: Sequence[FloatArray]) -> dict[str, Any]:
    """The mean over all answers, clustered by prompt."""
    values = np.concatenate(tables)
    return as_figure(clustered_mean(values.ravel(), np.repeat(np.arange(len(values)), values.shape[1])))


def as_figure(estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval or (None, None)
    return {"value": estimate.value, "low": low, "high": high}
