"""Live dialogues: a prompt, two answers from two variants of the pool, and the chosen one continues (section 3.2.1)."""

import random
from collections.abc import Sequence
from itertools import combinations
from types import ModuleType

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from annotation import assigning
from annotation.models import Assignment, Comparison, Dialogue, Item, PoolEntry, Project, Prompt, Response
from annotation.models.prompts import Messages, digest_of
from modeling.registry import jobs
from modeling.registry.models import Job

SEEDS = 2**31


class PoolTooSmallError(Exception):
    """A comparison needs two different entries of the sampling pool."""


class DialogueOpenError(Exception):
    """The annotator already leads a dialogue in this project."""


class TurnAskedError(Exception):
    """Another tab has already asked something else in this turn."""


def draw_variants(project: Project) -> tuple[PoolEntry, PoolEntry]:
    """Two active pool entries, drawn now. Raises PoolTooSmallError when there are fewer."""
    return contrasting_pair(list(project.pool.filter(active=True)), random)


def contrasting_pair(entries: Sequence[PoolEntry], chance: random.Random | ModuleType) -> tuple[PoolEntry, PoolEntry]:
    """Two pool entries in random order: of two model versions where there are two, at two temperatures if it can be.

    Raises PoolTooSmallError for fewer than two.
    """
    pairs = list(combinations(entries, 2))
    if not pairs:
        raise PoolTooSmallError

    def contrast(pair: tuple[PoolEntry, PoolEntry]) -> tuple[bool, bool]:
        one, other = pair
        return one.model_version_id != other.model_version_id, one.temperature != other.temperature

    most = max(map(contrast, pairs))
    one, other = chance.choice([pair for pair in pairs if contrast(pair) == most])
    return (one, other) if chance.random() < 0.5 else (other, one)


def start(project: Project, annotator: AbstractUser, text: str) -> Comparison:
    """Open a dialogue with a prompt of the annotator's own; sending the same prompt again gives the same comparison.

    Raises DialogueOpenError when another one is in hand, PoolTooSmallError.
    """
    with assigning.one_tab_at_a_time(annotator):
        if in_hand := assigning.lease_of(project, annotator):
            return opening_of(in_hand, text)
        prompt = store_prompt(project, annotator, [{"role": "user", "content": text}])
        item = Item.objects.create(project=project, prompt=prompt, own_prompt=True, batch=project.open_batch)
        place = Assignment.objects.create(item=item)
        assigning.lease(place, annotator)
        return compare(open_dialogue(place, annotator), prompt)


def opening_of(in_hand: Assignment, text: str) -> Comparison:
    opening = in_hand.comparisons.filter(turn=1).first()
    if opening is None or opening.prompt.text != text:
        raise DialogueOpenError
    return opening


def take(project: Project, annotator: AbstractUser) -> Assignment | None:
    """Open a dialogue with the next prompt of the set; None when no prompt waits. Raises PoolTooSmallError."""
    with transaction.atomic():
        place = assigning.claim_next(project, annotator)
        if place and not place.comparisons.exists():
            compare(open_dialogue(place, annotator), place.item.prompt)
        return place


def continue_with(place: Assignment, annotator: AbstractUser, turn: int, text: str) -> Comparison:
    """Ask the next question of a dialogue; sending the same one again gives the same comparison.

    Raises TurnAskedError when this turn already has another question, LeaseLostError when the dialogue is over or the
    turn before it is not judged yet, PoolTooSmallError.
    """
    with transaction.atomic():
        place = assigning.hold(place, annotator)
        if asked := place.comparisons.filter(turn=turn).first():
            if asked.prompt.text != text:
                raise TurnAskedError
            return asked
        last = place.comparisons.filter(turn=turn - 1).first()
        judged = last.preferences.filter(current=True).first() if last else None
        if last is None or judged is None or judged.chosen is None:
            raise assigning.LeaseLostError
        history: Messages = [*last.prompt.messages, {"role": "assistant", "content": judged.chosen.text}]
        prompt = store_prompt(place.item.project, annotator, [*history, {"role": "user", "content": text}])
        return compare(place.dialogue, prompt, turn)


@transaction.atomic
def end(place: Assignment, annotator: AbstractUser) -> None:
    """End a dialogue: complete if a turn was judged, else its prompt goes back to the set. Raises LeaseLostError."""
    assigning.let_go(assigning.hold(place, annotator))


def ask_again(comparison: Comparison) -> None:
    """Queue a comparison anew whose sampling failed; nothing happens if it has not."""
    with transaction.atomic():
        if jobs.reopen(comparison):
            Response.objects.filter(pk__in=[comparison.response_a_id, comparison.response_b_id]).update(text="")


def withdraw(comparison: Comparison, annotator: AbstractUser) -> str:
    """Take back a prompt of the annotator's own whose answers failed, as if it had never been sent; its text.

    Raises LeaseLostError when there is nothing to take back: the answers were asked for anew, the prompt is the set's.
    """
    with assigning.one_tab_at_a_time(annotator):
        failed = Comparison.objects.filter(pk=comparison.pk, status__in=(Job.Status.FAILED, Job.Status.CANCELLED))
        held = failed.select_for_update(of=("self",)).first()
        if held is None or held.assignment is None or not is_own(held):
            raise assigning.LeaseLostError
        place = assigning.hold(held.assignment, annotator)
        held.delete()
        if held.turn == 1:
            assigning.let_go(place)
        return held.prompt.text


def is_own(comparison: Comparison) -> bool:
    """Whether the annotator wrote the last message of the prompt: in every turn, except where the set opened it."""
    return comparison.turn > 1 or (comparison.assignment is not None and comparison.assignment.item.own_prompt)


def store_prompt(project: Project, author: AbstractUser, messages: Messages) -> Prompt:
    """The project's row for these messages; the first to write them is their author."""
    new = {"messages": messages, "author": author, "batch": project.open_batch, "source": "annotator"}
    return Prompt.objects.get_or_create(project=project, digest=digest_of(messages), defaults=new)[0]


def open_dialogue(place: Assignment, annotator: AbstractUser) -> Dialogue:
    return Dialogue.objects.create(project=place.item.project, assignment=place, annotator_id=annotator.pk)


def compare(dialogue: Dialogue, prompt: Prompt, turn: int = 1) -> Comparison:
    """Queue two answers to `prompt`. Sides are random and answers are stored in side order: no key tells the model."""
    project = dialogue.project
    left, right = (
        Response.objects.create(
            prompt=prompt,
            model_version=variant.model_version,
            temperature=variant.temperature,
            top_p=variant.top_p,
            max_new_tokens=variant.max_new_tokens,
            seed=random.randrange(SEEDS),
        )
        for variant in draw_variants(project)
    )
    comparison = Comparison.objects.create(
        project=project,
        batch=project.open_batch,
        prompt=prompt,
        response_a=left,
        response_b=right,
        assignment=dialogue.assignment,
        dialogue=dialogue,
        annotator=dialogue.annotator,
        turn=turn,
    )
    jobs.enqueue(comparison)
    return comparison
