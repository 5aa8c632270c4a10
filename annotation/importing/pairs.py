"""Pairs of stored dialogues to be compared: what raters of a pairwise evaluation see side by side.

A row has the two dialogues, each ending with the assistant, as `dialogue_1` and `dialogue_2`, or as `chosen` and
`rejected` in TRL's and HH's way (lists of messages, or text with "Human:" and "Assistant:"; TRL's `prompt` comes before
both). They open alike, with the same user's message, and may part at any later message: what they share is shown once.
`model_1`, `model_2` and `id` may stand beside them. Which one a file calls chosen is not told to the raters: they judge
anew, with the sides drawn for each of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.defaultfilters import pluralize

from annotation import blinding
from annotation.batches import batch_called, open_batch
from annotation.importing.hh import turns_of
from annotation.importing.reading import FileError, check_rows, json_lines, unpacked
from annotation.importing.rows import Row, RowError, check_context, merge_neighbours, messages_of, text_of
from annotation.importing.storing import CHUNK, Models
from annotation.importing.trl import name_in, prompt_of
from annotation.models import Assignment, Batch, Item, Project, Prompt, Response
from annotation.models.prompts import Messages, digest_of

NAMES = (("dialogue_1", "dialogue_2"), ("chosen", "rejected"))


@dataclass(frozen=True)
class DialoguePair:
    """Two dialogues that open alike, with their models' names where the file tells them."""

    dialogues: tuple[Messages, Messages]
    models: tuple[str | None, str | None]
    external_id: str

    @property
    def opening(self) -> Messages:
        """What both reply to: their common beginning up to its last user's message."""
        common = 0
        for one, other in zip(self.dialogues[0][:-1], self.dialogues[1][:-1], strict=False):
            if one != other:
                break
            common += 1
        while self.dialogues[0][common - 1]["role"] != "user":
            common -= 1
        return self.dialogues[0][:common]

    @property
    def digests(self) -> frozenset[str]:
        return frozenset(digest_of(dialogue) for dialogue in self.dialogues)


@dataclass
class PairSummary:
    """What became of a file's pairs."""

    project: Project
    rows: int = 0
    new: int = 0
    already_there: int = 0
    """Pairs that are the project's items already, or that the file repeats."""
    whole_dialogues: int = 0
    """New pairs that part before their last message."""
    places: int = 0

    def lines(self) -> list[str]:
        return [
            f"{self.rows:,} pair{pluralize(self.rows)} for {self.project.slug}: {self.new:,} new, "
            f"{self.already_there:,} already there",
            f"{self.whole_dialogues:,} of the new ones are two whole dialogues, the others two answers to one prompt",
            f"{self.places:,} place{pluralize(self.places)} for raters opened",
        ]

    def figures(self) -> dict[str, Any]:
        return vars(self) | {"project": self.project.slug}


@transaction.atomic
def import_pairs(file: BinaryIO, project: Project, *, batch: str = "") -> PairSummary:
    """Import a JSONL file, plain or gzip. Raises FileError and ValidationError, and then leaves nothing behind."""
    check_takes_pairs(project)
    check_rows(file, json_lines, read)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two imports into one project take turns
    named = (batch_called(batch, project) or open_batch(project, batch)) if batch else project.open_batch
    summary, models, held = PairSummary(project), Models(), held_pairs(project)
    pairs = sound_pairs(file)
    while chunk := list(islice(pairs, CHUNK)):
        new = {pair.digests: pair for pair in chunk if pair.digests not in held}
        held |= set(new)
        add(summary, list(new.values()), models, named)
        summary.rows += len(chunk)
        summary.already_there += len(chunk) - len(new)
    return summary


def check_takes_pairs(project: Project) -> None:
    if project.task_type != Project.TaskType.PAIRWISE_EVALUATION:
        raise ValidationError(
            f'project "{project.slug}" is a {project.task_type} project: pairs to be compared are for '
            "pairwise_evaluation projects"
        )
    if project.archived_at is not None:
        raise ValidationError(f'project "{project.slug}" is archived: nobody would compare these pairs')


