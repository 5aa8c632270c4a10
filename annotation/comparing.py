"""What an annotator says about two responses: shown once, judged once, however often it is sent."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.text import capfirst

from annotation import assigning, blinding, tallies
from annotation.models import Assignment, Comparison, Preference, Project
from annotation.models.comparisons import choice_of
from annotation.protocol import Protocol
from modeling.registry.models import Job


class AlreadyJudgedError(Exception):
    """Another tab has already submitted another judgement of this comparison."""


class SupersededError(Exception):
    """Another tab has had the two answers sampled anew: these ones are not judged any more."""


class UnfinishedError(Exception):
    """The two answers are still being written."""


@dataclass(frozen=True)
class Judgement:
    """What was said: points from 1 to the scale's end, or None when both answers are unusable."""

    points: int | None
    scale: int
    a_safe: bool | None = None
    b_safe: bool | None = None
    criteria: dict[str, str] = field(default_factory=dict)
    """Answers to the project's questions, by key."""

    @property
    def choice(self) -> str:
        return choice_of(self.points, self.scale) if self.points else Preference.Choice.NEITHER

    @property
    def prefers_the_unsafe(self) -> bool:
        """The chosen answer is marked unsafe and the other safe: not kept for training (section 3.2.1)."""
        safe = {Preference.Choice.A: (self.a_safe, self.b_safe), Preference.Choice.B: (self.b_safe, self.a_safe)}
        return safe.get(Preference.Choice(self.choice)) == (False, True)

    def is_said_in(self, preference: Preference) -> bool:
        said = (preference.points, preference.choice, preference.a_safe, preference.b_safe, preference.criteria)
        return said == (self.points, self.choice, self.a_safe, self.b_safe, self.criteria)


def points_in_words(points: int, scale: int, rules: Protocol) -> str:
    """For instance "A slightly better"; the middle of an odd scale favours neither."""
    choice = choice_of(points, scale)
    if choice == Preference.Choice.TIE:
        return capfirst(str(rules.middle))
    return f"{choice.upper()} {rules.strengths[min(points - 1, scale - points)]}"


def submission_key(comparison: Comparison, revision: int = 0) -> uuid.UUID:
    """The key that the page sends with a judgement: the same after a refresh, and not to be guessed by others.

    Each revision has its own; by default it is that of the newest one, or of the one that is asked for now.
    """
    if revision == 0:
        said = revisions_of(comparison)
        revision = said if said and not is_being_revised(comparison) else said + 1
    name = str(comparison.pk) if revision == 1 else f"{comparison.pk} {revision}"
    return uuid.UUID(bytes=salted_hmac("annotation.submission", name).digest()[:16])


def is_key_of(comparison: Comparison, key: uuid.UUID) -> bool:
    """Whether a page about this comparison, of now or of before, can have sent `key`."""
    if key == submission_key(comparison, 1):  # the most common one needs no look at what was said
        return True
    revisions = range(2, revisions_of(comparison) + 2)
    return any(key == submission_key(comparison, revision) for revision in revisions)


def revisions_of(comparison: Comparison) -> int:
    return comparison.preferences.count()


