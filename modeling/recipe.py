"""What the recipes share around their loops: how a run begins, ends, reports, stops and is started from a shell."""

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers.utils import logging as transformers_logging

from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError, digest, file_digest
from modeling.configuration import ConfigError
from modeling.distributed import Ranks, joined
from modeling.json_lines import DataError
from modeling.memory import memory_warning
from modeling.metrics import append_metrics
from modeling.resuming import ResumeError, check_identity
from modeling.sampling_requests import SamplingError
from modeling.training_config import TrainingConfig, load_config


@dataclass(frozen=True)
class Progress:
    """One logged step: how far the run is, and the step's figures by name (loss, learning_rate, ..._per_second)."""

    step: int
    steps: int
    seconds: float
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a finished run leaves: the folder of its model and the figures of report.json."""

    model: Path
    report: dict[str, Any]


Report = Callable[[Progress], None]
ShouldStop = Callable[[], bool]
AnyConfig = TypeVar("AnyConfig", bound=TrainingConfig)
Train = Callable[[AnyConfig, Report, ShouldStop, Ranks], Result]
"""A recipe: trains by its config, reports its steps, stops when it is asked to, alone or as one of several ranks."""


class TrainingError(RuntimeError):
    """Training that can't go on; says at which step and what to try."""


EXPLAINED = (ConfigError, DataError, ChatError, CheckpointError, SamplingError, ResumeError, TrainingError, OSError)
"""Errors whose message tells a person what to do: the command prints it, without a traceback."""


class Stopped(RuntimeError):  # noqa: N818 - a request that was followed, not an error
    """The run was asked to stop; its last checkpoint holds every completed step."""

    def __init__(self) -> None:
        super().__init__("stopped as asked; start the run again to go on from its last checkpoint")


def identity_of(config: TrainingConfig, models: Sequence[str] = ("base",)) -> dict[str, Any]:
    """What makes a run this run: its settings, the digests of its data, and those of the models it reads.

    models: names of the settings that hold a model's folder; one that is None is left out.
    """
    settings = asdict(config)
    for name in ("run_dir", "log_every", "checkpoint_every", "sharded", *models):
        del settings[name]
    data = {f"{file.stem}_digest": file_digest(file) for file in sorted((config.run_dir / "data").glob("*.jsonl"))}
    folders = {name: getattr(config, name) for name in models}
    return settings | data | {f"{name}_digest": digest(folder) for name, folder in folders.items() if folder}


def finished(run: Path, identity: dict[str, Any]) -> Result | None:
    """The result of a run that came to its end before. Raises ResumeError where it was another run."""
    path = run / "report.json"
    if not path.exists():
        return None
    figures = json.loads(path.read_text(encoding="utf-8"))
    check_identity(figures["identity"], identity, run)
    return Result(run / "model", figures)


def write_report(run: Path, figures: dict[str, Any], ranks: Ranks = Ranks()) -> Result:  # noqa: B008 - frozen
    """Closes the run: report.json, whole or not at all, by the first rank."""
    if ranks.is_first:
        partial = run / ".report.json.partial"
        partial.write_text(json.dumps(figures, indent=1), encoding="utf-8")
        partial.replace(run / "report.json")
    ranks.barrier()
    return Result(run / "model", figures)


def log_step(run: Path, progress: Progress, report: Report, ranks: Ranks = Ranks()) -> None:  # noqa: B008 - frozen
    """Adds the step to metrics.jsonl and reports it, by the first rank."""
    if ranks.is_first:
        line = {"step": progress.step, "steps": progress.steps, **progress.figures, "seconds": progress.seconds}
        append_metrics(run / "metrics.jsonl", line)
        report(progress)


def order_of(count: int, seed: int, epoch: int) -> list[int]:
    """The order in which an epoch passes over ``count`` examples, a function of seed and epoch."""
    generator = torch.Generator().manual_seed(step_seed(seed, -1 - epoch))
    return torch.randperm(count, generator=generator).tolist()


def batch_of(count: int, batch_size: int, seed: int, step: int) -> list[int]:
    """Indices of a step's examples: every epoch passes over all of them in an order of its own; its last batch may be
    smaller."""
    epoch, place = divmod(step, math.ceil(count / batch_size))
    return order_of(count, seed, epoch)[place * batch_size : (place + 1) * batch_size]


def step_seed(seed: int, step: int) -> int:
    """A seed of its own for each step (and, counted downwards from -1, for each epoch's order)."""
    return (seed * 1_000_003 + step) % 2**63


def dtype_of(config: TrainingConfig) -> torch.dtype:
    """The precision of models that sample or score beside the one that learns."""
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


def command(
    module: str, purpose: str, kind: type[AnyConfig], train: Train[AnyConfig], arguments: Sequence[str] | None = None
) -> int:
    """``python -m module RUN_DIR/config.yaml``: progress on the error stream, the report as one JSON line at the end.

    Returns the exit status; a run that a signal stopped returns 128 plus the signal's number, as a shell would.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=purpose)
    parser.add_argument("config", type=Path, help="the run's config.yaml, beside its data folder")
    path = parser.parse_args(arguments).config
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: received.append(signum))
    try:
        config = load_config(kind, path)
        with joined() as ranks:
            if ranks.is_first and (warning := memory_warning(config, ranks.size)):
                print(f"Warning: {warning}", file=sys.stderr)
            result = train(config, _print_progress, lambda: bool(received), ranks)
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return 128 + (received[0] if received else signal.SIGTERM)
    except EXPLAINED as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except torch.OutOfMemoryError as error:
        first_line = str(error).splitlines()[0]
        print(f"Error: out of memory ({first_line}): lower token_budget (now {config.token_budget})", file=sys.stderr)
        return 1
    if ranks.is_first:
        print(json.dumps({"model": os.fspath(result.model), **result.report}))
    return 0


def _print_progress(progress: Progress) -> None:
    figures = "  ".join(f"{name} {value:.4g}" for name, value in progress.figures.items())
    print(f"step {progress.step}/{progress.steps}  {figures}", file=sys.stderr, flush=True)
