"""Demonstrations from SFT JSONL: {"messages": [...]} that end with the assistant's answer, or {"prompt", "completion"}.

Beside them may stand category, risk_category, attack_vector, source and id. Nobody knows who wrote them: an account
that nobody can sign in to stands for their authors. The same demonstration twice is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.defaultfilters import pluralize
from django.utils import timezone

from annotation import tallies
from annotation.batches import add_closed_batch, batch_called
from annotation.importing import prompts
from annotation.importing.reading import FileError, check_rows, json_lines, unpacked
from annotation.importing.rows import Row, RowError, checked_text, messages_of
from annotation.importing.storing import CHUNK
from annotation.models import Assignment, Batch, Demonstration, Item, Project, Prompt

AUTHOR = "imported-demonstrations"


@dataclass
class DemonstrationSummary:
    """What became of a file's demonstrations."""

    project: Project
    rows: int = 0
    new: int = 0
    already_there: int = 0

    def lines(self) -> list[str]:
        return [
            f"{self.rows:,} demonstration{pluralize(self.rows)} for {self.project.slug}: {self.new:,} new, "
            f"{self.already_there:,} already there"
        ]

    def figures(self) -> dict[str, Any]:
        return vars(self) | {"project": self.project.slug}


def read(row: Row) -> tuple[Prompt, str]:
    """The prompt and the answer of a row. Raises RowError."""
    if row.get("messages") is not None:
        messages = messages_of(row["messages"], "messages")
        if messages[-1]["role"] != "assistant":
            raise RowError(f"messages must end with the assistant's answer, got the {messages[-1]['role']}'s message")
        text, row = messages[-1]["content"], row | {"messages": messages[:-1] or None}
    elif "completion" in row:
        said = row["completion"]
        text = messages_of(said, "completion")[-1]["content"] if isinstance(said, list) else said
        text = checked_text(text, "completion")
        if isinstance(row.get("prompt"), list):
            row = row | {"messages": row["prompt"]}
    else:
        raise RowError(f"expected a field messages, or prompt and completion, got {', '.join(row) or 'none'}")
    if not text.strip():
        raise RowError("the answer must not be empty")
    return prompts.read(row), text


def check_takes_demonstrations(project: Project) -> None:
    if project.task_type != Project.TaskType.DEMONSTRATION:
        raise ValidationError(
            f'project "{project.slug}" is a {project.task_type} project: import into a demonstration project'
        )
    if project.archived_at is not None:
        raise ValidationError(f'project "{project.slug}" is archived: bring it back to the list first')


@transaction.atomic
def import_demonstrations(file: BinaryIO, project: Project, *, batch: str = "") -> DemonstrationSummary:
    """Import a JSONL file, plain or gzip. Raises FileError and ValidationError, and then leaves nothing behind."""
    check_takes_demonstrations(project)
    check_rows(file, json_lines, read)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two imports into one project take turns
    summary = DemonstrationSummary(project)
    named = (batch_called(batch, project) or add_closed_batch(batch, project)) if batch else None
    waiting = sound_rows(file)
    while chunk := list(islice(waiting, CHUNK)):
        add_chunk(summary, chunk, named)
    return summary


def sound_rows(file: BinaryIO) -> Iterator[tuple[Prompt, str]]:
    with unpacked(file) as plain:
        for _, row in json_lines(plain):
            if isinstance(row, RowError):
                raise FileError("the file was changed while it was being imported: start again")
            yield read(row)


def add_chunk(summary: DemonstrationSummary, rows: list[tuple[Prompt, str]], batch: Batch | None) -> None:
    project = summary.project
    wanted: dict[str, Prompt] = {}
    for prompt, _ in rows:
        prompt.project, prompt.batch = project, batch
        wanted.setdefault(prompt.fix_identity().digest, prompt)
    Prompt.objects.bulk_create(wanted.values(), ignore_conflicts=True)
    stored = {prompt.digest: prompt for prompt in project.prompts.filter(digest__in=wanted)}
    there = Demonstration.objects.filter(assignment__item__project=project, prompt__in=stored.values())
    held = set(there.values_list("prompt", "text"))
    new = dict.fromkeys((stored[prompt.digest], text) for prompt, text in rows)
    fresh = [(prompt, text) for prompt, text in new if (prompt.pk, text) not in held]
    author, now = stand_in(), timezone.now()
    items = Item.objects.bulk_create(Item(project=project, batch=batch, prompt=prompt) for prompt, _ in fresh)
    places = Assignment.objects.bulk_create(
        Assignment(item=item, status=Assignment.Status.SUBMITTED, annotator=author, submitted_at=now) for item in items
    )
    Demonstration.objects.bulk_create(
        Demonstration(assignment=place, prompt=prompt, text=text)
        for place, (prompt, text) in zip(places, fresh, strict=True)
    )
    tallies.touch_project(project)
    summary.rows += len(rows)
    summary.new += len(fresh)
    summary.already_there += len(rows) - len(fresh)


def stand_in() -> Any:
    """The account that stands for whoever wrote imported demonstrations: nobody can sign in to it."""
    user, is_new = get_user_model()._default_manager.get_or_create(username=AUTHOR, defaults={"is_active": False})
    if is_new:
        user.set_unusable_password()
        user.save()
    return user
