"""What safety data scaling trains on and asks: demonstrations and held-out prompts, of projects or files."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError

from annotation.models import Project
from annotation.models.prompts import opening_digest
from evaluation.safety.scaling import AXES, Row
from workers.given_files import read_given
from workers.preparing import project_rows
from workers.recipes import SFT, Data
from workers.training_command import projects_called

HELD_OUT_SHARE = 0.1
"""Of the demonstrations of a file, whose prompts are held out where no file of prompts is given."""


def data_of(options: dict[str, Any]) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
    """The demonstrations and the held-out prompts of each axis. Raises CommandError and ExportError."""
    projects = projects_called(options["project"])
    trained: dict[str, list[Row]] = {}
    held_out: dict[str, list[Row]] = {}
    for axis in AXES:
        own = [project for project in projects if project.dimension == Project.Dimension(axis)]
        given, prompts = options[axis], options[f"held_out_{axis}"]
        if bool(own) == bool(given):
            raise CommandError(f"Name either a --project of {axis} or a file of demonstrations by --{axis}.")
        if given:
            trained[axis], held_out[axis] = split(read_given(given.expanduser().resolve(), "train.jsonl", SFT.data))
        else:
            trained[axis], held_out[axis] = rows_of(own)
        if prompts:
            held_out[axis] = read_given(prompts.expanduser().resolve(), "prompts.jsonl", Data.PROMPTS)
    for axis in AXES:
        asked = {opening_digest(row["messages"]) for rows in held_out.values() for row in rows}
        trained[axis] = [row for row in trained[axis] if opening_digest(row["messages"]) not in asked]
    return trained, held_out


def rows_of(projects: list[Project]) -> tuple[list[Row], list[Row]]:
    contents = project_rows(SFT, projects, Counter())
    return list(contents["train.jsonl"]), prompts_of(contents["test.jsonl"])


def split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """By a hash of the opening, so that no two demonstrations of one prompt stand on both sides."""
    is_held_out = [int.from_bytes(opening_digest(row["messages"])[:4], "big") < HELD_OUT_SHARE * 2**32 for row in rows]
    train = [row for row, held in zip(rows, is_held_out, strict=True) if not held]
    return train, prompts_of(row for row, held in zip(rows, is_held_out, strict=True) if held)


def prompts_of(rows: Iterable[Row]) -> list[Row]:
    """The prompts of demonstrations, each once, in the order of a hash: the first ones are drawn as if at random."""
    prompts = {opening_digest(row["messages"]): {"messages": row["messages"][:-1]} for row in rows}
    return [prompts[digest] for digest in sorted(prompts)]
