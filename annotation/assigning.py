"""Who works on what: places are leased, extended, given back, skipped and completed.

An item's places are rows that exist beforehand, so an item never collects more answers than its overlap. Claiming is
a conditional update of an open row; PostgreSQL steps over rows that somebody else is just claiming, SQLite lets one
claim in at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from annotation.models import Assignment, Comparison, Dialogue, Preference, Project, Skip
from modeling.registry import jobs
from modeling.registry.models import Job

Status = Assignment.Status


class LeaseLostError(Exception):
    """The place is no longer this annotator's: completed in another tab, or left alone too long and given back."""


def open_places(project: Project, annotator: AbstractUser) -> QuerySet[Assignment]:
    """Open places of items that `annotator` has neither answered nor skipped, oldest item first."""
    theirs = Assignment.objects.filter(item=OuterRef("item"), annotator=annotator.pk)
    skipped = Skip.objects.filter(item=OuterRef("item"), annotator=annotator.pk)
    places = Assignment.objects.filter(item__project=project, status=Status.OPEN)
    return places.filter(~Exists(theirs), ~Exists(skipped)).order_by("item_id", "pk")


def lease_of(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The place that `annotator` has in hand."""
    leases = Assignment.objects.filter(item__project=project, annotator=annotator.pk, status=Status.LEASED)
    return leases.select_related("item__prompt").order_by("pk").first()


def claim_next(project: Project, annotator: AbstractUser) -> Assignment | None:
    """The place in hand, else the oldest open one, now leased; None when nothing waits for this annotator.

    Whoever comes back late to a lease that nobody else has asked for keeps it.
    """
    with one_tab_at_a_time(annotator):
        return_expired(project, apart_from=annotator)
        if mine := lease_of(project, annotator):
            extend(mine)
            return mine
        places = open_places(project, annotator).select_for_update(skip_locked=True, of=("self",))
        while place := places.first():
            if lease(place, annotator):
                return place
    return None


@contextmanager
def one_tab_at_a_time(annotator: AbstractUser) -> Iterator[None]:
    """A transaction for which an annotator's second tab waits until that of the first one is over.

    NO KEY UPDATE: rows that merely refer to this person are inserted beside it.
    """
    with transaction.atomic():
        get_user_model().objects.select_for_update(no_key=True).get(pk=annotator.pk)
        yield


def lease(place: Assignment, annotator: AbstractUser) -> bool:
    """Take an open place by a conditional update; False if somebody else was faster."""
    now = timezone.now()
    terms = {"annotator": annotator.pk, "started_at": now, "leased_until": lease_end(place.item.project, now)}
    taken = Assignment.objects.filter(pk=place.pk, status=Status.OPEN).update(status=Status.LEASED, **terms)
    place.refresh_from_db()
    return taken == 1


def lease_end(project: Project, now: datetime) -> datetime:
    return now + timedelta(minutes=project.lease_minutes)


def extend(place: Assignment) -> None:
    """Start the lease anew: the annotator was seen working."""
    until = lease_end(place.item.project, timezone.now())
    Assignment.objects.filter(pk=place.pk, status=Status.LEASED).update(leased_until=until)


def hold(place: Assignment, annotator: AbstractUser) -> Assignment:
    """The place, locked until the transaction ends; raises LeaseLostError unless `annotator` still has it."""
    rows = Assignment.objects.select_for_update(of=("self",)).select_related("item__project")
    locked = rows.filter(pk=place.pk, status=Status.LEASED, annotator=annotator.pk).first()
    if locked is None:
        raise LeaseLostError
    return locked


@transaction.atomic
def skip(place: Assignment, annotator: AbstractUser, reason: str) -> None:
    """Pass on an item for good; see `let_go` for what becomes of it. Raises LeaseLostError."""
    place = hold(place, annotator)
    Skip.objects.get_or_create(item=place.item, annotator_id=annotator.pk, defaults={"reason": reason})
    let_go(place)


def return_expired(project: Project, apart_from: AbstractUser) -> None:
    """Let go of every lease that ran out, except the caller's own.

    Whoever waits for answers is not to blame for the time that it takes: such a place stays theirs.
    """
    awaited = Comparison.objects.filter(assignment=OuterRef("pk"), status__in=[Job.Status.QUEUED, Job.Status.RUNNING])
    leases = Assignment.objects.filter(~Exists(awaited), item__project=project, status=Status.LEASED)
    expired = leases.filter(leased_until__lt=timezone.now()).exclude(annotator=apart_from.pk)
    if not expired.exists():
        return
    with transaction.atomic():
        for place in expired.select_for_update(skip_locked=True, of=("self",)):
            let_go(place)


def let_go(place: Assignment) -> None:
    """End the work on a locked place.

    A dialogue may end after any turn, so one with a judged turn is complete work and its place stays taken. Without a
    judgement the place opens again, and what was only shown goes: the prompt and the answers stay as rows, but the
    comparison is drawn anew for whoever comes next. A prompt of the annotator's own is nobody else's work: its item
    goes too. Answers that are still being written are cancelled.
    """
    for comparison in place.comparisons.filter(status__in=[Job.Status.QUEUED, Job.Status.RUNNING]):
        jobs.request_cancel(comparison)
    if Preference.objects.filter(comparison__assignment=place).exists():
        complete(place)
        return
    if place.item.own_prompt:
        place.item.delete()
        return
    place.comparisons.all().delete()
    Dialogue.objects.filter(assignment=place).delete()
    Assignment.objects.filter(pk=place.pk).update(
        status=Status.OPEN, annotator=None, started_at=None, leased_until=None
    )


def complete(place: Assignment) -> None:
    """Close a locked place as answered, and its dialogue with it."""
    now = timezone.now()
    Dialogue.objects.filter(assignment=place, ended_at=None).update(ended_at=now)
    Assignment.objects.filter(pk=place.pk).update(status=Status.SUBMITTED, submitted_at=now, leased_until=None)
