"""Live dialogues: a prompt, two answers from two variants of the pool, and the chosen one continues (section 3.2.1)."""

import json
import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from types import ModuleType

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Exists, OuterRef

from annotation import assigning
from annotation.models import Assignment, Comparison, Dialogue, Item, PoolEntry, Preference, Project, Prompt, Response
from annotation.models.prompts import Messages, digest_of
from modeling.registry import jobs
from modeling.registry.models import Job

SEEDS = 2**31
WORDS_PER_TOKEN = 0.75
"""Of English, about."""


class PoolTooSmallError(Exception):
    """A comparison needs two different entries of the sampling pool."""


class DialogueOpenError(Exception):
    """The annotator already leads a dialogue in this project."""


class TurnAskedError(Exception):
    """Another tab has already asked something else in this turn."""


class NoDrawLeftError(Exception):
    """The turn's answers were sampled anew as often as the project allows."""


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


def words_to_read(project: Project) -> int | None:
    """About how many words of dialogue every model of the pool can read beside its longest answer; None if none says.

    A checkpoint says so in its folder, where this process has it; an endpoint's server only when it is asked too much.
    """
    entries = project.pool.filter(active=True).select_related("model_version")
    contexts = [(context_of(entry.model_version.path), entry.max_new_tokens) for entry in entries]
    rooms = [context - answer for context, answer in contexts if context is not None]
    return int(max(0, min(rooms)) * WORDS_PER_TOKEN) if rooms else None


@lru_cache(64)
def context_of(folder: str) -> int | None:
    """The positions of a checkpoint, by its config.json."""
    try:
        positions = json.loads((Path(folder) / "config.json").read_bytes()).get("max_position_embeddings")
    except (OSError, ValueError, AttributeError):
        return None
    return positions if isinstance(positions, int) else None


def start(project: Project, annotator: AbstractUser, text: str) -> Comparison:
    """Open a dialogue with a prompt of the annotator's own; sending the same prompt again gives the same comparison.

    Raises DialogueOpenError when another one is in hand, PoolTooSmallError.
    """
    with assigning.one_tab_at_a_time(annotator):
        if in_hand := assigning.lease_of(project, annotator):
            return opening_of(in_hand, text)
        prompt = store_prompt(project, annotator, instructed(project, [{"role": "user", "content": text}]))
        item = Item.objects.create(project=project, prompt=prompt, own_prompt=True, batch=project.open_batch)
        place = Assignment.objects.create(item=item)
        assigning.lease(place, annotator)
        return compare(open_dialogue(place, annotator), prompt)


def opening_of(in_hand: Assignment, text: str) -> Comparison:
    opening = newest_draw(in_hand, 1)
    if opening is None or opening.prompt.text != text:
        raise DialogueOpenError
    return opening


def take(project: Project, annotator: AbstractUser) -> Assignment | None:
    """Open a dialogue with the next prompt of the set; None when no prompt waits. Raises PoolTooSmallError."""
    with transaction.atomic():
        place = assigning.claim_next(project, annotator)
        if place and not place.comparisons.exists():
            compare(open_dialogue(place, annotator), instructed_prompt(place.item.prompt))
        return place


def reserve(project: Project, annotator: AbstractUser) -> Assignment | None:
    """Hold the next prompt of the set ready: its answers are written while the annotator judges the ones before.

    None when one is held already or none waits. Raises PoolTooSmallError.
    """
    with transaction.atomic():
        place = assigning.reserve_next(project, annotator)
        if place:
            compare(open_dialogue(place, annotator), instructed_prompt(place.item.prompt))
        return place


def continue_with(place: Assignment, annotator: AbstractUser, turn: int, text: str) -> Comparison:
    """Ask the next question of a dialogue; sending the same one again gives the same comparison.

    Raises TurnAskedError when this turn already has another question, LeaseLostError when the dialogue is over or the
    turn before it is not judged yet, PoolTooSmallError.
    """
    with transaction.atomic():
        place = assigning.hold(place, annotator)
        if asked := newest_draw(place, turn):
            if asked.prompt.text != text:
                raise TurnAskedError
            return asked
        last = newest_draw(place, turn - 1)
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
            sides = [comparison.response_a_id, comparison.response_b_id]
            Response.objects.filter(pk__in=sides).update(text="", identity=[])


def draw_again(comparison: Comparison, annotator: AbstractUser, text: str | None = None) -> Comparison:
    """Sample both answers of a turn anew before it is judged: to the same prompt or, given `text`, to other words.

    Only a prompt of the annotator's own is put in other words; that may be done while its answers are still being
    written, too. The draw before stays as a row that nobody judges and nothing counts but `redraws`. Asking twice for
    the same draws once. Raises NoDrawLeftError, PoolTooSmallError, and LeaseLostError where another tab was faster.
    """
    with assigning.one_tab_at_a_time(annotator):
        if comparison.assignment is None:
            raise assigning.LeaseLostError
        place = assigning.hold(comparison.assignment, annotator)
        now = newest_draw(place, comparison.turn)
        if now is None or Preference.objects.filter(comparison=now).exists():
            raise assigning.LeaseLostError
        if now.pk != comparison.pk:
            if now.regeneration == comparison.regeneration + 1 and text in (None, now.prompt.text):
                return now
            raise assigning.LeaseLostError
        if text is None and now.status != Job.Status.DONE:
            return now  # its answers are still to come
        if draws_left(now) < 1:
            raise NoDrawLeftError
        prompt = now.prompt if text is None else reword(now, annotator, text)
        if not now.is_over:
            jobs.request_cancel(now)
        assigning.extend(place)
        return compare(place.dialogue, prompt, now.turn, now.regeneration + 1)


