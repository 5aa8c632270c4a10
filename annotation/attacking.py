"""Red teaming (section 4.3): a free dialogue with one hidden model, whose answers come one a turn.

The model is drawn from the pool when the dialogue opens, and stays. What the red teamer says about the dialogue in the
end is a RedTeamAttempt, stored by saying.py.
"""

import random

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from annotation import assigning, clock
from annotation.dialogues import (
    SEEDS,
    DialogueOpenError,
    PoolTooSmallError,
    TurnAskedError,
    instructed,
    instructed_prompt,
    store_prompt,
)
from annotation.models import Assignment, Dialogue, Item, PoolEntry, Project, Prompt, Reply, Response
from modeling.registry import jobs
from modeling.registry.models import Job


class UnansweredError(Exception):
    """There is no complete answer yet to say anything about, or one is still being written."""


def draw(project: Project) -> PoolEntry:
    """One of the pool's active entries. Raises PoolTooSmallError where there is none."""
    entries = list(project.pool.filter(active=True))
    if not entries:
        raise PoolTooSmallError
    return random.choice(entries)


def start(project: Project, annotator: AbstractUser, text: str) -> Reply:
    """Open a dialogue with a prompt of the annotator's own; sending the same prompt again gives the same reply.

    Raises DialogueOpenError when another one is in hand, PoolTooSmallError.
    """
    with assigning.one_tab_at_a_time(annotator):
        if in_hand := assigning.lease_of(project, annotator):
            opening = Reply.objects.filter(dialogue__assignment=in_hand, turn=1).first()
            if opening is None or opening.prompt.text != text:
                raise DialogueOpenError
            return opening
        variant = draw(project)
        prompt = store_prompt(project, annotator, instructed(project, [{"role": "user", "content": text}]))
        item = Item.objects.create(project=project, prompt=prompt, own_prompt=True, batch=project.open_batch)
        place = Assignment.objects.create(item=item)
        assigning.lease(place, annotator)
        return ask(open_dialogue(place, annotator, variant), prompt)


def take(project: Project, annotator: AbstractUser) -> Assignment | None:
    """Open a dialogue with the next prompt of the set; None when no prompt waits. Raises PoolTooSmallError."""
    with transaction.atomic():
        place = assigning.claim_next(project, annotator)
        if place and not Dialogue.objects.filter(assignment=place).exists():
            ask(open_dialogue(place, annotator, draw(project)), instructed_prompt(place.item.prompt))
        return place


def open_dialogue(place: Assignment, annotator: AbstractUser, variant: PoolEntry) -> Dialogue:
    return Dialogue.objects.create(
        project=place.item.project, assignment=place, annotator_id=annotator.pk, variant=variant
    )


def continue_with(place: Assignment, annotator: AbstractUser, turn: int, text: str) -> Reply:
    """Say the next thing in a dialogue; sending the same again gives the same reply.

    Raises TurnAskedError when this turn has another message already, LeaseLostError when the dialogue is over or the
    answer before is not there.
    """
    with assigning.one_tab_at_a_time(annotator):
        place = assigning.hold(place, annotator)
        replies = Reply.objects.filter(dialogue__assignment=place).select_related("prompt", "response", "dialogue")
        if asked := replies.filter(turn=turn).first():
            if asked.prompt.text != text:
                raise TurnAskedError
            return asked
        last = replies.filter(turn=turn - 1, status=Job.Status.DONE).first()
        if last is None or place.revising or turn > place.item.project.max_turns:
            raise assigning.LeaseLostError
        clock.tick(place)
        said = [*last.prompt.messages, {"role": "assistant", "content": last.response.text}]
        prompt = store_prompt(place.item.project, annotator, [*said, {"role": "user", "content": text}])
        return ask(last.dialogue, prompt, turn)


def ask(dialogue: Dialogue, prompt: Prompt, turn: int = 1) -> Reply:
    """Queue the hidden model's answer."""
    variant = dialogue.variant
    if variant is None:  # taken out of the pool since: the dialogue's model stays what it was
        first = dialogue.replies.order_by("turn").first()
        if first is None:
            raise PoolTooSmallError
        model, sampled = first.response.model_version, first.response
    else:
        model, sampled = variant.model_version, variant  # type: ignore[assignment]
    response = Response.objects.create(
        prompt=prompt,
        model_version=model,
        temperature=sampled.temperature,
        top_p=sampled.top_p,
        max_new_tokens=sampled.max_new_tokens,
        seed=random.randrange(SEEDS),
    )
    reply = Reply.objects.create(dialogue=dialogue, turn=turn, prompt=prompt, response=response)
    jobs.enqueue(reply)
    return reply


def ask_again(reply: Reply) -> None:
    """Queue a reply anew whose sampling failed; nothing happens if it has not."""
    with transaction.atomic():
        if jobs.reopen(reply):
            Response.objects.filter(pk=reply.response_id).update(text="", identity=[])


def last_complete(place: Assignment) -> Reply:
    """The last answer that the dialogue has. Raises UnansweredError where it has none, or one is being written."""
    replies = Reply.objects.filter(dialogue__assignment=place).select_related("prompt", "response")
    if replies.filter(status__in=(Job.Status.QUEUED, Job.Status.RUNNING)).exists():
        raise UnansweredError
    last = replies.filter(status=Job.Status.DONE).order_by("-turn").first()
    if last is None or last.response.model_version_id is None:
        raise UnansweredError
    return last