def sound_pairs(file: BinaryIO) -> Iterator[DialoguePair]:
    with unpacked(file) as plain:
        for _, row in json_lines(plain):
            if isinstance(row, RowError):
                raise FileError("the file was changed while it was being imported: start again")
            yield read(row)


def read(row: Row) -> DialoguePair:
    """The two dialogues of a row. Raises RowError."""
    names = next((names for names in NAMES if names[0] in row), NAMES[0])
    for name in names:
        if name not in row:
            raise RowError(f"field {name} is missing: expected dialogue_1 and dialogue_2, or chosen and rejected")
    before = prompt_of(row["prompt"]) if row.get("prompt") is not None else []
    one, other = (dialogue_of(row[name], name, before) for name in names)
    if one == other:
        raise RowError(f"{names[0]} and {names[1]} are the same dialogue: there is nothing to compare")
    first = next(place for place, message in enumerate(one) if message["role"] == "user")
    if one[: first + 1] != other[: first + 1]:
        raise RowError(f"{names[0]} and {names[1]} must open with the same user's message")
    models = tuple(text_of(row, name, most=100, default="") or None for name in ("model_1", "model_2"))
    return DialoguePair((one, other), (models[0], models[1]), name_in(row, "id", most=200))


def dialogue_of(value: Any, name: str, before: Messages) -> Messages:
    """A dialogue that ends with the assistant; after `before`, unless it repeats it."""
    if isinstance(value, str) and before:
        messages: Messages = [{"role": "assistant", "content": value}]
    else:
        messages = turns_of(value, name) if isinstance(value, str) else messages_of(value, name)
    if messages[: len(before)] != before:
        messages = [*before, *messages]
    merged = merge_neighbours(messages)
    if merged[-1]["role"] != "assistant":
        raise RowError(f"{name} must end with the assistant's message, got the {merged[-1]['role']}'s")
    check_context(merged[:-1], name)
    return merged


def held_pairs(project: Project) -> set[frozenset[str]]:
    """The pairs that the project compares already."""
    items = Item.objects.filter(project=project, response_2__isnull=False)
    rows = items.values_list(
        "response_1__prompt__messages", "response_1__text", "response_2__prompt__messages", "response_2__text"
    )

    def digest(messages: Messages, text: str) -> str:
        return digest_of([*messages, {"role": "assistant", "content": text}])

    return {
        frozenset((digest(one, one_text), digest(other, other_text)))
        for one, one_text, other, other_text in rows.iterator(chunk_size=CHUNK)
    }


def add(summary: PairSummary, pairs: Sequence[DialoguePair], models: Models, batch: Batch | None) -> None:
    """Store pairs that are new: their prompts, responses and items with their open places."""
    project = summary.project
    contexts = [context for pair in pairs for context in (pair.opening, *(each[:-1] for each in pair.dialogues))]
    wanted = {digest_of(messages): Prompt(project=project, batch=batch, messages=messages) for messages in contexts}
    Prompt.objects.bulk_create([prompt.fix_identity() for prompt in wanted.values()], ignore_conflicts=True)
    stored = {prompt.digest: prompt for prompt in project.prompts.filter(digest__in=wanted)}
    responses = [
        Response(prompt=stored[digest_of(said[:-1])], text=said[-1]["content"], model_version=models.called(model))
        for pair in pairs
        for said, model in zip(pair.dialogues, pair.models, strict=True)
    ]
    Response.objects.bulk_create(responses)
    blinding.check(responses)
    items = Item.objects.bulk_create(
        Item(
            project=project,
            batch=batch,
            prompt=stored[digest_of(pair.opening)],
            response_1=responses[2 * place],
            response_2=responses[2 * place + 1],
        )
        for place, pair in enumerate(pairs)
    )
    places = [Assignment(item=item) for item in items for _ in range(project.overlap)]
    Assignment.objects.bulk_create(places)
    summary.new += len(items)
    summary.places += len(places)
    summary.whole_dialogues += sum(
        one.prompt_id != other.prompt_id for one, other in zip(responses[::2], responses[1::2], strict=True)
    )
