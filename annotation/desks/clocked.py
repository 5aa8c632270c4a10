"""Desks at which the time at work is counted as long as something is in hand."""

from annotation import clock
from annotation.desks.desk import Desk


class ClockedDesk(Desk):
    def seen(self) -> None:
        if self.place:
            clock.tick(self.place)
