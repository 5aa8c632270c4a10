"""The reward model's recipe (paper, section 3.2.2): a chat checkpoint learns to score answers from preference pairs.

    python -m modeling.train_reward RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/train.jsonl, data/test.jsonl (see modeling.preference_data). The run writes
metrics.jsonl, checkpoints/, model/ and report.json beside them, and goes on from its last checkpoint when it is started
again. The last line of its output is the report as JSON.
"""

import argparse
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.utils import logging as transformers_logging

from modeling.chat import padding_id
from modeling.checkpoints import (
    CheckpointError,
    RewardModel,
    digest,
    file_digest,
    new_reward_model,
    save,
)
from modeling.configuration import ConfigError
from modeling.losses import ranking_loss, safety_loss
from modeling.metrics import accuracy, accuracy_by, append_metrics, keep_metrics
from modeling.preference_data import DataError, PreferencePair, check_separate, encode_pair, read_pairs
from modeling.resuming import Position, ResumeError, check_identity, restore_state, save_state
from modeling.reward_config import RewardConfig, load_config
from modeling.schedule import cosine_with_warmup, warmup_steps
from modeling.shared_prefix import Row, by_length, end_scores, pack


@dataclass(frozen=True)
class Progress:
    """One logged step; loss and accuracy are of its batch."""

    step: int
    steps: int
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norm: float
    pairs_per_second: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """What a finished run leaves: the folder of its model and the figures of report.json."""

    model: Path
    report: dict[str, Any]


class TrainingError(RuntimeError):
    """Training that can't go on; says at which step and what to try."""


class Stopped(RuntimeError):  # noqa: N818 - a request that was followed, not an error
    """The run was asked to stop; its last checkpoint holds every completed step."""


