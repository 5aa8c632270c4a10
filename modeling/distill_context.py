"""Safety context distillation (paper, section 4.2.4): a model learns to answer adversarial prompts as safely as it does
after a safety pre-prompt, without it.

    python -m modeling.distill_context RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/prompts.jsonl (see modeling.prompt_data): adversarial prompts alone, tagged safety.
The base answers each of them plain and after its pre-prompts; the safety reward model scores every answer as one to the
plain prompt; where one scores above the plain answer, the base is fine-tuned on it as the answer to the plain prompt.
The run writes answers.jsonl, scored.jsonl, sft/, model/, answers_after.jsonl, scored_after.jsonl, metrics.jsonl and
report.json, and goes on where it was interrupted. The last line of its output is the report as JSON.
"""

import itertools
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from modeling.chat import Message
from modeling.checkpoints import digest, load_policy, load_reward_model
from modeling.context_config import ContextDistillationConfig
from modeling.distillation_figures import distributions, gate_figures, held_out_figures, mean
from modeling.distributed import Ranks
from modeling.json_lines import DataError
from modeling.preprompts import with_preprompt
from modeling.prompt_data import Prompt, read_prompts
from modeling.recipe import (
    Report,
    Result,
    ShouldStop,
    TrainingError,
    command,
    dtype_of,
    finished,
    identity_of,
    write_report,
)
from modeling.sampling import sample_batch
from modeling.scoring import score
from modeling.splitting import trained_and_held_out
from modeling.stages import Make, Row, Stages

PLAIN = "plain"


@dataclass(frozen=True)
class Question:
    """A prompt with a pre-prompt before it, or plain."""

    prompt: Prompt
    kind: str
    """plain, generic or template."""
    preprompt: str | None = None
    draw: int = 0
    """Number of the answer to this question, where several are drawn."""


