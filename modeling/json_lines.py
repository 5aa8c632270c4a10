"""How a run's data files are read: one JSON object per line, and errors that name the file, the line and the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Item = TypeVar("Item")


class DataError(ValueError):
    """Data that can't be used; names the file, the line and the reason."""


def read_lines(
    path: Path, parse: Callable[[dict[str, Any], str], Item], *, what: str, fields: str, may_be_empty: bool = False
) -> list[Item]:
    """What ``parse`` makes of the object of every line, in their order; blank lines are passed over.

    A line ends at a line feed alone: text may hold other separators, such as U+2028, as they are. parse: takes the
    object and the place to name in a DataError ("train.jsonl, line 3"). what: the items, fields: what a line must
    hold, both for messages. Raises DataError where the file can't be read or holds no items, unless it may be empty.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            items = [
                parse(_object(line, where := f"{path.name}, line {number}", fields), where)
                for number, line in enumerate(lines, start=1)
                if line.strip()
            ]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text: {error}") from error
    if not items and not may_be_empty:
        raise DataError(f"{path.name} holds no {what}; expected at least one line of JSON")
    return items


def _object(line: str, where: str, fields: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not valid JSON ({error})") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object with {fields}, got {type(row).__name__}")
    return row
