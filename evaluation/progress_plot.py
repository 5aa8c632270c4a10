"""The progress of the loop as the paper's figure 11: every version's win rates over V0 on both axes.

A standalone SVG: the same text is written beside the figures and shown on a page.
"""

from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from evaluation.wording import percent

TITLES = {"gold": "Judge: the gold preference", "reward": "Judge: the newest reward models"}
SIDE = 320
"""Pixels of a panel's plot area, which is a square."""
LEFT, TOP, GAP = 64, 40, 84
"""Pixels left of a panel (its axis), above it (its title), and between two."""
BOTTOM = 56
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Mark:
    """A version: its dot, and the ends of its intervals along both axes; all in pixels of the picture."""

    label: str
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
class ProgressPlot:
    width: float
    height: float
    panels: tuple[Panel, ...]


def progress_figure(history: dict[str, Any]) -> ProgressPlot:
    """A panel per judge, from the versions that evaluation.iterations.history_of lists."""
    versions = history["versions"]
    judges = [judge for judge in TITLES if versions and all(judge in version for version in versions)]
    panels = tuple(panel(judge, versions, LEFT + place * (SIDE + GAP)) for place, judge in enumerate(judges))
    width = LEFT + len(panels) * (SIDE + GAP) - GAP + 40 if panels else LEFT
    return ProgressPlot(width, TOP + SIDE + BOTTOM, panels)


def progress_svg(history: dict[str, Any]) -> str:
    """The figure as the text of an SVG file."""
    return render_to_string("evaluation/progress.svg", {"plot": progress_figure(history)})


def panel(judge: str, versions: list[dict[str, Any]], left: float) -> Panel:
    right, bottom = left + SIDE, TOP + SIDE
    return Panel(
        title=TITLES[judge],
        left=left,
        top=TOP,
        right=right,
        bottom=bottom,
        columns=tuple(Line(left + SIDE * share, percent(share), share == 0.5) for share in TICKS),
        rows=tuple(Line(bottom - SIDE * share, percent(share), share == 0.5) for share in TICKS),
        marks=tuple(mark(version["number"], version[judge], left, bottom) for version in versions),
    )


def mark(number: int, rates: dict[str, Any], left: float, bottom: float) -> Mark:
    """A figure without an interval is a dot alone: its ends are where it stands."""
    helpfulness, safety = rates["helpfulness"], rates["safety"]
    ends = {name: value if value is not None else helpfulness["value"] for name, value in helpfulness.items()}
    heights = {name: value if value is not None else safety["value"] for name, value in safety.items()}
    return Mark(
        label=f"V{number}",
        x=left + SIDE * ends["value"],
        y=bottom - SIDE * heights["value"],
        left=left + SIDE * ends["low"],
        right=left + SIDE * ends["high"],
        top=bottom - SIDE * heights["high"],
        bottom=bottom - SIDE * heights["low"],
        description=f"V{number}: win rate over V0 {in_words(helpfulness)} on helpfulness, {in_words(safety)} on safety",
    )


def in_words(rate: dict[str, Any]) -> str:
    if rate["low"] is None:
        return percent(rate["value"], 1)
    return f"{percent(rate['value'], 1)} (95 % interval {percent(rate['low'], 1)} to {percent(rate['high'], 1)})"
