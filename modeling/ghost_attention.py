"""Ghost Attention (paper, section 3.3): a model learns to keep an instruction of the first turn through a dialogue.

    python -m modeling.ghost_attention RUN_DIR/config.yaml

RUN_DIR holds config.yaml, data/prompts.jsonl (dialogues; see modeling.ghost_data) and, for instructions of a team's
own, data/constraints.jsonl (see modeling.instructions). The instruction is attached to every user turn and the base
answers; then it stays in the first turn alone, and the base is fine-tuned on the last answer of each dialogue. Before
and after, the model is asked the questions of held-out dialogues with the instruction in the first turn alone. The run
writes held_before.jsonl, attached.jsonl, sft/, model/, held_after.jsonl, metrics.jsonl and report.json, and goes on
where it was interrupted. The last line of its output is the report as JSON.
"""

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from transformers import AutoConfig

from modeling.chat import encode_dialogue
from modeling.checkpoints import digest, load_policy, load_tokenizer
from modeling.distributed import Ranks
from modeling.ghost_config import GhostAttentionConfig
from modeling.ghost_data import Plan, evaluation_plans, ghosted, hold, kept, read_user_turns, training_plans
from modeling.instructions import read_constraints, shipped_constraints
from modeling.metrics import accuracy
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
from modeling.splitting import trained_and_held_out
from modeling.stages import Make, Row, Stages


def train(
    config: GhostAttentionConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Evaluates, samples, fine-tunes and evaluates again; a run that already finished is only read.

    should_stop is asked between chunks of dialogues and, while fine-tuning, between forward passes; the same config,
    data, number of threads and number of processes give the same model, on a CPU bit for bit, whether or not the run
    was interrupted. Raises DataError, CheckpointError, ResumeError, TrainingError.
    """
    run, place, chunk = config.run_dir, config.instruction_as, config.dialogues_at_once
    trained, held_out = trained_and_held_out(
        run / "data", read_user_turns, lambda dialogue: dialogue.questions[0], config.held_out_share
    )
    own = run / "data" / "constraints.jsonl"
    constraints = read_constraints(own) if own.exists() else shipped_constraints()
    identity = identity_of(config)
    if (result := finished(run, identity)) is not None:
        return result

    plans = training_plans(trained, constraints, config)
    evaluated = evaluation_plans(held_out, constraints, config)
    evaluation_steps = math.ceil(len(evaluated) / chunk)
    tuning_steps = config.steps or config.epochs * math.ceil(len(plans) / config.batch_size)
    steps = 2 * evaluation_steps + math.ceil(len(plans) / chunk) + tuning_steps
    stages = Stages(config, identity, steps, report, should_stop, ranks)

    def held(name: str, plans: Sequence[Plan], folder: Path, place: str) -> list[Row]:
        return stages.rows(name, plans, _holding(folder, place, config), chunk, "dialogues", kept_share)

    before = held("held_before", evaluated, config.base, place)
    attached = held("attached", plans, config.base, "every")
    rows, left_out = training_rows(plans, attached, config)
    tuned = stages.fine_tune(rows, evaluation_steps)
    after = held("held_after", evaluated, run / "model", place)

    kinds = sorted({constraint.kind for constraint in constraints})
    figures = {
        "kept_by_turn": {"before": kept_by_turn(before), "after": kept_by_turn(after)},
        "kept_by_kind": {
            kind: {"before": kept_by_turn(before, kind), "after": kept_by_turn(after, kind)} for kind in kinds
        },
        "kept_while_attached": kept_by_turn(attached),
        "dialogues": {"sampled": len(attached), "trained": len(rows), **left_out},
        "evaluation_dialogues": len(evaluated),
        "fine_tuning": {name: figure for name, figure in tuned.report.items() if name != "identity"},
        "steps": stages.step,
        "seconds": round(stages.seconds, 3),
        "parameters": tuned.report["parameters"],
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, figures, ranks)


def training_rows(
    plans: Sequence[Plan], rows: Sequence[Row], config: GhostAttentionConfig
) -> tuple[list[Row], dict[str, int]]:
    """The dialogues to fine-tune on, and how many were left out for which reason: their last answer is empty or was
    cut off at max_new_tokens, their tokens are more than max_length (the instruction would be the first to go), or they
    break the instruction where they must keep it. Raises TrainingError where none is left."""
    tokenizer = load_tokenizer(config.base)
    context = AutoConfig.from_pretrained(config.base, local_files_only=True).max_position_embeddings
    longest = min(config.max_length, context)
    chosen: list[Row] = []
    left_out = {"unfinished": 0, "too_long": 0, "broken": 0}
    for plan, row in zip(plans, rows, strict=True):
        ghost = ghosted(plan, row, config.instruction_as)
        if not (row["finished"][-1] and row["answers"][-1].strip()):
            left_out["unfinished"] += 1
        elif any(row["cut"]) or sum(map(len, encode_dialogue(tokenizer, ghost["messages"]))) > longest:
            left_out["too_long"] += 1
        elif not _keeps_enough(row, config.must_keep):
            left_out["broken"] += 1
        else:
            chosen.append(ghost)
    if not chosen:
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in left_out.items())
        raise TrainingError(
            f"none of the {len(rows)} sampled dialogues can be trained on ({reasons}); look at attached.jsonl, and "
            f"raise max_new_tokens (now {config.max_new_tokens}), lower most_turns (now {config.most_turns}) or take "
            f"instructions that the base keeps"
        )
    return chosen, left_out


def kept_by_turn(rows: Sequence[Row], kind: str | None = None) -> list[dict[str, Any]]:
    """By turn, counted from 1: of n dialogues that have it, the share whose answer keeps the instruction (of one kind,
    or the whole), its Wilson 95 % interval, and how many had lost the instruction to the end of the model's context."""
    counted = [row for row in rows if kind is None or kind in row["kept"]]
    curve = []
    for turn in range(max((len(row["answers"]) for row in counted), default=0)):
        there = [row for row in counted if turn < len(row["answers"])]
        right = [kept(row, turn) if kind is None else row["kept"][kind][turn] for row in there]
        n, share, low, high = accuracy(right)
        cut = sum(row["cut"][turn] for row in there)
        curve.append({"turn": turn + 1, "n": n, "share": share, "low": low, "high": high, "beyond_context": cut})
    return curve


def kept_share(rows: Sequence[Row]) -> dict[str, float]:
    """The share of all answers of the dialogues that keep the instruction."""
    return {"kept": fmean(kept(row, turn) for row in rows for turn in range(len(row["answers"])))}


def _holding(folder: Path, place: str, config: GhostAttentionConfig) -> Callable[[], Make[Plan]]:
    """What holds dialogues with the model of a folder, loaded when it is needed."""

    def prepare() -> Make[Plan]:
        return partial(hold, load_policy(folder, dtype_of(config)), place=place, config=config)

    return prepare


def _keeps_enough(row: Row, must_keep: str) -> bool:
    if must_keep == "last":
        return kept(row, -1)
    return must_keep == "nothing" or all(kept(row, turn) for turn in range(len(row["answers"])))


def main(arguments: Sequence[str] | None = None) -> int:
    purpose = "Teaches a model to keep an instruction through a dialogue."
    return command("modeling.ghost_attention", purpose, GhostAttentionConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
