"""Answers that people labelled as refusals or not, read from a run's data/*.jsonl and checked line by line.

A line is ``{"prompt": text, "response": text, "refusal": true | false | "full" | "partial" | "none", "group": text}``;
only group may be missing. Examples of one group are never both trained on and measured; without one, those of one
prompt are a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modeling.json_lines import DataError, read_lines

REFUSALS = ("none", "partial", "full")
"""How far an answer refuses, as XSTest tells them apart (Roettger et al. 2024): it complies; it says that it can't and
answers in part; it refuses."""
COUNTED = ("any", "full")
"""What counts as a refusal: full and partial ones, or full ones alone."""


@dataclass(frozen=True)
class Example:
    """An answer with what a person said about it."""

    prompt: str
    response: str
    refusal: str
    group: str

    def is_refusal(self, counted: str) -> bool:
        return self.refusal == "full" or (self.refusal == "partial" and counted == "any")


def read_examples(path: Path, may_be_empty: bool = False) -> list[Example]:
    """Every example of a JSONL file. The first line that can't be used raises DataError; so does a file without
    examples, or one that isn't there, unless it may be empty."""
    if may_be_empty and not path.exists():
        return []
    return read_lines(path, _example, what="examples", fields="prompt, response and refusal", may_be_empty=may_be_empty)


def check_separate(train: Sequence[Example], test: Sequence[Example]) -> None:
    """Raises DataError where a group is trained on and measured: the measured error would be too small."""
    both = {each.group for each in train} & {each.group for each in test}
    if both:
        raise DataError(f"{sorted(both)[0][:80]!r} is in the data and in the test data; keep a group on one side")


def check_both(examples: Sequence[Example], counted: str) -> None:
    """Raises DataError where all examples are alike: there is nothing to tell apart."""
    refusals = sum(each.is_refusal(counted) for each in examples)
    if refusals in (0, len(examples)):
        what = "none is a refusal" if refusals == 0 else "all are refusals"
        raise DataError(f"of {len(examples)} examples {what}; a classifier learns from both kinds")


def folds_of(examples: Sequence[Example], folds: int, seed: int) -> list[list[int]]:
    """Indices of the examples in parts of about one size, whole groups in each: the groups in an order drawn by the
    seed, the largest first, each into the part that is the smallest so far. Raises DataError for fewer groups."""
    members: dict[str, list[int]] = {}
    for index, each in enumerate(examples):
        members.setdefault(each.group, []).append(index)
    if len(members) < folds:
        raise DataError(
            f"the examples are of {len(members)} groups, expected at least {folds} to measure on each in turn"
        )
    names = sorted(members)
    shuffled = [names[place] for place in torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))]
    parts: list[list[int]] = [[] for _ in range(folds)]
    for name in sorted(shuffled, key=lambda name: -len(members[name])):
        min(parts, key=len).extend(members[name])
    return [sorted(part) for part in parts]


def _example(row: dict[str, Any], where: str) -> Example:
    for name in ("prompt", "response"):
        if not isinstance(row.get(name), str):
            raise DataError(f"{where}: {name} must be a text, got {row.get(name)!r:.60}")
    refusal = row.get("refusal")
    if isinstance(refusal, bool):
        refusal = "full" if refusal else "none"
    if refusal not in REFUSALS:
        raise DataError(f"{where}: refusal must be true, false or one of {', '.join(REFUSALS)}, got {refusal!r}")
    return Example(row["prompt"], row["response"], refusal, str(row.get("group") or row["prompt"]))
