"""Rejection sampling fine-tuning (paper, section 3.2.3): a base learns the best of many answers to each prompt.

    python -m modeling.rejection_sampling RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/: prompts.jsonl and, if the reward is to be measured on other prompts than those,
held_out.jsonl (see modeling.prompt_data), and candidates.jsonl, the bag of the earlier iterations, if there were any
(see modeling.candidates). The run finds the best temperature (sweep.jsonl), samples k answers per prompt at it
(sampling.jsonl), scores the earlier ones again (rescoring.jsonl), takes each prompt's best over all iterations, and
fine-tunes the base on those (sft/). It leaves model/, metrics.jsonl, report.json with the numbers of the paper's
figures 7 and 8, and candidates.jsonl, the bag for the next iteration. It goes on from where it was when it is started
again. The last line of its output is the report as JSON.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from modeling.best_of_n import expected_maximum, maximum_curve, median_curve
from modeling.candidates import Candidate, best_per_prompt, read_candidates, write_candidates
from modeling.checkpoints import digest
from modeling.distributed import Ranks
from modeling.json_lines import DataError
from modeling.metrics import accuracy, mean_of
from modeling.prompt_data import Prompt, check_separate, read_prompts
from modeling.recipe import (
    Report,
    Result,
    ShouldStop,
    command,
    finished,
    identity_of,
    order_of,
    step_seed,
    write_report,
)
from modeling.rejection_config import RejectionConfig
from modeling.scored_sampling import Exchange, Judge, Sampler, ScoredAnswer
from modeling.stages import Stages

MODELS = ("base", "policy", "helpfulness_reward", "safety_reward")
RESCORED = 1024
"""Candidates of earlier iterations that are scored between two points to go on from."""

Asked = tuple[Prompt, float]
"""A prompt and the temperature to answer it at."""


def train(
    config: RejectionConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """One iteration: samples, scores, selects, fine-tunes, measures; a run that already finished is only read.

    The same config, data, models and number of threads give the same bag and the same weights, on a CPU bit for bit,
    whether or not the run was interrupted. should_stop is asked between the chunks of the sampling and before every
    forward pass of the fine-tuning: True raises Stopped.
    Raises DataError, ChatError, CheckpointError, ResumeError, TrainingError.
    """
    run = config.run_dir
    prompts = read_prompts(run / "data" / "prompts.jsonl") if config.k else []
    earlier = read_candidates(run / "data" / "candidates.jsonl", may_be_absent=config.k > 0)
    measured = _measured_prompts(config, prompts, earlier)
    identity = identity_of(config, MODELS)
    if (result := finished(run, identity)) is not None:
        return result

    iteration = 1 + max((candidate.iteration for candidate in earlier), default=0)
    swept = _some(prompts, config.sweep_prompts, config.seed, epoch=1) if len(config.temperatures) > 1 else []
    to_rescore = earlier if config.rescore_earlier else []
    chunk = config.chunk_prompts
    of_sampling = [len(swept) * len(config.temperatures), len(measured), len(prompts)]
    steps_before = sum(math.ceil(each / chunk) for each in of_sampling) + math.ceil(len(to_rescore) / RESCORED)
    steps_after = math.ceil(len(measured) / chunk)
    stages = Stages(config, identity, steps_before + config.steps + steps_after, report, should_stop, ranks)
    judge = Judge(config)
    policy: Sampler | None = None

    def drawn(name: str, asked: Sequence[Asked], k: int, seed: int) -> list[list[ScoredAnswer]]:
        """k scored answers of the policy to each prompt."""

        def prepare() -> Callable[[list[Asked]], list[dict[str, Any]]]:
            nonlocal policy
            policy = policy or Sampler(config.policy or config.base, judge)
            return _answering(policy, k, seed)

        figures = partial(_rewards, name) if k > 1 else _no_figures
        return [row["answers"] for row in stages.rows(name, asked, prepare, chunk, "prompts", figures)]

    # The temperature at which the best of k answers is expected to be the best moves with every iteration [57]. All are
    # tried with the same random numbers, so that chance plays the less part in the comparison.
    every = [(prompt, temperature) for temperature in sorted(config.temperatures) for prompt in swept]
    found = drawn("sweep", every, config.sweep_k, step_seed(config.seed, 0))
    by_temperature = {
        temperature: _scores(found[place * len(swept) : (place + 1) * len(swept)])
        for place, temperature in enumerate(sorted(config.temperatures) if swept else ())
    }
    temperature = _best_temperature(by_temperature, config.k) if swept else config.temperatures[0]

    at_it = [(prompt, temperature) for prompt in measured]
    before = drawn("before", at_it, 1, step_seed(config.seed, 1))

    # K answers per prompt from the newest model, scored by the newest reward models [55].
    asked = [(prompt, temperature) for prompt in prompts]
    answers = drawn("sampling", asked, config.k, step_seed(config.seed, 1 + iteration))
    sampled = _candidates(asked, answers, iteration, digest(config.policy) if config.policy else "")

    # The candidates of all earlier iterations compete with them, so that no ability is forgotten [56].
    scored = stages.rows("rescoring", to_rescore, lambda: _rescoring(judge), RESCORED, "candidates")
    if config.rescore_earlier:
        earlier = [replace(candidate, **row) for candidate, row in zip(earlier, scored, strict=True)]
    bag = [*earlier, *sampled]
    if ranks.is_first:
        write_candidates(run / "candidates.jsonl", bag)
    best = best_per_prompt(bag, config.reward_floor, config.agreement)
    if not best:
        raise DataError(
            f"none of {len(bag)} candidates ended its turn with a score of reward_floor (now {config.reward_floor}) or "
            f"more; raise max_new_tokens (now {config.max_new_tokens}) or lower the floor"
        )

    # Always from the base model, a constant number of steps [57].
    policy, judge = None, Judge(config)  # no sampling or scoring model takes memory beside the one that learns
    tuned = stages.fine_tune([_demonstration(candidate) for candidate in best], steps_after).report

    def prepare() -> Callable[[list[Asked]], list[dict[str, Any]]]:
        return _answering(Sampler(run / "model", judge), 1, step_seed(config.seed, 1))

    after = [row["answers"] for row in stages.rows("after", at_it, prepare, chunk, "prompts")]

    figures = {
        "iteration": iteration,
        "temperature": temperature if config.k else None,
        "k": config.k,
        "prompts": len(prompts),
        "sampled": len(sampled),
        "ended": accuracy([candidate.ended for candidate in sampled])._asdict(),
        "earlier_candidates": len(earlier),
        "fine_tuned_on": len(best),
        "best_from_earlier": accuracy([candidate.iteration < iteration for candidate in best])._asdict(),
        "reward": {
            "before": _mean(before),
            "after": _mean(after),
            "measured_on": "held-out prompts" if (run / "data" / "held_out.jsonl").exists() else "training prompts",
            "sampled": _mean(answers),
            "best": mean_of([candidate.score for candidate in best])._asdict(),
        },
        "figure_7": {"max": maximum_curve(_scores(answers)), "median": median_curve(_scores(answers))}
        if answers
        else None,
        "figure_8": [{"temperature": each, **maximum_curve(scores)} for each, scores in by_temperature.items()],
        "fine_tuning": {name: tuned[name] for name in ("cut_dialogues", "sequences", "trained_tokens", "steps")},
        "steps": stages.step,
        "seconds": round(stages.seconds, 3),
        "parameters": tuned["parameters"],
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, figures, ranks)


def _best_temperature(by_temperature: dict[float, Tensor], k: int) -> float:
    """The temperature of the highest expected maximum of k answers, or of as many as the sweep has; the lowest of
    those that tie."""
    expected = {
        temperature: float(expected_maximum(scores, min(k, scores.shape[1])).mean())
        for temperature, scores in by_temperature.items()
    }
    return max(sorted(expected), key=lambda temperature: expected[temperature])


def _answering(sampler: Sampler, k: int, seed: int) -> Callable[[list[Asked]], list[dict[str, Any]]]:
    return lambda asked: [{"answers": answers} for answers in sampler.answers(asked, k, seed)]


def _rewards(name: str, rows: list[dict[str, Any]]) -> dict[str, float]:
    """A chunk's mean reward, and that of the best answers."""
    scores = _scores([row["answers"] for row in rows])
    return {f"{name}_reward": float(scores.mean()), f"{name}_best_reward": float(scores.amax(dim=1).mean())}


