"""A run's metrics.jsonl as it grows: its curves in the database, its progress in a line."""

import json
import math
from pathlib import Path
from typing import Any

from modeling.registry.models import Run, RunMetric
from workers.runs import Report

NOT_CURVES = ("step", "steps", "seconds")
NOTED = ("loss", "reward", "kl")
"""Figures that the progress note gives, besides every speed."""
SPEED = "_per_second"
NEARLY_DONE = 0.98
"""The share done after the last step: the model is still to be saved, measured and registered."""


class Metrics:
    """Follows metrics.jsonl into the run's curves and its progress."""

    def __init__(self, run: Run, path: Path) -> None:
        self.run = run
        self.path = path
        self.read = 0
        self.file_number = 0

    def follow(self, report: Report) -> None:
        """Take in the lines that were added; all of them again after a resumed process has rewritten the file."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return
        if found.st_ino != self.file_number or found.st_size < self.read:
            self.file_number, self.read = found.st_ino, 0
        with self.path.open("rb") as stream:
            stream.seek(self.read)
            added = stream.read()
        whole = added[: added.rfind(b"\n") + 1]
        self.read += len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if lines:
            self._store(lines)
            last = lines[-1]
            report(NEARLY_DONE * last["step"] / last["steps"], note_of(last))

    def _store(self, lines: list[dict[str, Any]]) -> None:
        points = [
            RunMetric(run=self.run, step=int(line["step"]), name=name, value=value)
            for line in lines
            for name, value in figures_of(line).items()
        ]
        RunMetric.objects.bulk_create(
            points, update_conflicts=True, unique_fields=["run", "name", "step"], update_fields=["value"]
        )


def figures_of(line: dict[str, Any]) -> dict[str, float]:
    """The figures of a line that make curves: all finite numbers."""
    return {
        name: float(value)
        for name, value in line.items()
        if name not in NOT_CURVES
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    }


def note_of(line: dict[str, Any]) -> str:
    """step 5 of 60, loss 0.6931, 12.3 pairs/s"""
    figures = figures_of(line)
    parts = [f"{name} {figures[name]:.4f}" for name in NOTED if name in figures]
    parts += [f"{value:.1f} {name.removesuffix(SPEED)}/s" for name, value in figures.items() if name.endswith(SPEED)]
    return ", ".join([f"step {line['step']} of {line['steps']}", *parts])