def train(
    config: RewardConfig,
    report: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Trains, evaluates on the held-out pairs and saves the model; a run that already finished is only read.

    The same config, data and number of threads give the same weights, on a CPU bit for bit, whether or not the run was
    interrupted. should_stop is asked before every forward pass: True saves a checkpoint and raises Stopped.
    Raises DataError, CheckpointError, ResumeError, TrainingError.
    """
    run = config.run_dir
    train_pairs = read_pairs(run / "data" / "train.jsonl")
    test_pairs = read_pairs(run / "data" / "test.jsonl", may_be_empty=True)
    check_separate(train_pairs, test_pairs)
    identity = _identity(config)
    if (finished := _finished(run, identity)) is not None:
        return finished

    reward_model = new_reward_model(config.base)
    model, tokenizer = reward_model
    config = replace(config, max_length=min(config.max_length, model.config.max_position_embeddings))
    model.train()
    if config.gradient_checkpointing:
        model.activation_checkpointing_enable()
    optimizer = _optimizer(model, config)
    steps = config.epochs * math.ceil(len(train_pairs) / config.batch_size)
    warmup = warmup_steps(steps, config.warmup_share, config.warmup_least)
    position = restore_state(run / "checkpoints", model, optimizer, identity)
    keep_metrics(run / "metrics.jsonl", position.step)

    while position.step < steps:
        started = time.perf_counter()
        batch = _batch(train_pairs, position.step, config)
        learning_rate = config.learning_rate * cosine_with_warmup(position.step, steps, warmup, config.floor)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        torch.manual_seed(_step_seed(config.seed, position.step))
        try:
            loss, right = _backward(reward_model, batch, config, should_stop)
        except Stopped:
            # The optimizer hasn't moved in this step: the state is that of the last completed one.
            save_state(run / "checkpoints", position, model, optimizer, identity)
            raise
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip))
        _require_finite(loss, norm, position.step + 1, config)
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - started
        position = Position(position.step + 1, position.seconds + seconds)

        if position.step % config.log_every == 0 or position.step == steps:
            progress = Progress(
                step=position.step,
                steps=steps,
                loss=loss,
                accuracy=right / len(batch),
                learning_rate=learning_rate,
                gradient_norm=norm,
                pairs_per_second=len(batch) / seconds,
                seconds=position.seconds,
            )
            append_metrics(run / "metrics.jsonl", asdict(progress))
            report(progress)
        if position.step % config.checkpoint_every == 0 or position.step == steps:
            save_state(run / "checkpoints", position, model, optimizer, identity)

    figures = evaluate(reward_model, test_pairs, config, should_stop)
    tokenizer.model_max_length = config.max_length
    save(model, tokenizer, run / "model")
    trained = config.epochs * len(train_pairs)
    figures |= {
        "train_pairs": len(train_pairs),
        "test_pairs": len(test_pairs),
        "steps": steps,
        "seconds": round(position.seconds, 3),
        "pairs_per_second": round(trained / position.seconds, 3),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return _written_report(run, figures)


@torch.no_grad()
def evaluate(
    reward_model: RewardModel,
    pairs: Sequence[PreferencePair],
    config: RewardConfig,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Held-out accuracy, overall and per rating and batch, each with n and its Wilson 95 % interval; equal scores count
    as wrong (paper, tables 7 and 8). Leaves the model in evaluation mode."""
    model, tokenizer = reward_model
    model.eval()
    rows = [encode_pair(tokenizer, pair, config.max_length) for pair in pairs]
    scores = torch.zeros(len(pairs), 2)
    for group, part in _scored(reward_model, rows, config, should_stop):
        scores[group] = part.cpu()
    right = (scores[:, 0] > scores[:, 1]).tolist()
    safe = _safe_labels(pairs)
    labelled = ~torch.isnan(safe)
    means = scores.mean(dim=0).tolist() if pairs else [None, None]
    return {
        "accuracy": accuracy(right)._asdict(),
        "accuracy_by_rating": accuracy_by([pair.rating or "unrated" for pair in pairs], right),
        "accuracy_by_batch": accuracy_by([pair.batch or "no batch" for pair in pairs], right),
        "safety_accuracy": accuracy(((scores > 0) == (safe > 0.5))[labelled].tolist())._asdict(),
        "mean_score": {"chosen": means[0], "rejected": means[1]},
    }


def _backward(
    reward_model: RewardModel, batch: Sequence[PreferencePair], config: RewardConfig, should_stop: Callable[[], bool]
) -> tuple[float, int]:
    """Adds up the gradient of the batch's mean loss, part by part within the token budget, so that the gradient does
    not depend on the parts. Returns the loss and the number of pairs that the model ordered rightly."""
    rows = [encode_pair(reward_model.tokenizer, pair, config.max_length) for pair in batch]
    margins = torch.tensor([pair.margin_by(config.margin) for pair in batch])
    safe = _safe_labels(batch)
    labelled = int((~torch.isnan(safe)).sum())
    total, right = 0.0, 0
    for group, scores in _scored(reward_model, rows, config, should_stop):
        chosen, rejected = scores.unbind(dim=1)
        loss = ranking_loss(chosen, rejected, margins[group].to(scores.device), pairs=len(batch))
        if config.safety_weight:
            labels = safe[group].to(scores.device).flatten()
            loss = loss + config.safety_weight * safety_loss(scores.flatten(), labels, labelled)
        loss.backward()
        total += float(loss.detach())
        right += int((chosen > rejected).sum())
    return total, right


def _scored(
    reward_model: RewardModel, rows: Sequence[Row], config: RewardConfig, should_stop: Callable[[], bool]
) -> Iterator[tuple[list[int], Tensor]]:
    """Indices of rows of like length and their scores (rows, 2), group by group. Raises Stopped between groups."""
    model, tokenizer = reward_model
    for group in by_length(rows, config.token_budget):
        if should_stop():
            model.zero_grad()
            raise Stopped("stopped as asked; start the run again to go on from its last checkpoint")
        packed = pack([rows[index] for index in group], padding_id(tokenizer))
        with torch.autocast(model.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            scores = end_scores(model, packed)
        yield group, scores


def _batch(pairs: Sequence[PreferencePair], step: int, config: RewardConfig) -> list[PreferencePair]:
    """The pairs of a step: every epoch passes over all of them in an order of its own, a function of seed and epoch."""
    epoch, place = divmod(step, math.ceil(len(pairs) / config.batch_size))
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(_step_seed(config.seed, -1 - epoch)))
    return [pairs[index] for index in order[place * config.batch_size : (place + 1) * config.batch_size].tolist()]


def _step_seed(seed: int, step: int) -> int:
    """A seed of its own for each step (and, counted downwards from -1, for each epoch's order)."""
    return (seed * 1_000_003 + step) % 2**63


def _safe_labels(pairs: Sequence[PreferencePair]) -> Tensor:
    """(pairs, 2), chosen and rejected: 1 safe, 0 unsafe, nan unlabelled."""
    labels = [[pair.chosen_safe, pair.rejected_safe] for pair in pairs]
    values = [[math.nan if label is None else float(label) for label in both] for both in labels]
    return torch.tensor(values).reshape(len(pairs), 2)


def _optimizer(model: torch.nn.Module, config: RewardConfig) -> torch.optim.AdamW:
    """AdamW with the paper's constants (section 2.2); weight decay on matrices, not on norms."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), eps=1e-5)


def _identity(config: RewardConfig) -> dict[str, Any]:
    """What makes a run this run: its settings and the digests of its data and of its base."""
    settings = asdict(config)
    for name in ("run_dir", "base", "log_every", "checkpoint_every"):
        del settings[name]
    data = config.run_dir / "data"
    parts = {f"{part}_digest": file_digest(data / f"{part}.jsonl") for part in ("train", "test")}
    return settings | parts | {"base_digest": digest(config.base)}


def _finished(run: Path, identity: dict[str, Any]) -> Result | None:
    path = run / "report.json"
    if not path.exists():
        return None
    figures = json.loads(path.read_text(encoding="utf-8"))
    check_identity(figures["identity"], identity, run)
    return Result(run / "model", figures)


def _written_report(run: Path, figures: dict[str, Any]) -> Result:
    partial = run / ".report.json.partial"
    partial.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    partial.replace(run / "report.json")
    return Result(run / "model", figures)


def _require_finite(loss: float, norm: float, step: int, config: RewardConfig) -> None:
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise TrainingError(
            f"step {step}: the loss is {loss}, its gradient's norm {norm}; the last checkpoint is untouched. "
            f"Lower learning_rate (now {config.learning_rate}) or look for damaged weights in {config.base}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: progress on the error stream, the report as one JSON line at the end. Returns the exit status;
    a run that a signal stopped returns 128 plus the signal's number, as a shell would."""
    parser = argparse.ArgumentParser(prog="python -m modeling.train_reward", description="Trains a reward model.")
    parser.add_argument("config", type=Path, help="the run's config.yaml, beside its data folder")
    path = parser.parse_args(arguments).config
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: received.append(signum))
    try:
        result = train(load_config(path), _print_progress, lambda: bool(received))
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return 128 + received[0]
    except (ConfigError, DataError, CheckpointError, ResumeError, TrainingError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"model": os.fspath(result.model), **result.report}))
    return 0


def _print_progress(progress: Progress) -> None:
    print(
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  accuracy {progress.accuracy:.3f}  "
        f"learning rate {progress.learning_rate:.2e}  {progress.pairs_per_second:.1f} pairs/s",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