def take(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The next item of an evaluation, its two stored responses in an order drawn now; None when none waits."""
    with assigning.one_tab_at_a_time(annotator):
        place = assigning.claim_in_turn(project, annotator)
        if place and not place.comparisons.exists():
            present(place)
        return place


def present(place: Assignment) -> Comparison:
    """The item's two stored responses in random order."""
    item, now = place.item, timezone.now()
    if item.response_1 is None or item.response_2 is None:
        raise ValueError(f"item {item.pk} has no two stored responses to compare: give it both or remove it")
    left, right = random.sample([item.response_1, item.response_2], 2)
    blinding.check([left, right])
    return Comparison.objects.create(
        project=item.project,
        batch=item.batch,
        prompt=item.prompt,
        response_a=left,
        response_b=right,
        assignment=place,
        annotator_id=place.annotator_id,
        status=Job.Status.DONE,
        finished_at=now,
    )


def show(comparison: Comparison) -> None:
    """Start the clock of the rating when both answers are on the page for the first time.

    A dialogue's lease starts anew, since its answers took their time; a stored pair was taken just now.
    """
    if comparison.status == Job.Status.DONE and comparison.shown_at is None:
        Comparison.objects.filter(pk=comparison.pk, shown_at=None).update(shown_at=timezone.now())
        if comparison.dialogue_id and comparison.assignment:
            assigning.extend(comparison.assignment)


def judge(
    comparison: Comparison, annotator: AbstractUser, judgement: Judgement, key: uuid.UUID | None = None
) -> Preference:
    """Store a judgement; sending the same one again under the same key gives the same row.

    Where the place is being revised it is the next revision, and counts instead of the one before. What follows from
    it: an evaluation's item is complete; a dialogue goes on, unless both answers were unusable (nothing is there to
    continue with), it has had its turns, or it had been ended before it was revised.

    key: the page's; without one, whatever is said anew about a judged comparison is refused, unless it is being
    revised. Raises AlreadyJudgedError, SupersededError, UnfinishedError and LeaseLostError.
    """
    with assigning.one_tab_at_a_time(annotator):
        return judge_in_turn(comparison, annotator, judgement, key)


def judge_in_turn(
    comparison: Comparison, annotator: AbstractUser, judgement: Judgement, key: uuid.UUID | None = None
) -> Preference:
    """The same, for whoever is in `one_tab_at_a_time` already."""
    place = comparison.assignment
    if place is None:
        raise assigning.LeaseLostError
    earlier = list(comparison.preferences.order_by("revision"))
    said = next((revision for revision in earlier if revision.current), None)
    revised = said is not None and is_being_revised(comparison)
    if key is None and said and not revised:
        key = said.submission
    if sent_before := next((revision for revision in earlier if key and revision.submission == key), None):
        if judgement.is_said_in(sent_before):
            return sent_before
        raise AlreadyJudgedError
    if said and not revised:
        raise AlreadyJudgedError
    place = assigning.hold(place, annotator)
    if comparison.dialogue_id and newer_draws(comparison).exists():
        raise SupersededError
    if comparison.status != Job.Status.DONE:
        raise UnfinishedError
    preference = store(comparison, judgement, earlier, since=place.reopened_at if said else None)
    was_ended = said is not None and place.submitted_at is not None and said.chosen is not None
    last_turn = comparison.turn >= comparison.project.max_turns
    if comparison.dialogue_id is None:
        assigning.complete(place, [revision.seconds for revision in (*earlier, preference)])
    elif last_turn or preference.chosen is None or was_ended:
        assigning.complete(place)
    else:
        Assignment.objects.filter(pk=place.pk).update(revising=False)
        assigning.extend(place)
        tallies.touch(place)
    return preference


def newer_draws(comparison: Comparison) -> QuerySet[Comparison]:
    """Later samples of the same turn."""
    draws = Comparison.objects.filter(assignment=comparison.assignment_id, turn=comparison.turn)
    return draws.filter(regeneration__gt=comparison.regeneration)


def is_being_revised(comparison: Comparison) -> bool:
    """Its place is in hand again, and it is the dialogue's last turn: what came later rests on the others."""
    place = Assignment.objects.filter(comparisons=comparison, status=Assignment.Status.LEASED, revising=True)
    later = Comparison.objects.filter(assignment=comparison.assignment_id, turn__gt=comparison.turn)
    return place.exists() and not later.exists()


def store(
    comparison: Comparison, judgement: Judgement, earlier: Sequence[Preference], since: datetime | None = None
) -> Preference:
    """The next revision of what is said about a comparison, which counts from now on instead of the earlier ones.

    since: when it came into hand to be revised; else the time runs from when the answers were on the page.
    """
    now, since = timezone.now(), since or comparison.shown_at or comparison.finished_at
    published = comparison.project.guidelines.filter(
        created_at__lte=since or now
    )  # a later version was not on the page
    revision = len(earlier) + 1
    if earlier:
        Preference.objects.filter(comparison=comparison, current=True).update(current=False)
    return Preference.objects.create(
        comparison=comparison,
        revision=revision,
        choice=judgement.choice,
        points=judgement.points,
        scale=judgement.scale,
        a_safe=judgement.a_safe,
        b_safe=judgement.b_safe,
        criteria=judgement.criteria,
        guideline=published.order_by("-number").first(),
        submission=submission_key(comparison, revision),
        seconds=(now - since).total_seconds() if since else None,
    )
