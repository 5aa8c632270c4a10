"""Prompts from JSONL or CSV: what annotators start their dialogues from.

A row has `prompt` (text), `messages` (a dialogue so far, ending with the user) or `turns` (the texts that a user would
say one after another), and may have category, risk_category, attack_vector, source and id. Of `turns` the first alone
is a prompt: the later ones reply to an answer that nobody has given yet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.defaultfilters import pluralize

from annotation.batches import batch_called, open_batch
from annotation.importing.reading import FileError, Lines, check_rows, csv_lines, json_lines, looks_like_json, unpacked
from annotation.importing.rows import Row, RowError, check_context, checked_text, messages_of, shown, text_of
from annotation.importing.storing import CHUNK, Person
from annotation.importing.trl import name_in
from annotation.models import Assignment, Batch, Item, Project, Prompt
from annotation.models.prompts import Messages

PROMPTED = (Project.TaskType.PREFERENCE, Project.TaskType.DEMONSTRATION, Project.TaskType.RED_TEAM)
"""Kinds of work that begin with a prompt alone."""


@dataclass
class PromptSummary:
    """What became of a file's prompts."""

    project: Project
    rows: int = 0
    new: int = 0
    already_there: int = 0
    """Prompts that are the project's items already, or that the file repeats."""
    places: int = 0
    """Assignments opened for annotators; none where items need answers first."""

    def lines(self) -> list[str]:
        return [
            f"{self.rows:,} prompt{pluralize(self.rows)} for {self.project.slug}: "
            f"{self.new:,} new, {self.already_there:,} already there",
            f"{self.places:,} place{pluralize(self.places)} for annotators opened",
        ]

    def figures(self) -> dict[str, Any]:
        return vars(self) | {"project": self.project.slug}


def import_prompts(file: BinaryIO, project: Project, *, batch: str = "", user: Person | None = None) -> PromptSummary:
    """Import a file of prompts, JSONL or CSV, plain or gzip. Raises FileError, and then leaves nothing behind."""
    return add_prompts(project, read_prompts(file), batch=batch, author=user)


def read_prompts(file: BinaryIO, most: int | None = None) -> Iterator[Prompt]:
    """The prompts of a file of at most `most` unpacked bytes, not yet stored and of no project.

    Every row is checked before the first prompt comes. Raises FileError, BadRowsError for broken rows.
    """
    lines = json_lines if looks_like_json(file, most) else csv_lines
    check_rows(file, lines, read, most)
    return sound_prompts(file, lines)


def sound_prompts(file: BinaryIO, lines: Lines) -> Iterator[Prompt]:
    with unpacked(file) as plain:
        for _, row in lines(plain):
            if isinstance(row, RowError):
                raise FileError("the file was changed while it was being imported: start again")
            yield read(row)


def read(row: Row) -> Prompt:
    """The prompt of a row, not yet stored and of no project. Raises RowError."""
    return Prompt(
        messages=check_context(context_of(row), "the prompt"),
        category=text_of(row, "category", most=100, default=""),
        risk_category=text_of(row, "risk_category", most=100, default=""),
        attack_vector=text_of(row, "attack_vector", most=100, default=""),
        source=text_of(row, "source", most=50, default=""),
        external_id=name_in(row, "id", most=200),
    )


def context_of(row: Row) -> Messages:
    if row.get("messages") is not None:
        return messages_of(row["messages"], "messages")
    if row.get("prompt") is not None:
        text = text_of(row, "prompt")
    elif isinstance(row.get("turns"), list) and row["turns"]:
        text = checked_text(row["turns"][0], "turns, text 1")
    elif row.get("turns") is not None:
        raise RowError(f"turns must be a list of texts, got {shown(row['turns'])}")
    else:
        raise RowError(f"expected a field prompt, messages or turns, got {', '.join(row) or 'none'}")
    if not text.strip():
        raise RowError("prompt must not be empty")
    return [{"role": "user", "content": text}]


@transaction.atomic
def add_prompts(
    project: Project, prompts: Iterable[Prompt], *, batch: str = "", author: Person | None = None
) -> PromptSummary:
    """Store prompts with an item each and the item's open assignments, as many as the project's overlap.

    A prompt that is an item already is not added again, so that adding twice adds nothing. In an evaluation or a rating
    the prompts alone are stored: its items are made once their answers are there. They join the batch of this name,
    which is opened where there is none, or else the open one. Raises ValidationError.
    """
    check_takes_prompts(project)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two imports into one project take turns
    summary = PromptSummary(project)
    named = (batch_called(batch, project) or open_batch(project, batch)) if batch else project.open_batch
    waiting = iter(prompts)
    while chunk := list(islice(waiting, CHUNK)):
        add_chunk(summary, chunk, named, author)
    return summary


def check_takes_prompts(project: Project) -> None:
    if project.archived_at is not None:
        raise ValidationError(f'project "{project.slug}" is archived: nobody would work on these prompts')


def add_chunk(summary: PromptSummary, prompts: list[Prompt], batch: Batch | None, author: Person | None) -> None:
    project = summary.project
    wanted: dict[str, Prompt] = {}
    for prompt in prompts:
        prompt.project, prompt.batch, prompt.author = project, batch, author
        wanted.setdefault(prompt.fix_identity().digest, prompt)
    held = project.prompts.filter(digest__in=wanted)
    if project.task_type in PROMPTED:
        held_digests = set(held.filter(item__isnull=False).values_list("digest", flat=True))
    else:
        held_digests = set(held.values_list("digest", flat=True))
    new = [digest for digest in wanted if digest not in held_digests]
    Prompt.objects.bulk_create((wanted[digest] for digest in new), ignore_conflicts=True)
    summary.rows += len(prompts)
    summary.new += len(new)
    summary.already_there += len(prompts) - len(new)
    if project.task_type in PROMPTED:
        stored = project.prompts.filter(digest__in=new).order_by("pk")
        items = Item.objects.bulk_create(Item(project=project, batch=batch, prompt=prompt) for prompt in stored)
        places = [Assignment(item=item) for item in items for _ in range(project.overlap)]
        Assignment.objects.bulk_create(places)
        summary.places += len(places)
