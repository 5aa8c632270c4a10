"""Weekly batches: what is collected between two tuning iterations (section 3.2.1). At most one of a project is open."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from annotation.models import Batch, Project


@transaction.atomic
def open_batch(project: Project, name: str = "", target: int | None = None) -> Batch:
    """Open the next batch, which closes the one before: work of two weeks never mixes.

    Raises ValidationError where another batch has this name.
    """
    number = next_number(project)
    if name and batches_called(name, project):
        raise ValidationError(f'{project} has a batch "{name}" already: choose another name.')
    project.batches.filter(closed_at=None).update(closed_at=timezone.now())
    return project.batches.create(number=number, name=name, target=target)


def close_batch(batch: Batch) -> bool:
    """Close an open batch; False where it was closed already."""
    return Batch.objects.filter(pk=batch.pk, closed_at=None).update(closed_at=timezone.now()) == 1


def batch_called(name: str, project: Project) -> Batch | None:
    """The project's first batch that people see under this name."""
    return next(iter(batches_called(name, project)), None)


def batches_called(name: str, project: Project) -> list[Batch]:
    """More than one only where somebody named a batch in the admin's pages, or like a later one's number."""
    return [batch for batch in project.batches.order_by("number") if str(batch) == name]


def add_closed_batch(name: str, project: Project) -> Batch:
    """A new batch of work that was done elsewhere: closed from the start, and the open one stays open."""
    return project.batches.create(number=next_number(project), name=name, closed_at=timezone.now())


def next_number(project: Project) -> int:
    """One more than the newest batch's. Locks the project until the transaction ends: no two get the same."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    newest = project.batches.order_by("-number").first()
    return newest.number + 1 if newest else 1