def reword(comparison: Comparison, annotator: AbstractUser, text: str) -> Prompt:
    """The prompt of a comparison with its last message in other words. Raises LeaseLostError for one of the set."""
    if not is_own(comparison):
        raise assigning.LeaseLostError
    messages = [*comparison.prompt.messages[:-1], {"role": "user", "content": text}]
    prompt = store_prompt(comparison.project, annotator, messages)
    if comparison.turn == 1:
        Item.objects.filter(assignments=comparison.assignment_id).update(prompt=prompt)
    return prompt


def newest_draw(place: Assignment, turn: int) -> Comparison | None:
    """The comparison of a turn that is judged: the latest one to be sampled."""
    return place.comparisons.filter(turn=turn).order_by("-regeneration").first()


def draws_left(comparison: Comparison) -> int:
    """How often the answers of a turn may still be sampled anew."""
    return comparison.project.regenerations - comparison.regeneration


def superseded() -> Exists:
    """Of comparisons: whether the answers were sampled anew since, so that nobody will judge them."""
    later = Comparison.objects.filter(assignment=OuterRef("assignment"), turn=OuterRef("turn"))
    return Exists(later.filter(regeneration__gt=OuterRef("regeneration")))


def redraws(project: Project) -> int:
    """How many pairs of answers people had sampled anew instead of judging them: a figure for managers."""
    return project.comparisons.filter(superseded()).count()


def withdraw(comparison: Comparison, annotator: AbstractUser) -> str:
    """Take back a prompt of the annotator's own whose answers failed, as if it had never been sent; its text.

    A draw of the same turn that came to its end is then the one to judge again. Raises LeaseLostError when there is
    nothing to take back: the answers were asked for anew, the prompt is the set's.
    """
    with assigning.one_tab_at_a_time(annotator):
        failed = Comparison.objects.filter(pk=comparison.pk, status__in=(Job.Status.FAILED, Job.Status.CANCELLED))
        held = failed.select_for_update(of=("self",)).first()
        if held is None or held.assignment is None or not is_own(held):
            raise assigning.LeaseLostError
        place = assigning.hold(held.assignment, annotator)
        place.comparisons.filter(turn=held.turn).exclude(status=Job.Status.DONE).delete()
        before = newest_draw(place, held.turn)
        if held.turn == 1 and before is None:
            assigning.let_go(place)
        elif held.turn == 1 and before:
            Item.objects.filter(pk=place.item_id).update(prompt=before.prompt)
        return held.prompt.text


def is_own(comparison: Comparison) -> bool:
    """Whether the annotator wrote the last message of the prompt: in every turn, except where the set opened it."""
    return comparison.turn > 1 or (comparison.assignment is not None and comparison.assignment.item.own_prompt)


def instructed(project: Project, messages: Messages) -> Messages:
    """The messages with the project's instructions to the models before them, unless they bring their own."""
    said = project.system_prompt.strip()
    if not said or (messages and messages[0]["role"] == "system"):
        return messages
    return [{"role": "system", "content": said}, *messages]


def instructed_prompt(prompt: Prompt) -> Prompt:
    """The prompt as the models are asked it: itself, or a row of its own where the project adds instructions."""
    messages = instructed(prompt.project, prompt.messages)
    if messages is prompt.messages:
        return prompt
    kept = ("author", "batch", "category", "risk_category", "attack_vector", "source", "external_id")
    new = {"messages": messages, **{name: getattr(prompt, name) for name in kept}}
    return Prompt.objects.get_or_create(project=prompt.project, digest=digest_of(messages), defaults=new)[0]


def store_prompt(project: Project, author: AbstractUser, messages: Messages) -> Prompt:
    """The project's row for these messages; the first to write them is their author."""
    new = {"messages": messages, "author": author, "batch": project.open_batch, "source": Prompt.WRITTEN_HERE}
    return Prompt.objects.get_or_create(project=project, digest=digest_of(messages), defaults=new)[0]


def open_dialogue(place: Assignment, annotator: AbstractUser) -> Dialogue:
    return Dialogue.objects.create(project=place.item.project, assignment=place, annotator_id=annotator.pk)


def compare(dialogue: Dialogue, prompt: Prompt, turn: int = 1, regeneration: int = 0) -> Comparison:
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
        regeneration=regeneration,
    )
    jobs.enqueue(comparison)
    return comparison
