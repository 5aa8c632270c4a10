"""Review of submitted work: approve, return with a note, reject; and what counts where annotators disagree.

The unit is a place: one annotator's work on one item, all turns of a dialogue. Nobody reviews their own. Returned work
counts as it was until its annotator revises it. Rejected work stays as rows but counts no more, and a new place opens
for somebody else.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from annotation import assigning, tallies
from annotation.disagreement import remember
from annotation.judgements import judgements_at
from annotation.models import Adjudication, Assignment, Gold, Item, Project, Response, Review, Skip
from annotation.models.comparisons import choice_of

Status = Assignment.Status
Verdict = Review.Verdict
DISAGREES = 0.3
"""Disagreement of an item's raters from which its work is looked at first."""

SIGNALS = {
    "gold": Q(gold_passed=False),
    "disagreement": Q(item__disagreement__gte=DISAGREES),
    "haste": Q(hasty=True),
}
"""What makes work worth a look, weightiest first."""


class ReviewError(Exception):
    """A verdict that can't be given, for a reason that the reviewer should read."""


@dataclass(frozen=True)
class Tally:
    """How a project's submitted work stands."""

    waiting: int
    approved: int
    returned: int
    rejected: int
    signals: dict[str, int]


def waiting(project: Project) -> QuerySet[Assignment]:
    """Submitted places without approval: what most wants a look first, then the oldest."""
    weight = Case(
        *(When(condition, then=Value(place)) for place, condition in enumerate(SIGNALS.values())),
        default=Value(len(SIGNALS)),
        output_field=IntegerField(),
    )
    places = Assignment.objects.filter(item__project=project, status=Status.SUBMITTED, approved=False)
    return places.annotate(weight=weight).order_by(
        "weight", F("item__disagreement").desc(nulls_last=True), "submitted_at", "pk"
    )


def waiting_for(reviewer: AbstractUser, project: Project, signal: str = "") -> QuerySet[Assignment]:
    """Of `waiting`, what this person may review: not their own; with one signal alone if it is named."""
    places = waiting(project).exclude(annotator=reviewer.pk)
    return places.filter(SIGNALS[signal]) if signal in SIGNALS else places


def tally(project: Project) -> Tally:
    """Counts of a project's places by where their review stands."""
    open_to_review = Q(status=Status.SUBMITTED, approved=False)
    wanted = {
        "waiting": open_to_review,
        "approved": Q(status=Status.SUBMITTED, approved=True),
        "returned": Q(status=Status.RETURNED),
        "rejected": Q(status=Status.REJECTED),
        **{name: open_to_review & signal for name, signal in SIGNALS.items()},
    }
    places = Assignment.objects.filter(item__project=project)
    counted = places.aggregate(**{f"{name}_places": Count("pk", filter=where) for name, where in wanted.items()})
    counts = {name: counted[f"{name}_places"] for name in wanted}
    return Tally(signals={name: counts.pop(name) for name in SIGNALS}, **counts)


def may_still_judge(item: Item, person: AbstractUser) -> bool:
    """Whether somebody who works in the project too is yet to judge this item: then they don't read others' answers."""
    mine = item.assignments.filter(annotator=person.pk)
    if mine.exists():
        return mine.filter(submitted_at=None, status__in=(Status.LEASED, Status.RESERVED)).exists()
    if not item.project.annotators.filter(pk=person.pk).exists():
        return False
    return assigning.suitable(person, item.assignments.filter(status=Status.OPEN)).exists()


@transaction.atomic
def renounce(item: Item, person: AbstractUser) -> None:
    """Judge an item no more, so as to read what others say of it. Raises ReviewError while it is in hand."""
    held = item.assignments.filter(annotator=person.pk, submitted_at=None).select_for_update(of=("self",))
    for place in held:
        if place.status != Status.RESERVED:
            raise ReviewError("You have this item in hand: judge it, or skip it, first.")
        assigning.let_go(place)
    Skip.objects.get_or_create(item=item, annotator_id=person.pk, defaults={"reason": "read as a reviewer"})


