"""What a run reports: figures by step in metrics.jsonl, accuracies with their intervals."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

Z_95 = 1.959963984540054
"""The standard normal's 97.5 % point."""


class Accuracy(NamedTuple):
    """A share of right answers with its Wilson 95 % interval; all three are None where n is 0."""

    n: int
    accuracy: float | None
    low: float | None
    high: float | None


class Mean(NamedTuple):
    """A mean with its normal 95 % interval; the interval is None where n is below 2, and all are where it is 0."""

    n: int
    mean: float | None
    low: float | None
    high: float | None


def mean_of(values: Sequence[float]) -> Mean:
    """The mean with its normal 95 % interval (mean -+ 1.96 s / sqrt n), of values that were drawn independently."""
    n = len(values)
    if n == 0:
        return Mean(0, None, None, None)
    centre = fmean(values)
    if n == 1:
        return Mean(1, centre, None, None)
    half = Z_95 * stdev(values) / math.sqrt(n)
    return Mean(n, centre, centre - half, centre + half)


def accuracy(right: Iterable[bool]) -> Accuracy:
    """Share of True with the Wilson score interval (Wilson 1927, equation 4), which stays within 0 and 1."""
    outcomes = list(right)
    n = len(outcomes)
    if n == 0:
        return Accuracy(0, None, None, None)
    share = sum(outcomes) / n
    scale = 1 + Z_95**2 / n
    centre = (share + Z_95**2 / (2 * n)) / scale
    half = Z_95 / scale * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return Accuracy(n, share, max(0.0, centre - half), min(1.0, centre + half))


def accuracy_by(buckets: Sequence[str], right: Sequence[bool]) -> dict[str, dict[str, float | None]]:
    """Accuracy within each bucket that occurs, in the order of first occurrence."""
    groups: dict[str, list[bool]] = {}
    for bucket, outcome in zip(buckets, right, strict=True):
        groups.setdefault(bucket, []).append(outcome)
    return {bucket: accuracy(outcomes)._asdict() for bucket, outcomes in groups.items()}


def append_metrics(path: Path, figures: dict[str, float | int]) -> None:
    """Adds one JSON line to metrics.jsonl."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(figures) + "\n")


def keep_metrics(path: Path, last_step: int) -> None:
    """Drops what was logged after ``last_step``, or torn by a kill: a run that resumes there logs it again."""
    kept = [line for line in _lines(path) if (step := _step(line)) is not None and step <= last_step]
    replacement = path.with_suffix(".partial")
    replacement.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    replacement.replace(path)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _step(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None
