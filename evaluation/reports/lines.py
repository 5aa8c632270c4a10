"""Figures as lines of a table for other programs: one figure per line, with its interval and what it rests on."""

from collections.abc import Iterator
from typing import NamedTuple

from evaluation.statistics.agreement import Agreement
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.preferences import WinRate

RATERS = "raters"
Cell = str | int | float | None


class Line(NamedTuple):
    """judge: RATERS, or the model that judged. part: what of the report it is about; label: which slice, rater or bin.

    value, low, high are empty where the figure is undefined, and the note says why.
    """

    judge: str
    part: str
    model: str
    against: str
    label: str | int
    figure: str
    value: Cell
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""


class Subject(NamedTuple):
    """What several lines are about."""

    judge: str
    part: str
    model: str = ""
    against: str = ""
    label: str | int = ""

    def line(self, name: str, figure: Estimate | Agreement, n: int) -> Line:
        low, high = figure.interval or (None, None)
        return Line(*self, name, figure.value, figure.standard_error, low, high, n, figure.note)

    def value(self, name: str, value: int | float | None, n: int | None = None, note: str = "") -> Line:
        """A figure that has no interval."""
        return Line(*self, name, value, n=n, note=note)

    def rates(self, rates: WinRate) -> Iterator[Line]:
        for name in ("win", "tie", "loss", "win_rate"):
            yield self.line(name, getattr(rates, name), rates.observations)
