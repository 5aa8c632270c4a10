"""What is said at a place: a rating, a demonstration, the label of a red-team attempt. Once, however often it is sent.

Comparisons have a row of their own for each turn and are judged in comparing.py.
"""

import uuid
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractUser
from django.utils.crypto import salted_hmac

from annotation import assigning, clock
from annotation.comparing import AlreadyJudgedError
from annotation.models import Assignment, GuidelineVersion
from annotation.models.answers import PlacedRevision

Said = TypeVar("Said", bound=PlacedRevision)


def submission_key(place: Assignment, kind: type[PlacedRevision]) -> uuid.UUID:
    """The key that the page sends with the next revision: the same after a refresh, and not to be guessed by others."""
    number = kind._default_manager.filter(assignment=place).count() + 1
    return uuid.UUID(bytes=salted_hmac("annotation.submission", f"place {place.pk} {number}").digest()[:16])


def guideline_at(place: Assignment) -> GuidelineVersion | None:
    """The guideline that was on the page when the work began, or began anew; a later version was not."""
    versions = place.item.project.guidelines.order_by("-number")
    began = (place.reopened_at if place.revising else None) or place.started_at
    return versions.filter(created_at__lte=began).first() if began else versions.first()


def say(kind: type[Said], place: Assignment, annotator: AbstractUser, key: uuid.UUID, **fields: Any) -> Said:
    """Store the next revision of what is said at a place in hand, and complete the place.

    Sending the same under the same key again gives the same row. Raises AlreadyJudgedError where the key has brought
    something else, LeaseLostError where the place is not in hand or the key belongs to another one.
    """
    with assigning.one_tab_at_a_time(annotator):
        said = kind._default_manager.filter(submission=key, assignment=place).first()
        if said and place.annotator_id == annotator.pk:
            if all(getattr(said, name) == value for name, value in fields.items()):
                return said
            raise AlreadyJudgedError
        place = assigning.hold(place, annotator)
        if key != submission_key(place, kind):
            raise assigning.LeaseLostError
        clock.tick(place)
        earlier = kind._default_manager.filter(assignment=place)
        revision = earlier.count() + 1
        earlier.filter(current=True).update(current=False)
        made = kind._default_manager.create(
            assignment=place,
            revision=revision,
            submission=key,
            guideline=guideline_at(place),
            seconds=place.seconds,
            **fields,
        )
        assigning.complete(place)
        return made
