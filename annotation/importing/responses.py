"""Single answers to be rated: {"prompt": text or messages, "response": text, "model": name}.

Beside them may stand category, risk_category, attack_vector, source and id, as in files of prompts. A model that is not
registered is entered as a name alone; without a model the answer is nobody's.
"""

from collections.abc import Iterator
from typing import BinaryIO

from annotation.filling import FillSummary, add_responses
from annotation.importing import prompts
from annotation.importing.reading import FileError, check_rows, json_lines, unpacked
from annotation.importing.rows import Row, RowError, messages_of, text_of
from annotation.importing.storing import Models
from annotation.models import Project, Prompt, Response


def import_responses(file: BinaryIO, project: Project, *, batch: str = "") -> FillSummary:
    """Import a JSONL file, plain or gzip. Raises FileError and ValidationError, and then leaves nothing behind."""
    check_rows(file, json_lines, read)
    return add_responses(project, sound_responses(file), batch=batch)


def sound_responses(file: BinaryIO) -> Iterator[Response]:
    models = Models()
    with unpacked(file) as plain:
        for _, row in json_lines(plain):
            if isinstance(row, RowError):
                raise FileError("the file was changed while it was being imported: start again")
            prompt, text, model = read(row)
            yield Response(prompt=prompt, text=text, model_version=models.called(model))


def read(row: Row) -> tuple[Prompt, str, str | None]:
    """The prompt, the answer and the model's name of a row. Raises RowError."""
    if isinstance(row.get("prompt"), list):
        row = row | {"messages": messages_of(row["prompt"], "prompt")}
    return prompts.read(row), text_of(row, "response"), text_of(row, "model", most=100, default="") or None
