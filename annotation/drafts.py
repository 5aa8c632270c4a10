"""What is typed or chosen and not submitted yet: kept on the server, one draft per annotator and project.

A draft belongs to a step of the work (see workplace.py). One that arrives late, for a step that is over, is refused,
so it can never come back as if it had not been sent. Whoever saves one checks the step, and whoever submits does so
in `submitting`: an annotator's tabs do so one after another. While something is revised, the draft of the work behind
it lies aside within the draft.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.backends.base import SessionBase

from annotation import assigning
from annotation.models import Draft, Project

LONGEST = 20_000
ASIDE, LEFT = "aside", "typed"
NEVER_KEPT = {"csrfmiddlewaretoken", "step", "turn", "submission", "confirmed", ASIDE}
MOST_FIELDS = 40
Typed = dict[str, str | list[str]]


def fields_of(data: Any) -> Typed:
    """What a form sent, by its fields' names; where several boxes of one name were ticked, the list of them."""
    if not hasattr(data, "lists"):
        return dict(data)
    return {name: values if len(values) > 1 else values[0] for name, values in data.lists() if values}


def cut(value: str | list[str]) -> str | list[str]:
    return value[:LONGEST] if isinstance(value, str) else [each[:LONGEST] for each in value[:MOST_FIELDS]]


def worth_keeping(data: Any) -> Typed:
    typed = {name: value for name, value in fields_of(data).items() if name not in NEVER_KEPT and value}
    return {name[:100]: cut(typed[name]) for name in list(typed)[:MOST_FIELDS]}


def save(project: Project, annotator: AbstractUser, step: str, data: Any) -> None:
    """Keep the fields of a form as they are, valid or not."""
    fields = worth_keeping(data)
    before = stored(project, annotator).get(ASIDE)
    aside = {ASIDE: before} if before and before.get("step") != step else {}
    store(project, annotator, {"step": step, **fields, **aside})


def load(project: Project, annotator: AbstractUser, step: str) -> Typed:
    """The draft's fields. A prompt that was never sent is offered wherever the next one is written."""
    return typed_in(stored(project, annotator), step)


def typed_in(draft: dict[str, Any], step: str) -> Typed:
    """What a draft holds for a step."""
    fields = dict(draft)
    aside = dict(fields.pop(ASIDE, {}))
    for kept in (fields, aside):
        if kept.pop("step", "") == step:
            return kept
    prompt = fields.get("prompt") or aside.get("prompt")
    return {"prompt": prompt} if step.startswith("prompt") and prompt else {}


def put_aside(project: Project, annotator: AbstractUser) -> None:
    """Make room for the draft of what is revised; `submitting` and `take_up` bring back what lay there."""
    fields = stored(project, annotator)
    if fields and ASIDE not in fields:
        store(project, annotator, {ASIDE: fields})


def take_up(project: Project, annotator: AbstractUser, fields: dict[str, Any] | None = None) -> None:
    """The draft is over; what was put aside for it is the draft again. fields: the draft, where it is read already."""
    if aside := (stored(project, annotator) if fields is None else fields).get(ASIDE):
        store(project, annotator, aside)
    else:
        Draft.objects.filter(project=project, annotator=annotator.pk).delete()


def stored(project: Project, annotator: AbstractUser) -> dict[str, Any]:
    draft = Draft.objects.filter(project=project, annotator=annotator.pk).first()
    return dict(draft.fields) if draft else {}


def store(project: Project, annotator: AbstractUser, fields: dict[str, Any]) -> None:
    Draft.objects.update_or_create(project=project, annotator_id=annotator.pk, defaults={"fields": fields})


@contextmanager
def submitting(project: Project, annotator: AbstractUser, sends_prompt: bool = False) -> Iterator[None]:
    """A transaction that submits what was typed: the draft goes with it, or stays where it fails.

    A prompt that could not be sent stays too, until one is, and so does what was put aside.
    """
    with assigning.one_tab_at_a_time(annotator):
        yield
        fields = stored(project, annotator)
        unsent = {} if sends_prompt or fields.get(ASIDE) else typed_in(fields, "prompt")
        if unsent:
            store(project, annotator, {"step": "prompt", **worth_keeping(unsent)})
        elif fields:
            take_up(project, annotator, fields)


# What was sent after a session was over, until its writer has signed in again -----------------------------------------


def leave_in(session: SessionBase, whose: str, slug: str, step: str, typed: Typed) -> None:
    """Keep in a browser's session what this person sent without being signed in."""
    session[LEFT] = {"whose": whose, "slug": slug, "step": step, "typed": typed}


def take_from(session: SessionBase, project: Project, annotator: AbstractUser, step: str) -> bool:
    """Make what was left there the draft of this step; False where nothing was, or it is somebody else's.

    Work that is no longer in hand has no draft, but a prompt that was never sent is kept for the next one.
    """
    left = session.get(LEFT)
    if left is None or left["slug"] != project.slug:
        return False
    del session[LEFT]
    if left["whose"] != str(annotator.pk):
        return False
    typed = left["typed"]
    if left["step"] != step:
        typed = {"prompt": typed["prompt"]} if "prompt" in typed else {}
    if typed:
        save(project, annotator, step, load(project, annotator, step) | typed)
    return bool(typed)
