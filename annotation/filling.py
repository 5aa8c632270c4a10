"""Filling rating projects: stored answers become items, each with its open places; the same answer again adds nothing.

The answers come from a file (importing/responses.py), from another project or campaign, or from a run that asks earlier
violating prompts again (red_teaming.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.defaultfilters import pluralize

from annotation import blinding
from annotation.batches import batch_called, open_batch
from annotation.models import Assignment, Batch, Item, Project, Prompt, Response

RATING_TASKS = (Project.TaskType.SAFETY_RATING, Project.TaskType.QUALITY_RATING)
CHUNK = 500
SAMPLED_WITH = (
    "temperature", "top_p", "max_new_tokens", "seed", "prompt_tokens", "completion_tokens", "finish_reason", "latency",
)  # fmt: skip
"""How an answer was sampled: a copy says the same."""
PROMPT_LABELS = ("category", "risk_category", "attack_vector", "source", "external_id", "author_id")


@dataclass
class FillSummary:
    """What became of some answers."""

    project: Project
    rows: int = 0
    new: int = 0
    already_there: int = 0
    """Answers that are the project's items already, or that come twice."""
    left_out: int = 0
    """Answers without a word: there is nothing to rate."""
    places: int = 0

    def lines(self) -> list[str]:
        lines = [
            f"{self.rows:,} answer{pluralize(self.rows)} for {self.project.slug}: {self.new:,} new, "
            f"{self.already_there:,} already there",
            f"{self.places:,} place{pluralize(self.places)} for annotators opened",
        ]
        return lines + ([f"{self.left_out:,} left out: the answer is empty"] if self.left_out else [])

    def figures(self) -> dict[str, Any]:
        return vars(self) | {"project": self.project.slug}


def check_takes_responses(project: Project) -> None:
    """Raises ValidationError where a project does not rate single answers."""
    if project.task_type not in RATING_TASKS:
        raise ValidationError(
            f'project "{project.slug}" is a {project.task_type} project: single answers are for safety_rating and '
            "quality_rating projects"
        )
    if project.archived_at is not None:
        raise ValidationError(f'project "{project.slug}" is archived: nobody would rate these answers')


@transaction.atomic
def add_responses(
    project: Project, responses: Iterable[Response], *, batch: str = "", priority: int = 0
) -> FillSummary:
    """Store answers, rows that are not saved yet to prompts that are not, as items of a rating project.

    An answer is its prompt, its model and its words. Raises ValidationError.
    """
    check_takes_responses(project)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two fillings of one project take turns
    summary = FillSummary(project)
    named = (batch_called(batch, project) or open_batch(project, batch)) if batch else project.open_batch
    waiting = iter(responses)
    while chunk := list(islice(waiting, CHUNK)):
        _add_chunk(summary, chunk, named, priority)
    return summary


def _add_chunk(summary: FillSummary, responses: list[Response], batch: Batch | None, priority: int) -> None:
    project = summary.project
    summary.rows += len(responses)
    worded = [response for response in responses if response.text.strip()]
    summary.left_out += len(responses) - len(worded)
    wanted: dict[str, Prompt] = {}
    for response in worded:
        prompt = response.prompt
        if not prompt.digest:
            prompt.fix_identity()
        prompt.project, prompt.batch = project, prompt.batch or batch
        wanted.setdefault(prompt.digest, prompt)
    Prompt.objects.bulk_create(wanted.values(), ignore_conflicts=True)
    stored = {prompt.digest: prompt for prompt in project.prompts.filter(digest__in=wanted)}
    rated = Item.objects.filter(project=project, prompt__in=stored.values())
    held = set(rated.values_list("prompt", "response_1__model_version", "response_1__text"))
    new: dict[Any, Response] = {}
    for response in worded:
        response.prompt = stored[response.prompt.digest]
        key = (response.prompt_id, response.model_version_id, response.text)
        if key not in held:
            new.setdefault(key, response)
    made = Response.objects.bulk_create(new.values())
    blinding.check(made)
    items = Item.objects.bulk_create(
        Item(project=project, batch=batch, prompt=each.prompt, response_1=each, priority=priority) for each in made
    )
    places = [Assignment(item=item, priority=priority) for item in items for _ in range(project.overlap)]
    Assignment.objects.bulk_create(places)
    summary.new += len(made)
    summary.already_there += len(worded) - len(made)
    summary.places += len(places)


def copies(responses: Iterable[Response]) -> Iterator[Response]:
    """Stored answers of other projects as new rows; a prompt keeps its side of the split, fixed when it was stored."""
    for response in responses:
        prompt = response.prompt
        yield Response(
            prompt=Prompt(
                messages=prompt.messages,
                digest=prompt.digest,
                split=prompt.split,
                **{name: getattr(prompt, name) for name in PROMPT_LABELS},
            ),
            text=response.text,
            model_version_id=response.model_version_id,
            **{name: getattr(response, name) for name in SAMPLED_WITH},
        )


def stored_in(project: Project) -> Any:
    """The finished answers to a project's prompts, oldest first."""
    rows = (
        Response.objects.filter(prompt__project=project)
        .exclude(text="")
        .exclude(
            finish_reason="",
            temperature__isnull=False,  # still being written, or given up
        )
    )
    return rows.select_related("prompt").order_by("pk")


def fill_from(project: Project, source: Project, most: int | None = None) -> FillSummary:
    """The stored answers of another project or campaign as items to rate, at most so many. Raises ValidationError."""
    if source.pk == project.pk:
        raise ValidationError("A project is not filled from itself: choose another one.")
    found = stored_in(source)
    return add_responses(project, copies(found[:most] if most else found.iterator(chunk_size=CHUNK)))
