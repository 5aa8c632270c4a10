"""A run of several stages: rows made chunk by chunk, then a model fine-tuned on them, then more rows that measure it.

A stage appends its rows to ``run_dir/NAME.jsonl``, a whole chunk at a time. A run that was interrupted drops a torn
last line and the rest of its chunk, and makes that chunk again: a row depends on what shares its batch by the rounding
of the logits, so that the same chunks give the same rows bit for bit.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from modeling import train_sft
from modeling.checkpoints import written_whole
from modeling.distributed import Ranks
from modeling.metrics import keep_metrics
from modeling.recipe import Progress, Report, Result, ShouldStop, Stopped, log_step
from modeling.resuming import check_identity
from modeling.sft_config import SFTConfig
from modeling.training_config import save_config

Item = TypeVar("Item")
Row = dict[str, Any]
Make = Callable[[list[Item]], list[Row]]
"""Turns items into rows of plain JSON values, one each, in their order."""


class Stages:
    """The stages of one run, in their order. A chunk of rows is a step of the run, and so is a step of fine-tuning."""

    def __init__(
        self,
        config: SFTConfig,
        identity: dict[str, Any],
        steps: int,
        report: Report,
        should_stop: ShouldStop,
        ranks: Ranks,
    ) -> None:
        """identity: what makes the run this run (recipe.identity_of). steps: of all stages, as far as is known.

        Raises ResumeError where the folder holds the rows of another run.
        """
        self.config, self.run, self.ranks = config, config.run_dir, ranks
        self.report, self.should_stop = report, should_stop
        self.step, self.steps, self.seconds = 0, steps, 0.0
        self._claim(identity)

    def rows(
        self,
        name: str,
        items: Sequence[Item],
        prepare: Callable[[], Make[Item]],
        chunk: int,
        what: str,
        figures: Callable[[list[Row]], dict[str, float]] = lambda rows: {},
    ) -> list[Row]:
        """The stage's rows, one per item: those of an earlier start are read, the rest is made and kept.

        prepare: loads what the stage needs and returns what makes the rows; called only where something is left to
        make, so that no two stages hold their models at once. Every process makes its share of a chunk. chunk: items
        per step, over all processes. what: the rows' name in the figure ``..._per_second``. figures: what else is
        logged of a chunk's rows. Raises Stopped between chunks.
        """
        path = self.run / f"{name}.jsonl"
        rows = self._whole_chunks(path, len(items), chunk)
        self._skip(math.ceil(len(rows) / chunk))
        if len(rows) < len(items):
            self._forget_after(self.step)
        make: Make[Item] | None = None
        for start in range(len(rows), len(items), chunk):
            if self.ranks.any(self.should_stop()):
                raise Stopped
            make = make or prepare()
            started = time.perf_counter()
            own = self.ranks.share(items[start : start + chunk])
            lines = self.ranks.gathered([json.dumps(row) for row in (make(own) if own else [])])
            if self.ranks.is_first:
                _append(path, lines)
            made = [json.loads(line) for line in lines]
            rows += made
            seconds = time.perf_counter() - started
            self._log(seconds, {f"{what}_per_second": len(lines) / seconds, **figures(made)})
        return rows

    def fine_tune(self, rows: Sequence[Row], steps_after: int) -> Result:
        """Fine-tunes the run's base on rows of train_sft's format, by the run's settings, as a run of its own in
        run_dir/sft. Its steps count among this run's; its model becomes this run's.

        steps_after: of the stages that follow.
        """
        shared = {field.name: getattr(self.config, field.name) for field in fields(SFTConfig)}
        config = SFTConfig(**{**shared, "run_dir": self.run / "sft"})
        if self.ranks.is_first:
            _write(config.run_dir / "data" / "train.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
            save_config(config)
        self.ranks.barrier()
        before, seconds_before, has_begun = self.step, self.seconds, False

        def relay(progress: Progress) -> None:
            nonlocal has_begun
            if not has_begun:
                self._forget_after(before + progress.step - 1)
                has_begun = True
            self.steps = before + progress.steps + steps_after
            seconds = seconds_before + progress.seconds
            log_step(self.run, Progress(before + progress.step, self.steps, seconds, progress.figures), self.report)

        result = train_sft.train(config, relay, self.should_stop, self.ranks)
        self.step = before + result.report["steps"]
        self.steps = self.step + steps_after
        self.seconds = seconds_before + result.report["seconds"]
        if self.ranks.is_first:
            with written_whole(self.run / "model") as partial:
                for file in result.model.iterdir():
                    shutil.copyfile(file, partial / file.name)
        self.ranks.barrier()
        return result

    def _claim(self, identity: dict[str, Any]) -> None:
        """Notes in the folder whose rows it holds."""
        note = self.run / "identity.json"
        if note.exists():
            check_identity(json.loads(note.read_text(encoding="utf-8")), identity, self.run)
        self.ranks.barrier()
        if self.ranks.is_first:
            _write(note, json.dumps(identity, indent=1))
        self.ranks.barrier()

    def _whole_chunks(self, path: Path, count: int, chunk: int) -> list[Row]:
        """The rows of the chunks that were kept whole; what a kill left behind them is dropped from the file."""
        if self.ranks.is_first:
            lines = _complete_lines(path)
            whole = count if len(lines) >= count else len(lines) - len(lines) % chunk
            _write(path, "".join(f"{line}\n" for line in lines[:whole]))
        self.ranks.barrier()
        return [json.loads(line) for line in _complete_lines(path)]

    def _skip(self, steps: int) -> None:
        """Counts steps that an earlier start of the run has done, with the seconds that it logged for them."""
        self.step += steps
        metrics = self.run / "metrics.jsonl"
        for line in _complete_lines(metrics):
            logged = json.loads(line)
            if logged["step"] <= self.step:
                self.seconds = max(self.seconds, logged["seconds"])

    def _log(self, seconds: float, figures: dict[str, float]) -> None:
        self.step, self.seconds = self.step + 1, self.seconds + seconds
        self.steps = max(self.steps, self.step)
        log_step(self.run, Progress(self.step, self.steps, self.seconds, figures), self.report, self.ranks)

    def _forget_after(self, step: int) -> None:
        """Drops what was logged after a step that is made again."""
        if self.ranks.is_first:
            keep_metrics(self.run / "metrics.jsonl", step)


def _complete_lines(path: Path) -> list[str]:
    """The lines of a JSONL file up to the first that a kill or a full disk tore."""
    text = path.read_bytes() if path.exists() else b""
    complete: list[str] = []
    for line in text.split(b"\n")[:-1]:
        try:
            json.loads(line)
        except ValueError:
            break
        complete.append(line.decode())
    return complete


def _append(path: Path, lines: Sequence[str]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
        os.fsync(stream.fileno())


def _write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