@transaction.atomic
def review(place: Assignment, reviewer: AbstractUser, verdict: str, note: str = "") -> Review:
    """Give a verdict on a submitted place. Raises ReviewError."""
    place = Assignment.objects.select_for_update(of=("self",)).select_related("item__project").get(pk=place.pk)
    if place.annotator_id == reviewer.pk:
        raise ReviewError("This is your own work: somebody else reviews it.")
    if place.status != Status.SUBMITTED:
        raise ReviewError(
            f"This work is {place.get_status_display()} now, not submitted: its annotator or another reviewer was "
            "faster. Nothing was changed."
        )
    if verdict != Verdict.APPROVED and not note.strip():
        raise ReviewError("Write a note: the annotator reads it and should learn what to do.")
    if verdict == Verdict.APPROVED:
        Assignment.objects.filter(pk=place.pk).update(approved=True)
    elif verdict == Verdict.RETURNED:
        Assignment.objects.filter(pk=place.pk).update(status=Status.RETURNED, approved=False)
    else:
        _reject(place)
    tallies.touch(place)
    return Review.objects.create(assignment=place, reviewer_id=reviewer.pk, verdict=verdict, note=note.strip())


def _reject(place: Assignment) -> None:
    """Its judgements count no more; another place opens, except where nobody else can take the item up."""
    Assignment.objects.filter(pk=place.pk).update(status=Status.REJECTED, approved=False)
    judgements_at(place).filter(current=True).update(current=False)
    if place.item.response_1_id:
        remember(place.item)
    if not place.item.own_prompt and not Gold.objects.filter(item=place.item_id).exists():
        Assignment.objects.create(item_id=place.item_id)


def unremarkable(project: Project, reviewer: AbstractUser) -> QuerySet[Assignment]:
    """Of `waiting_for`, what gives no signal."""
    return waiting_for(reviewer, project).exclude(SIGNALS["gold"] | SIGNALS["disagreement"] | SIGNALS["haste"])


@transaction.atomic
def approve_unremarkable(project: Project, reviewer: AbstractUser) -> int:
    """Approve all that is unremarkable; how many places that were."""
    places = unremarkable(project, reviewer)
    keys = list(places.select_for_update(of=("self",)).values_list("pk", flat=True))
    Assignment.objects.filter(pk__in=keys).update(approved=True)
    tallies.touch_many(project, keys)
    Review.objects.bulk_create(
        (Review(assignment_id=pk, reviewer_id=reviewer.pk, verdict=Verdict.APPROVED) for pk in keys), batch_size=1000
    )
    return len(keys)


# Adjudication ---------------------------------------------------------------------------------------------------------


def disputed(project: Project) -> QuerySet[Item]:
    """Items whose raters disagree and that nobody has settled yet, the most disputed first."""
    items = Item.objects.filter(project=project, disagreement__gte=DISAGREES)
    settled = Adjudication.objects.filter(current=True, item__project=project).values("item")
    return items.exclude(pk__in=settled).order_by("-disagreement", "pk")


@transaction.atomic
def adjudicate(item: Item, reviewer: AbstractUser, points: int, note: str = "", labels: Any = None) -> Adjudication:
    """Say what counts for an item, beside its raters' judgements, which stay; saying it again is a new revision.

    points: of the project's scale; of a pair, about response_1 as A. Raises ReviewError.
    """
    Item.objects.select_for_update().get(pk=item.pk)
    scale = item.project.scale
    if not 1 <= points <= scale:
        raise ReviewError(f"The scale runs from 1 to {scale}, got {points}.")
    before = Adjudication.objects.filter(item=item, current=True).first()
    if before:
        Adjudication.objects.filter(pk=before.pk).update(current=False)
    return Adjudication.objects.create(
        item=item,
        reviewer_id=reviewer.pk,
        revision=before.revision + 1 if before else 1,
        points=points,
        scale=scale,
        preferred=preferred(item, points),
        labels=labels or {},
        note=note.strip(),
        guideline=item.project.guideline,
    )


def preferred(item: Item, points: int) -> Response | None:
    """The response that these points prefer; None for the middle, and where there is only one."""
    if item.response_2 is None:
        return None
    return {"a": item.response_1, "b": item.response_2}.get(choice_of(points, item.project.scale))
