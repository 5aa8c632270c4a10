"""Time at work: it runs from one sign of the annotator to the next, and a pause counts at most PAUSE.

A sign is a page that is opened, a draft that is saved (so, typing), something that is sent. Each one also starts the
lease anew, and the lease's end tells when the last one was.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotation.assigning import extend
from annotation.models import Assignment

PAUSE = timedelta(minutes=3)
"""Who gives no sign for longer reads a long answer, or is away: no more than this is counted."""


@transaction.atomic
def tick(place: Assignment) -> None:
    """A sign of the annotator who has this place in hand; nothing happens where nobody has."""
    rows = Assignment.objects.select_for_update(of=("self",)).select_related("project")
    held = rows.filter(pk=place.pk, status=Assignment.Status.LEASED).first()
    if held is None or held.leased_until is None:
        return
    silent = timezone.now() - (held.leased_until - timedelta(minutes=held.project.lease_minutes))
    counted = min(max(silent, timedelta(0)), PAUSE)
    place.seconds = (held.seconds or 0.0) + counted.total_seconds()
    Assignment.objects.filter(pk=held.pk).update(seconds=place.seconds)
    extend(held)
