"""What is typed or chosen and not submitted yet: kept on the server, one draft per annotator and project.

A draft belongs to a step of the work (see workplace.py). One that arrives late, for a step that is over, is refused,
so it can never come back as if it had not been sent. Whoever saves one checks the step, and whoever submits does so
in `submitting`: an annotator's tabs do so one after another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AbstractUser

from annotation import assigning
from annotation.models import Draft, Project

LONGEST = 20_000


NEVER_KEPT = {"csrfmiddlewaretoken", "step", "turn", "submission", "confirmed"}
MOST_FIELDS = 40
Typed = dict[str, str | list[str]]


def fields_of(data: Any) -> Typed:
    """What a form sent, by its fields' names; where several boxes of one name were ticked, the list of them."""
    if not hasattr(data, "lists"):
        return dict(data)
    return {name: values if len(values) > 1 else values[0] for name, values in data.lists() if values}


def cut(value: str | list[str]) -> str | list[str]:
    return value[:LONGEST] if isinstance(value, str) else [each[:LONGEST] for each in value[:MOST_FIELDS]]


def save(project: Project, annotator: AbstractUser, step: str, data: Any) -> None:
    """Keep the fields of a form as they are, valid or not."""
    typed = {name: value for name, value in fields_of(data).items() if name not in NEVER_KEPT and value}
    fields = {name[:100]: cut(typed[name]) for name in list(typed)[:MOST_FIELDS]}
    Draft.objects.update_or_create(
        project=project, annotator_id=annotator.pk, defaults={"fields": {"step": step, **fields}}
    )


def load(project: Project, annotator: AbstractUser, step: str) -> Typed:
    """The draft's fields. A prompt that was never sent is offered wherever the next one is written."""
    draft = Draft.objects.filter(project=project, annotator=annotator.pk).first()
    fields = dict(draft.fields) if draft else {}
    if fields.pop("step", "") == step:
        return fields
    return {"prompt": fields["prompt"]} if step.startswith("prompt") and "prompt" in fields else {}


@contextmanager
def submitting(project: Project, annotator: AbstractUser, sends_prompt: bool = False) -> Iterator[None]:
    """A transaction that submits what was typed: the draft goes with it, or stays where it fails.

    A prompt that could not be sent stays too, until one is.
    """
    with assigning.one_tab_at_a_time(annotator):
        unsent = {} if sends_prompt else load(project, annotator, "prompt")
        yield
        Draft.objects.filter(project=project, annotator=annotator.pk).delete()
        if unsent:
            save(project, annotator, "prompt", unsent)
