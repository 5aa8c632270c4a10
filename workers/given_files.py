"""Data that comes from a file: brought into the form that a recipe reads, and checked by the recipe's own reader."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from annotation.exporting import ExportError
from modeling.ghost_data import read_user_turns
from modeling.instructions import read_constraints
from modeling.json_lines import DataError
from modeling.prompt_data import read_prompts
from modeling.refusal_data import read_examples
from modeling.sft_data import read_demonstrations
from workers.recipes import Data

Row = dict[str, Any]
READERS: dict[Data, Callable[[Path], Any]] = {
    Data.DEMONSTRATIONS: read_demonstrations,
    Data.PROMPTS: read_prompts,
    Data.SAFETY_PROMPTS: read_prompts,
    Data.DIALOGUES: read_user_turns,
    Data.REFUSALS: read_examples,
}
CONSTRAINTS = "constraints.jsonl"
KEPT = ("messages", "trained_turns", "id", "source", "tag", "category")
KEPT_OF_REFUSALS = ("prompt", "response", "refusal", "group")


def read_given(path: Path, target: str, data: Data) -> list[Row]:
    """A file's rows as the recipe reads them in its data file `target`. Raises ExportError with the file, the line and
    the reason."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"{path.name} is not UTF-8 text: {error}") from error
    if data is not Data.REFUSALS:
        lines = [as_messages(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        draft.write_text("\n".join(lines), encoding="utf-8")
        try:
            (read_constraints if target == CONSTRAINTS else READERS[data])(draft)
        except DataError as error:
            raise ExportError(str(error)) from error
    rows = [json.loads(line) for line in lines if line.strip()]
    if target == CONSTRAINTS:
        return rows
    kept = KEPT_OF_REFUSALS if data is Data.REFUSALS else KEPT
    return [{name: row[name] for name in kept if name in row} for row in rows]


def as_messages(line: str) -> str:
    """A line of TRL's prompt and completion, as texts or as messages, turned into one of messages; any other as it is,
    for the reader to judge."""
    try:
        row = json.loads(line)
    except ValueError:
        return line
    if not isinstance(row, dict) or "messages" in row or "prompt" not in row:
        return line
    prompt, completion = row.pop("prompt"), row.pop("completion", [])
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    if isinstance(completion, str):
        completion = [{"role": "assistant", "content": completion}]
    if not isinstance(prompt, list) or not isinstance(completion, list):
        return line
    return json.dumps(row | {"messages": [*prompt, *completion]}, ensure_ascii=False)
