"""The progress of the loop as the paper's figure 11: every version's win rates over V0 on both axes.

A standalone SVG: the same text is written beside the figures and shown on a page.
"""

from dataclasses import dataclass
from math import floor
from typing import Any

from django.template.loader import render_to_string

from evaluation.wording import percent

TITLES = {"gold": "Judge: the gold preference", "reward": "Judge: the newest reward models"}
SIDE = 320
"""Pixels of a panel's plot area, which is a square."""
LEFT, TOP, GAP = 64, 40, 84
"""Pixels left of a panel (its axis), above it (its title), and between two."""
BOTTOM = 56
TENTHS = 10
MOST_TICKS = 7


@dataclass(frozen=True)
class Mark:
    """A version: its dot, and the ends of its intervals along both axes; all in pixels of the picture."""

    label: str
    label_dy: int
    """How far below the dot its label stands: those of neighbours stand above and below in turn."""
    x: float
    y: float
    left: float
    right: float
    top: float
    bottom: float
    description: str
    """The figures in words, for whoever points at the dot or can't see it."""


@dataclass(frozen=True)
class Line:
    """A line of the grid across the panel, and the label at its end."""

    at: float
    label: str
    is_even: bool
    """Whether it stands at an even chance."""


@dataclass(frozen=True)
class Panel:
    """One judge's view: helpfulness to the right, safety upwards, a cross per version, in order."""

    title: str
    left: float
    top: float
    right: float
    bottom: float
    columns: tuple[Line, ...]
    rows: tuple[Line, ...]
    marks: tuple[Mark, ...]

    @property
    def path(self) -> str:
        """The way from version to version."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Square:
    """A panel's plot area; both axes run from `low` to 1, so that a version's gain on each is to be compared."""

    left: float
    bottom: float
    low: float

    def x(self, rate: float) -> float:
        return self.left + SIDE * (rate - self.low) / (1 - self.low)

    def y(self, rate: float) -> float:
        return self.bottom - SIDE * (rate - self.low) / (1 - self.low)

    def ticks(self) -> list[float]:
        """Every tenth, or where their labels would touch every second one; an even chance is always among them."""
        tenths = range(round(self.low * TENTHS), TENTHS + 1)
        if len(tenths) > MOST_TICKS:
            tenths = range(tenths[0] + (tenths[0] + TENTHS // 2) % 2, TENTHS + 1, 2)
        return [tenth / TENTHS for tenth in tenths]


@dataclass(frozen=True)
class ProgressPlot:
    width: float
    height: float
    panels: tuple[Panel, ...]


def progress_figure(history: dict[str, Any]) -> ProgressPlot:
    """A panel per judge, from the versions that evaluation.iterations.history_of lists."""
    versions = history["versions"]
    judges = [judge for judge in TITLES if versions and all(judge in version for version in versions)]
    low = lowest(versions, judges)
    panels = tuple(
        panel(judge, versions, Square(LEFT + place * (SIDE + GAP), TOP + SIDE, low))
        for place, judge in enumerate(judges)
    )
    width = LEFT + len(panels) * (SIDE + GAP) - GAP + 40 if panels else LEFT
    return ProgressPlot(width, TOP + SIDE + BOTTOM, panels)


def progress_svg(history: dict[str, Any]) -> str:
    """The figure as the text of an SVG file."""
    return render_to_string("evaluation/progress.svg", {"plot": progress_figure(history)})


def lowest(versions: list[dict[str, Any]], judges: list[str]) -> float:
    """The tenth below every interval, and below an even chance: where the axes begin."""
    rates = [version[judge][axis] for version in versions for judge in judges for axis in ("helpfulness", "safety")]
    least = min((ends(rate)[0] for rate in rates), default=0.5)
    return min(floor(least * TENTHS), TENTHS // 2 - 1) / TENTHS


def panel(judge: str, versions: list[dict[str, Any]], square: Square) -> Panel:
    return Panel(
        title=TITLES[judge],
        left=square.left,
        top=square.bottom - SIDE,
        right=square.left + SIDE,
        bottom=square.bottom,
        columns=tuple(Line(square.x(share), percent(share), share == 0.5) for share in square.ticks()),
        rows=tuple(Line(square.y(share), percent(share), share == 0.5) for share in square.ticks()),
        marks=tuple(mark(version["number"], version[judge], square) for version in versions),
    )


def mark(number: int, rates: dict[str, Any], square: Square) -> Mark:
    helpfulness, safety = rates["helpfulness"], rates["safety"]
    (left, right), (bottom, top) = ends(helpfulness), ends(safety)
    return Mark(
        label=f"V{number}",
        label_dy=18 if number % 2 else -8,
        x=square.x(helpfulness["value"]),
        y=square.y(safety["value"]),
        left=square.x(left),
        right=square.x(right),
        top=square.y(top),
        bottom=square.y(bottom),
        description=f"V{number}: win rate over V0 {in_words(helpfulness)} on helpfulness, {in_words(safety)} on safety",
    )


def ends(rate: dict[str, Any]) -> tuple[float, float]:
    """The interval of a rate; a rate without one is a dot alone: its ends are where it stands."""
    value = rate["value"]
    return (value, value) if rate["low"] is None else (rate["low"], rate["high"])


def in_words(rate: dict[str, Any]) -> str:
    if rate["low"] is None:
        return percent(rate["value"], 1)
    return f"{percent(rate['value'], 1)} (95 % interval {percent(rate['low'], 1)} to {percent(rate['high'], 1)})"
