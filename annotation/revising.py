"""Undo: what was submitted comes into its annotator's hands again, to be said anew, until somebody has reviewed it.

What was said stays and counts until the next revision is submitted. Left alone or put back, it is submitted as it was.
"""

from django.contrib.auth.models import AbstractUser
from django.db.models import Q
from django.utils import timezone

from annotation import assigning, drafts
from annotation.models import Assignment, Comparison, Dialogue, Preference, Project, Standing

Status = Assignment.Status


class TooLateError(Exception):
    """It can't be taken back: reviewed or gone on since, or its batch or project is closed."""


def undoable(project: Project, annotator: AbstractUser, in_hand: Assignment | None = None) -> Assignment | None:
    """The place of the annotator's last submission, where it can still be taken back.

    In a dialogue that goes on it is the last judgement, until the next question is asked.
    """
    in_hand = in_hand or assigning.lease_of(project, annotator)
    if in_hand and (in_hand.revising or has_judgements(in_hand)):
        last = in_hand
    else:
        places = Assignment.objects.filter(project=project, annotator=annotator.pk, status=Status.SUBMITTED)
        newest = places.select_related("item__batch").order_by("-submitted_at").first()
        if newest is None:
            return None
        newest.project, last = project, newest
    return last if may_take_back(last) else None


def may_take_back(place: Assignment) -> bool:
    """Whether nobody has reviewed it, nothing rests on it and its batch and project are open."""
    batch, project = place.item.batch, place.project
    if project.archived_at or (batch and batch.closed_at) or place.approved or place.revising:
        return False
    if place.reviews.exists() or knows_what_was_right(place):
        return False
    if place.status == Status.LEASED:
        newest = newest_comparison(place)
        return newest is not None and newest.preferences.filter(current=True).exists()
    return place.status == Status.SUBMITTED


def knows_what_was_right(place: Assignment) -> bool:
    """Whether the annotator was told of a gold item's right answer since. Before, a gold item is like any other."""
    if place.gold_passed is None or place.submitted_at is None:
        return False
    told = Q()
    for moment in ("warned_at", "paused_at", "gold_since"):
        told |= Q(**{f"{moment}__gte": place.submitted_at})
    return Standing.objects.filter(told, project=place.project_id, annotator=place.annotator_id).exists()


def take_back(place: Assignment, annotator: AbstractUser) -> Assignment:
    """Put a submission into the annotator's hands again, before what they are at, which waits. Raises TooLateError."""
    project = place.project
    with assigning.one_tab_at_a_time(annotator):
        rows = Assignment.objects.select_for_update(of=("self",)).select_related("item__batch", "project")
        locked = rows.filter(pk=place.pk, annotator=annotator.pk).first()
        if locked and locked.status == Status.LEASED and locked.revising:
            return locked  # asked for twice
        in_hand = assigning.lease_of(project, annotator)
        if locked is None or not may_take_back(locked) or (in_hand and in_hand.revising):
            raise TooLateError
        drafts.put_aside(project, annotator)
        now = timezone.now()
        Assignment.objects.filter(pk=locked.pk).update(
            status=Status.LEASED, revising=True, reopened_at=now, leased_until=assigning.lease_end(project, now)
        )
        Dialogue.objects.filter(assignment=locked).update(ended_at=None)
        assigning.extend(locked)
        locked.refresh_from_db()
        return locked


def keep(place: Assignment, annotator: AbstractUser) -> None:
    """Leave what was said as it is and put the place back. Raises LeaseLostError where it isn't being revised."""
    with assigning.one_tab_at_a_time(annotator):
        held = assigning.hold(place, annotator)
        if not held.revising:
            raise assigning.LeaseLostError
        if held.submitted_at is not None:
            assigning.restore(held)
        else:
            Assignment.objects.filter(pk=held.pk).update(revising=False)
        drafts.take_up(held.project, annotator)


def has_judgements(place: Assignment) -> bool:
    """Of work that is in hand for the first time, only a dialogue has some."""
    return hasattr(place, "dialogue") and Preference.objects.filter(comparison__assignment=place, current=True).exists()


def newest_comparison(place: Assignment) -> Comparison | None:
    """Of the last turn, the last draw."""
    return place.comparisons.order_by("-turn", "-regeneration").first()