def train(
    config: ContextDistillationConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Samples, scores, fine-tunes and evaluates; a run that already finished is only read.

    should_stop is asked between chunks of answers and, while fine-tuning, between forward passes; the same config,
    data, number of threads and number of processes give the same model, on a CPU bit for bit, whether or not the run
    was interrupted. Raises DataError, CheckpointError, ResumeError, TrainingError.
    """
    run, chunk = config.run_dir, config.answers_at_once
    trained, held_out = trained_and_held_out(
        run / "data", read_prompts, lambda prompt: prompt.messages[-1]["content"], config.held_out_share
    )
    check_adversarial([*trained, *held_out], config)
    identity = identity_of(config, ("base", "safety_reward"))
    if (result := finished(run, identity)) is not None:
        return result

    asked = [question for prompt in (*trained, *held_out) for question in questions(prompt, config)]
    asked_after = [Question(prompt, PLAIN) for prompt in held_out]
    chunks, chunks_after = math.ceil(len(asked) / chunk), math.ceil(len(asked_after) / chunk)
    tuning_steps = config.steps or config.epochs * math.ceil(len(trained) / config.batch_size)
    stages = Stages(config, identity, 2 * (chunks + chunks_after) + tuning_steps, report, should_stop, ranks)

    answers = stages.rows("answers", asked, _answering(config.base, config), chunk, "answers")
    exchanges = list(zip(asked, answers, strict=True))
    scored = stages.rows("scored", exchanges, _scoring(config), chunk, "scores", mean_score)
    by_prompt: list[list[Row]] = []
    for question, row in zip(asked, scored, strict=True):
        if question.kind == PLAIN:
            by_prompt.append([])
        by_prompt[-1].append(row)
    sampled, unseen = by_prompt[: len(trained)], by_prompt[len(trained) :]
    gates = [gated(rows, config.gate_margin) for rows in sampled]
    tuned = stages.fine_tune(training_rows(trained, gates), 2 * chunks_after)
    answers_after = stages.rows("answers_after", asked_after, _answering(run / "model", config), chunk, "answers")
    exchanges = list(zip(asked_after, answers_after, strict=True))
    after = stages.rows("scored_after", exchanges, _scoring(config), chunk, "scores", mean_score)

    before = [rows[0] for rows in unseen]
    figures = {
        **gate_figures(gates),
        "scores": {kind: mean(scores) for kind, scores in _by_kind(sampled).items()},
        "held_out": held_out_figures(before, after),
        "held_out_by_kind": {kind: mean(scores) for kind, scores in _by_kind(unseen).items()},
        "distribution": distributions(
            {
                **_by_kind(sampled),
                "held_out_before": [row["score"] for row in before],
                "held_out_after": [row["score"] for row in after],
            }
        ),
        "prompts": {"sampled": len(trained), "trained": tuned.report["train_dialogues"], "held_out": len(held_out)},
        "fine_tuning": {name: figure for name, figure in tuned.report.items() if name != "identity"},
        "steps": stages.step,
        "seconds": round(stages.seconds, 3),
        "parameters": tuned.report["parameters"],
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, figures, ranks)


def check_adversarial(prompts: Sequence[Prompt], config: ContextDistillationConfig) -> None:
    """Raises DataError for a prompt that isn't adversarial, and for one whose answer template is unknown."""
    for prompt in prompts:
        if not prompt.is_safety:
            raise DataError(
                f"prompt {prompt.id} is tagged {prompt.tag!r}, expected 'safety': context distillation "
                "takes adversarial prompts alone, on others it teaches false refusals (paper, section 4.2.4)"
            )
        if "template" not in config.kinds:
            continue
        if prompt.category is not None and prompt.category not in config.templates:
            raise DataError(
                f"prompt {prompt.id} has the risk category {prompt.category!r}, for which templates "
                f"holds no text; it knows {', '.join(map(repr, config.templates))}. Add one, or leave template out of "
                "kinds"
            )
        if prompt.category is None and config.kinds == ["template"]:
            raise DataError(
                f"prompt {prompt.id} has no category, and kinds names template alone; give it one, or "
                "add generic to kinds"
            )


def questions(prompt: Prompt, config: ContextDistillationConfig) -> list[Question]:
    """The prompt plain, then after each kind of pre-prompt that it can have, as often as configured."""
    preprompts: dict[str, str] = {}
    if "generic" in config.kinds:
        preprompts["generic"] = random.Random(f"{config.seed} {prompt.id}").choice(config.preprompts)
    if "template" in config.kinds and prompt.category is not None:
        preprompts["template"] = config.templates[prompt.category]
    prefixed = [
        Question(prompt, kind, text, draw)
        for kind, text in preprompts.items()
        for draw in range(config.answers_per_kind)
    ]
    return [Question(prompt, PLAIN), *prefixed]


def gated(rows: Sequence[Row], margin: float) -> Row:
    """What is kept for a prompt, of the scored answers to it, the plain one first: the best of those that score above
    the plain answer by more than the margin (paper, section 4.2.4). An answer that was cut off, or is empty, is never
    kept.

    plain: the plain answer's score; best: that of the best answer after a pre-prompt, None where all were cut off;
    passed: by kind, whether one of its answers passes; chosen: the row that is kept, or None.
    """
    plain, *others = rows
    usable = [row for row in others if row["finished"] and row["answer"].strip()]
    passing = [row for row in usable if row["score"] > plain["score"] + margin]
    return {
        "id": plain["id"],
        "category": plain["category"],
        "plain": plain["score"],
        "best": max((row["score"] for row in usable), default=None),
        "passed": {row["kind"]: any(each["kind"] == row["kind"] for each in passing) for row in others},
        "chosen": max(passing, key=lambda row: row["score"], default=None),
    }


def training_rows(prompts: Sequence[Prompt], gates: Sequence[Row]) -> list[Row]:
    """The kept answers, each as the answer to its plain prompt. Raises TrainingError where none was kept."""
    rows: list[Row] = []
    for prompt, gate in zip(prompts, gates, strict=True):
        if (chosen := gate["chosen"]) is not None:
            answer = Message(role="assistant", content=chosen["answer"])
            source = f"context distillation, {chosen['kind']}"
            messages = [*prompt.messages, answer]
            rows.append({"messages": messages, "trained_turns": "last", "id": prompt.id, "source": source})
    if not rows:
        raise TrainingError(
            f"for none of the {len(prompts)} prompts an answer after a pre-prompt scored above the plain one; look at "
            "scored.jsonl, and try other preprompts or templates, more answers_per_kind or a smaller gate_margin"
        )
    return rows


def mean_score(rows: Sequence[Row]) -> dict[str, float]:
    """The mean safety score of all answers, plain or not."""
    return {"safety_score": fmean(row["score"] for row in rows)}


def _answering(folder: Path, config: ContextDistillationConfig) -> Callable[[], Make[Question]]:
    """What answers questions with the model of a folder, loaded when it is needed."""

    def prepare() -> Make[Question]:
        policy = load_policy(folder, dtype_of(config))

        def answer(asked: list[Question]) -> list[Row]:
            rows: list[Any] = [None] * len(asked)
            for draw in sorted({question.draw for question in asked}):
                places = [place for place, question in enumerate(asked) if question.draw == draw]
                drawn = sample_batch(
                    policy,
                    [
                        with_preprompt(asked[place].prompt.messages, asked[place].preprompt, config.preprompt_as)
                        for place in places
                    ],
                    temperature=config.temperature,
                    top_p=config.top_p,
                    seed=config.seed + draw,
                    max_new_tokens=config.max_new_tokens,
                    rows=len(places),
                )
                for index, (fresh,) in drawn:
                    row = {"answer": fresh.text, "finished": fresh.finish_reason == "stop"}
                    rows[places[index]] = row
            return rows

        return answer

    return prepare


def _scoring(config: ContextDistillationConfig) -> Callable[[], Make[tuple[Question, Row]]]:
    """What scores answers with the safety reward model, each as an answer to its plain prompt."""

    def prepare() -> Make[tuple[Question, Row]]:
        reward_model = load_reward_model(config.safety_reward, dtype_of(config))

        def rate(exchanges: list[tuple[Question, Row]]) -> list[Row]:
            plain = [(question.prompt.messages, row["answer"]) for question, row in exchanges]
            scores = score(reward_model, plain, token_budget=config.token_budget)
            return [
                {
                    "id": question.prompt.id,
                    "category": question.prompt.category,
                    "kind": question.kind,
                    "preprompt": question.preprompt,
                    **row,
                    "score": value,
                }
                for (question, row), value in zip(exchanges, scores, strict=True)
            ]

        return rate

    return prepare


def _by_kind(prompts: Sequence[Sequence[Row]]) -> dict[str, list[float]]:
    """The scores of all prompts' answers by kind of pre-prompt, in the order of first occurrence."""
    scores: dict[str, list[float]] = {}
    for row in itertools.chain.from_iterable(prompts):
        scores.setdefault(row["kind"], []).append(row["score"])
    return scores


def main(arguments: Sequence[str] | None = None) -> int:
    purpose = "Distils safety pre-prompts into a model's plain answers."
    return command("modeling.distill_context", purpose, ContextDistillationConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
