"""Desks at which the time at work is counted as long as something is in hand."""

from annotation import clock
from annotation.desks.desk import Desk
from annotation.drafts import Typed
from annotation.models.answers import PlacedRevision


class ClockedDesk(Desk):
    def seen(self) -> None:
        if self.place:
            clock.tick(self.place)
        super().seen()


def criteria_typed(said: PlacedRevision) -> Typed:
    """The answers to the project's questions as the form's fields."""
    return {f"criterion_{key}": answer for key, answer in said.criteria.items()}
