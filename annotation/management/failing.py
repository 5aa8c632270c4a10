"""How a command ends when it can't do what it was asked: one clear line, exit code 1, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import IntegrityError, OperationalError

from annotation.exporting import ExportError
from annotation.importing.reading import FileError
from annotation.models import Project


@contextmanager
def telling_what_failed(left: str) -> Iterator[None]:
    """Turns what a person can mend into a CommandError; `left` says in what state things are."""
    try:
        yield
    except (FileError, ExportError) as error:
        raise CommandError(str(error)) from error
    except ValidationError as error:
        fields = getattr(error, "message_dict", None)
        lines = [f"{name}: {' '.join(texts)}" for name, texts in fields.items()] if fields else error.messages
        raise CommandError("; ".join(lines)) from error
    except (OperationalError, IntegrityError) as error:
        raise CommandError(f"{left}; the database says: {error}") from error
    except KeyboardInterrupt:
        raise CommandError(f"stopped; {left}", returncode=130) from None


def find_project(slug: str, dimension: str | None = None) -> Project:
    """The project of this slug, about this dimension where one is named. Raises CommandError."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f'there is no project "{slug}"; projects: {known}')
    if dimension and project.dimension != dimension:
        raise CommandError(f'project "{slug}" is about {project.dimension}, not {dimension}')
    return project