def _no_figures(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {}


def _rescoring(judge: Judge) -> Callable[[list[Candidate]], list[dict[str, Any]]]:
    def rescore(candidates: list[Candidate]) -> list[dict[str, Any]]:
        exchanges = [Exchange(each.messages, each.answer, each.tag == "safety") for each in candidates]
        return [{"score": score} for score in judge.scores(exchanges)]

    return rescore


def _candidates(
    asked: Sequence[Asked], answers: Sequence[Sequence[ScoredAnswer]], iteration: int, model: str
) -> list[Candidate]:
    return [
        Candidate(
            prompt_id=prompt.id,
            messages=prompt.messages,
            iteration=iteration,
            temperature=float(temperature),
            model=model,
            tag=prompt.tag,
            **answer,
        )
        for (prompt, temperature), each in zip(asked, answers, strict=True)
        for answer in each
    ]


def _demonstration(candidate: Candidate) -> dict[str, Any]:
    """A best answer to fine-tune on. The last turn alone is learned: the earlier ones may be anyone's."""
    return {
        "id": candidate.prompt_id,
        "messages": [*candidate.messages, {"role": "assistant", "content": candidate.answer}],
        "trained_turns": "last",
        "source": f"rejection sampling, iteration {candidate.iteration}",
    }


def _measured_prompts(config: RejectionConfig, prompts: Sequence[Prompt], earlier: Sequence[Candidate]) -> list[Prompt]:
    """The prompts on which the reward is measured before and after: held-out ones, or else those that are trained on.
    Raises DataError where a held-out prompt is also trained on."""
    if config.helpfulness_reward is None:
        return []
    trained = {repr(each.messages): Prompt(each.prompt_id, each.messages, each.tag) for each in earlier}
    trained |= {repr(prompt.messages): prompt for prompt in prompts}
    path = config.run_dir / "data" / "held_out.jsonl"
    if not path.exists():
        return _some(list(trained.values()), config.measured_prompts, config.seed, epoch=0)
    held_out = read_prompts(path)
    check_separate(trained.values(), held_out)
    return _some(held_out, config.measured_prompts, config.seed, epoch=0)


def _some(prompts: Sequence[Prompt], count: int, seed: int, epoch: int) -> list[Prompt]:
    """At most ``count`` of the prompts, drawn by the seed."""
    return [prompts[index] for index in order_of(len(prompts), seed, epoch)[:count]]


def _scores(answers: Sequence[Sequence[ScoredAnswer]]) -> Tensor:
    """(prompts, answers)."""
    return torch.tensor([[answer["score"] for answer in each] for each in answers], dtype=torch.float64)


def _mean(answers: Sequence[Sequence[ScoredAnswer]]) -> dict[str, float | None] | None:
    """The mean score with its interval, and the number of prompts: those were drawn independently, not the answers."""
    if not answers:
        return None
    return mean_of(_scores(answers).mean(dim=1).tolist())._asdict()


def main(arguments: Sequence[str] | None = None) -> int:
    return command("modeling.rejection_sampling", "Rejection sampling fine-tuning.", RejectionConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
