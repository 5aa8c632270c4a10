"""What stands between an annotator and new work in a project: a consent, a test, a pause, a day's cap.

A gate is a panel that is shown instead of the work. Each check looks at one thing and returns its gate, or None; the
first gate counts. Work that is in hand may always be finished.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractUser

from annotation.models import Project, Standing


@dataclass(frozen=True)
class Gate:
    """A closed gate: why, and how it opens."""

    name: str
    template: str
    """Shown in place of the work; gets `gate`, `desk` and `project`."""
    context: dict[str, Any] = field(default_factory=dict)


class GateClosedError(Exception):
    """New work was asked for before a closed gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.name)
        self.gate = gate


Check = Callable[[Project, AbstractUser, Standing | None], Gate | None]
CHECKS: list[Check] = []
"""In the order in which a person meets them."""


def gate_of(project: Project, annotator: AbstractUser) -> Gate | None:
    """The first closed gate before this annotator's new work; None where the way is free."""
    return gate_before(project, annotator, standing_in(project, annotator))


def gate_before(project: Project, annotator: AbstractUser, standing: Standing | None) -> Gate | None:
    """The same, for whoever has read the standing already."""
    return next((gate for check in CHECKS if (gate := check(project, annotator, standing))), None)


def standing_in(project: Project, annotator: AbstractUser) -> Standing | None:
    """What is remembered about the annotator in this project; None where nothing is yet."""
    return Standing.objects.filter(project=project, annotator=annotator.pk).first()
