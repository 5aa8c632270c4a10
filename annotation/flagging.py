"""Flags: annotators tell the managers that something is wrong with an item, and managers settle it."""

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils import timezone

from annotation.models import Assignment, Flag, Project


class SettledError(Exception):
    """Another manager was faster."""


def flag(place: Assignment, annotator: AbstractUser, reason: str) -> Flag:
    """Flag the item of a place; saying it again changes the reason and opens the flag anew."""
    said = {"reason": reason, "created_at": timezone.now(), "resolved_at": None, "resolved_by": None, "resolution": ""}
    return Flag.objects.update_or_create(item=place.item, annotator_id=annotator.pk, defaults=said)[0]


def flags_of(project: Project, is_open: bool = True) -> QuerySet[Flag]:
    """Open flags, oldest first; or settled ones, newest first."""
    rows = Flag.objects.filter(item__project=project, resolved_at__isnull=is_open)
    rows = rows.select_related("item__prompt", "item__response_1", "item__response_2", "annotator", "resolved_by")
    return rows.order_by("created_at" if is_open else "-resolved_at", "pk")


def resolve(flag: Flag, manager: AbstractUser, note: str) -> None:
    """Settle an open flag with a word on what was done about it. Raises SettledError."""
    rows = Flag.objects.filter(pk=flag.pk, resolved_at=None)
    if rows.update(resolved_at=timezone.now(), resolved_by=manager.pk, resolution=note) == 0:
        raise SettledError
