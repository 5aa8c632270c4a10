"""Who works on what: places are held ready, leased, extended, given back, skipped and completed.

An item's places are rows that exist beforehand, so an item never collects more answers than its overlap. Claiming is
a conditional update of an open row; PostgreSQL steps over rows that somebody else is just claiming, SQLite lets one
claim in at a time. The next place is found by an index over project, status and order, never by a sort: in a random
order everybody starts elsewhere in one shuffled row of places and goes round it.

In one project an annotator has at most one place in hand, one more that they revise, and one held ready.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.cache import cache
from django.db import transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from annotation import gold, tallies
from annotation.disagreement import remember
from annotation.models import (
    Adjudication,
    Assignment,
    Comparison,
    Demonstration,
    Dialogue,
    Gold,
    Item,
    Preference,
    Project,
    Prompt,
    Review,
    Skip,
)
from annotation.models.items import SHUFFLES
from annotation.reading import was_hasty
from modeling.registry import jobs
from modeling.registry.models import Job

Status = Assignment.Status
READY = timedelta(minutes=10)
"""How long a place is held ready for somebody who gives no sign; see `extend`."""
COUNTED_EXACTLY = 300
"""Places up to which what waits is counted for each annotator; beyond, roughly and once in a while."""
AT_PLACE = ("item__prompt", "item__gold", "dialogue")
"""What is asked of nearly every place in hand."""
SHOWN = ("item__response_1__prompt", "item__response_2__prompt", "item__batch")
"""What the page of a stored item shows of it."""
Source = Callable[[Project, AbstractUser], Assignment | None]
SOURCES: list[Source] = [gold.place_for]
"""Asked first for an annotator's next place: each returns an open one that it made or locked, or None."""


class LeaseLostError(Exception):
    """The place is no longer this annotator's: completed in another tab, or left alone too long and given back."""


# Finding --------------------------------------------------------------------------------------------------------------


def open_places(project: Project, annotator: AbstractUser) -> QuerySet[Assignment]:
    """Open places that `annotator` may have, oldest item first."""
    return suitable(annotator, project.assignments.filter(status=Status.OPEN)).order_by("-priority", "item_id", "pk")


def suitable(annotator: AbstractUser, places: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Of items that `annotator` has neither answered nor skipped, and that are not about their own words.

    Whose prompt it is counts over all projects: it may have been carried into another one to be judged there. Whoever
    has reviewed an item's work, or settled it, knows what others say of it, and judges it no more.
    """
    theirs = Assignment.objects.filter(item=OuterRef("item"), annotator=annotator.pk)
    skipped = Skip.objects.filter(item=OuterRef("item"), annotator=annotator.pk)
    digest = OuterRef("item__prompt__digest")
    wrote = Prompt.objects.filter(author=annotator.pk, digest=digest, source=Prompt.WRITTEN_HERE)
    reviewed = Review.objects.filter(assignment__item=OuterRef("item"), reviewer=annotator.pk)
    settled = Adjudication.objects.filter(item=OuterRef("item"), reviewer=annotator.pk)
    places = places.filter(~Exists(theirs), ~Exists(skipped), ~Exists(wrote), ~Exists(reviewed), ~Exists(settled))
    demonstrated = Demonstration.objects.filter(assignment__annotator=annotator.pk)
    if demonstrated.exists():
        return places.exclude(item__prompt__digest__in=demonstrated.values("prompt__digest"))
    return places


def next_open(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The open place that is next for this annotator, locked; those that others are just claiming are passed over."""
    for source in SOURCES:
        if place := source(project, annotator):
            return place
    places = open_places(project, annotator)
    unlocked = places.select_for_update(skip_locked=True, of=("self",))
    if not project.random_order:
        return unlocked.first()
    shuffled = places.order_by("-priority", "shuffle")
    front = shuffled.first()
    if front is None:
        return None
    equals = unlocked.filter(priority=front.priority).order_by("shuffle")
    onwards = equals.filter(shuffle__gte=starting_point(project, annotator))
    return onwards.first() or equals.first() or unlocked.order_by("-priority", "shuffle").first()


def starting_point(project: Project, annotator: AbstractUser) -> int:
    """Where in the shuffled row this annotator starts: always the same, another for everybody."""
    digest = hashlib.sha256(f"{project.pk} {annotator.pk}".encode()).digest()
    return int.from_bytes(digest[:8]) % SHUFFLES


def held_for_others(project: Project, annotator: AbstractUser) -> Assignment | None:
    """Where nothing is open: a place that is only held ready for somebody else, taken from them and open again."""
    ready = project.assignments.filter(status=Status.RESERVED, item__gold=None).exclude(annotator=annotator.pk)
    places = suitable(annotator, ready).order_by("leased_until")
    place = places.select_for_update(skip_locked=True, of=("self",)).first()
    if place:
        let_go(place)
    return place


def count_places(project: Project, annotator: AbstractUser) -> dict[str, int]:
    """The annotator's own places, by their status."""
    places = Assignment.objects.filter(project=project, annotator=annotator.pk).order_by()
    return dict(places.values_list("status").annotate(Count("pk")))


def count_waiting(project: Project, annotator: AbstractUser, theirs: Mapping[str, int] | None = None) -> int:
    """Items that `annotator` could take now, with the one that is held ready for them.

    Many of them are not counted anew for every page: then it is what waits for anybody, as it was in the last minute,
    without what this annotator has had. theirs: `count_places`, where that is known.
    """
    theirs = count_places(project, annotator) if theirs is None else theirs
    for_others = Q(status=Status.RESERVED, item__gold=None) & ~Q(annotator=annotator.pk)
    places = suitable(annotator, project.assignments.filter(Q(status=Status.OPEN) | for_others)).order_by()
    items = list(places.values_list("item_id", flat=True)[:COUNTED_EXACTLY])
    if len(items) < COUNTED_EXACTLY:
        return len(set(items)) + theirs.get(Status.RESERVED, 0)

    def count() -> int:
        return project.assignments.filter(status=Status.OPEN).values("item").distinct().count()

    waiting = cache.get_or_set(f"waiting-items-{project.pk}", count, 60) or 0
    had = sum(theirs.values())
    return max(len(set(items)), waiting - (had if project.overlap > 1 else 0))


def lease_of(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The place that `annotator` has in hand: what they revise before what they were at."""
    leases = Assignment.objects.filter(project=project, annotator=annotator.pk, status=Status.LEASED)
    reopened_first = F("submitted_at").asc(nulls_last=True)
    place = leases.select_related(*AT_PLACE, *SHOWN).order_by("-revising", reopened_first, "pk").first()
    if place:
        place.project = place.item.project = project
    return place


def reservation_of(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The place that is held ready for `annotator`."""
    ready = Assignment.objects.filter(project=project, annotator=annotator.pk, status=Status.RESERVED)
    return ready.select_related("item__prompt", "project").first()


def places_at_hand(project: Project, annotator: AbstractUser) -> dict[str, Assignment]:
    """What is in hand, held ready or sent back: all that comes before an open place, with what its page shows.

    By status; of several with the same one, any.
    """
    waiting = (Status.LEASED, Status.RETURNED, Status.RESERVED)
    places = Assignment.objects.filter(project=project, annotator=annotator.pk, status__in=waiting)
    at_hand = {place.status: place for place in places.select_related(*AT_PLACE, *SHOWN)}
    for place in at_hand.values():
        place.project = place.item.project = project
    return at_hand


def returned_to(project: Project, annotator: AbstractUser) -> QuerySet[Assignment]:
    """What reviewers have sent back to `annotator`, oldest work first."""
    places = Assignment.objects.filter(project=project, annotator=annotator.pk, status=Status.RETURNED)
    return places.order_by("submitted_at", "pk")


# Claiming -------------------------------------------------------------------------------------------------------------


def claim_next(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The place in hand, else what a reviewer returned, what is held ready, or the next open one, now leased.

    None when nothing waits for this annotator. Whoever comes back late to a lease that nobody else has asked for
    keeps it.
    """
    with one_tab_at_a_time(annotator):
        return claim_in_turn(project, annotator)


def claim_in_turn(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The same, for whoever is in `one_tab_at_a_time` already."""
    return_expired(project, apart_from=annotator)
    at_hand = places_at_hand(project, annotator)
    if Status.LEASED in at_hand and (mine := lease_of(project, annotator)):
        extend(mine)
        return mine
    sent_back = returned_to(project, annotator).first() if Status.RETURNED in at_hand else None
    if sent_back and resume(sent_back, annotator):
        return sent_back
    if (ready := at_hand.get(Status.RESERVED)) and lease(ready, annotator):
        if hasattr(ready, "dialogue"):
            Dialogue.objects.filter(assignment=ready).update(started_at=timezone.now())
        return ready
    while place := next_open(project, annotator) or held_for_others(project, annotator):
        if lease(place, annotator):
            return place
    return None


def reserve_next(project: Project, annotator: AbstractUser) -> Assignment | None:
    """Hold the next open place ready for `annotator`; None when one is held already or nothing waits."""
    with one_tab_at_a_time(annotator):
        before = (Status.RESERVED, Status.RETURNED)
        if Assignment.objects.filter(project=project, annotator=annotator.pk, status__in=before).exists():
            return None
        while place := next_open(project, annotator):
            until = timezone.now() + READY
            free = Assignment.objects.filter(pk=place.pk, status=Status.OPEN)
            if free.update(status=Status.RESERVED, annotator=annotator.pk, leased_until=until):
                place.status, place.annotator_id, place.leased_until = Status.RESERVED, annotator.pk, until
                return place
    return None


def drop_reservation(project: Project, annotator: AbstractUser) -> None:
    """Give back what is held ready for somebody who is not to go on now."""
    if reservation_of(project, annotator) is None:
        return
    with one_tab_at_a_time(annotator):
        ready = Assignment.objects.filter(project=project, annotator=annotator.pk, status=Status.RESERVED)
        for place in ready.select_for_update(of=("self",)):
            let_go(place)


@contextmanager
def one_tab_at_a_time(annotator: AbstractUser) -> Iterator[None]:
    """A transaction for which an annotator's second tab waits until that of the first one is over.

    NO KEY UPDATE: rows that merely refer to this person are inserted beside it.
    """
    with transaction.atomic():
        get_user_model().objects.select_for_update(no_key=True).values_list("pk").get(pk=annotator.pk)
        yield


def lease(place: Assignment, annotator: AbstractUser) -> bool:
    """Take a place that is open or held ready, by a conditional update; False if somebody else was faster."""
    now = timezone.now()
    free = Q(status=Status.OPEN) | Q(status=Status.RESERVED, annotator=annotator.pk)
    until = lease_end(place.project, now)
    terms = {"annotator": annotator.pk, "started_at": now, "leased_until": until}
    if Assignment.objects.filter(free, pk=place.pk).update(status=Status.LEASED, **terms) == 0:
        return False
    place.status, place.annotator_id = Status.LEASED, annotator.pk
    place.started_at, place.leased_until = now, until
    return True


def resume(place: Assignment, annotator: AbstractUser) -> bool:
    """Take what a reviewer returned in hand again, to be revised; False where it is not there any more."""
    now = timezone.now()
    theirs = Assignment.objects.filter(pk=place.pk, status=Status.RETURNED, annotator=annotator.pk)
    terms = {"revising": True, "reopened_at": now, "leased_until": lease_end(place.project, now)}
    taken = theirs.update(status=Status.LEASED, **terms)
    Dialogue.objects.filter(assignment=place).update(ended_at=None)
    place.refresh_from_db()
    return taken == 1


def lease_end(project: Project, now: datetime) -> datetime:
    return now + timedelta(minutes=project.lease_minutes)


def extend(place: Assignment) -> None:
    """The annotator was seen working: the lease starts anew, and so does that of what waits behind it."""
    now = timezone.now()
    theirs = Assignment.objects.filter(project=place.project_id, annotator=place.annotator_id)
    until = Case(When(status=Status.LEASED, then=Value(lease_end(place.project, now))), default=Value(now + READY))
    theirs.filter(status__in=(Status.LEASED, Status.RESERVED)).update(leased_until=until)


def hold(place: Assignment, annotator: AbstractUser) -> Assignment:
    """The place, locked until the transaction ends; raises LeaseLostError unless `annotator` still has it."""
    rows = Assignment.objects.select_for_update(of=("self",)).select_related("project", *AT_PLACE)
    locked = rows.filter(pk=place.pk, status=Status.LEASED, annotator=annotator.pk).first()
    if locked is None:
        raise LeaseLostError
    locked.item.project = locked.project
    return locked


# Giving back ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def skip(place: Assignment, annotator: AbstractUser, reason: str) -> None:
    """Pass on an item for good; see `let_go` for what becomes of it. Raises LeaseLostError."""
    place = hold(place, annotator)
    if place.submitted_at is None:
        Skip.objects.get_or_create(item=place.item, annotator_id=annotator.pk, defaults={"reason": reason})
    let_go(place)


def return_expired(project: Project, apart_from: AbstractUser) -> None:
    """Let go of every place whose time ran out, leased or held ready, except the caller's own.

    Whoever waits for answers is not to blame for the time that it takes: such a place stays theirs.
    """
    awaited = Comparison.objects.filter(assignment=OuterRef("pk"), status__in=[Job.Status.QUEUED, Job.Status.RUNNING])
    unfinished = (Job.Status.QUEUED, Job.Status.RUNNING)
    replied = Dialogue.objects.filter(assignment=OuterRef("pk"), replies__status__in=unfinished)
    held = project.assignments.filter(status__in=(Status.LEASED, Status.RESERVED), leased_until__lt=timezone.now())
    expired = held.filter(Q(status=Status.RESERVED) | ~Exists(awaited) & ~Exists(replied)).exclude(
        annotator=apart_from.pk
    )
    if not expired.exists():
        return
    with transaction.atomic():
        for place in expired.select_for_update(skip_locked=True, of=("self",)):
            let_go(place)


def let_go(place: Assignment) -> None:
    """End the work on a locked place.

    What was submitted before is submitted again, as it was. A dialogue may end after any turn, so one with a judged
    turn is complete work and its place stays taken. Without a judgement the place opens again, and what was only shown
    goes: the prompt and the answers stay as rows, but the comparison is drawn anew for whoever comes next. A prompt of
    the annotator's own is nobody else's work: its item goes too; and a gold item's place is made for one person.
    Answers that are still being written are cancelled.
    """
    for comparison in place.comparisons.filter(status__in=[Job.Status.QUEUED, Job.Status.RUNNING]):
        jobs.request_cancel(comparison)
    if place.submitted_at is not None:
        restore(place)
        return
    if Preference.objects.filter(comparison__assignment=place).exists():
        complete(place)
        return
    if place.item.own_prompt:
        (place if place.item.flags.exists() else place.item).delete()
        return
    if Gold.objects.filter(item=place.item_id).exists():
        place.delete()
        return
    place.comparisons.all().delete()
    Dialogue.objects.filter(assignment=place).delete()
    Assignment.objects.filter(pk=place.pk).update(
        status=Status.OPEN, annotator=None, started_at=None, leased_until=None, seconds=None
    )


def restore(place: Assignment) -> None:
    """Put a locked place back to where it was before it came into hand again: submitted, or returned by a reviewer."""
    waits = place.reviews.filter(created_at__gt=place.submitted_at).first()
    returned = waits is not None and waits.verdict == Review.Verdict.RETURNED
    lock_item(place)
    Dialogue.objects.filter(assignment=place, ended_at=None).update(ended_at=timezone.now())
    Assignment.objects.filter(pk=place.pk).update(
        status=Status.RETURNED if returned else Status.SUBMITTED, revising=False, leased_until=None
    )
    settle(place.item)
    tallies.touch(place)


# Completing -----------------------------------------------------------------------------------------------------------


def complete(place: Assignment, times: Sequence[float | None] | None = None) -> None:
    """Close a locked place as answered, and its dialogue with it; ask one more rater where they disagree.

    times: seconds of all judgements at the place, where they are known.
    """
    now = timezone.now()
    lock_item(place)
    seconds = time_taken(place, now, times_of(place) if times is None else times)
    if hasattr(place, "dialogue"):
        Dialogue.objects.filter(assignment=place, ended_at=None).update(ended_at=now)
    Assignment.objects.filter(pk=place.pk).update(
        status=Status.SUBMITTED,
        submitted_at=now,
        leased_until=None,
        revising=False,
        seconds=seconds,
        hasty=was_hasty(place, place.project, seconds),
    )
    settle(place.item)
    gold.check(place)
    tallies.touch(place)


def time_taken(place: Assignment, now: datetime, times: Sequence[float | None]) -> float | None:
    """Seconds that a place's judgements took, all turns and revisions; of other work, what the clock counted."""
    judged = [seconds for seconds in times if seconds is not None]
    if judged:
        return sum(judged)
    if place.seconds is not None:
        return place.seconds
    return (now - place.started_at).total_seconds() if place.started_at else None


def times_of(place: Assignment) -> list[float | None]:
    return list(Preference.objects.filter(comparison__assignment=place).values_list("seconds", flat=True))


def lock_item(place: Assignment) -> None:
    """Raters who finish an item at the same moment do so one after another: the last one sees what all have said.

    Always after the place's own lock, never before.
    """
    Item.objects.select_for_update(no_key=True).values_list("pk").get(pk=place.item_id)


def settle(item: Item) -> None:
    """Note how far a locked item's raters disagree; too far, and one more place opens, up to the project's maximum."""
    if item.own_prompt or item.response_1_id is None:
        return
    project, apart = item.project, remember(item)
    if not project.max_overlap:
        return
    places = list(item.assignments.exclude(status=Status.REJECTED).values_list("status", flat=True))
    everybody_spoke = set(places) == {Status.SUBMITTED}
    if apart is None or not everybody_spoke or len(places) >= project.max_overlap:
        return
    if 1 - apart < project.agreement_floor and not hasattr(item, "gold"):
        Assignment.objects.create(item=item)


@transaction.atomic
def prioritise(items: QuerySet[Item], priority: int) -> int:
    """Set the priority of items, and of their places with it; how many items. Higher ones are given out first."""
    keys = list(items.values_list("pk", flat=True))
    for start in range(0, len(keys), 500):
        chunk = keys[start : start + 500]
        Item.objects.filter(pk__in=chunk).update(priority=priority)
        Assignment.objects.filter(item__in=chunk).update(priority=priority)
    return len(keys)
