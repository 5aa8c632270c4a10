"""Plots as numbers for an inline SVG: the templates draw, these say where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 480, 160


@dataclass(frozen=True)
class Bar:
    """How often one point of a preference scale was chosen, in the plot's units; y grows downwards."""

    points: int
    side: str
    """a, b, or none for the middle of an odd scale."""
    count: int
    share: float
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)

    @property
    def above(self) -> float:
        """Where the count is written."""
        return self.y - 5


def histogram(counts: Mapping[int, int], scale: int) -> list[Bar]:
    """A bar for each of the points 1 to `scale`, also the empty ones; the fullest reaches the top of WIDTH x HEIGHT."""
    total, fullest = sum(counts.values()), max(counts.values(), default=0)
    slot = WIDTH / scale
    bars = []
    for points in range(1, scale + 1):
        count = counts.get(points, 0)
        height = round(HEIGHT * count / fullest, 1) if fullest else 0.0
        share = count / total if total else 0.0
        side = "none" if 2 * points == scale + 1 else "a" if 2 * points <= scale else "b"
        bars.append(
            Bar(points, side, count, share, round((points - 0.9) * slot, 1), HEIGHT - height, 0.8 * slot, height)
        )
    return bars


@dataclass(frozen=True)
class DayBar:
    """The judgements of a day as a thin bar of WIDTH x DAY_HEIGHT; y grows downwards."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


DAY_HEIGHT = 60


def day_bars(days: Sequence[tuple[date, int]]) -> list[DayBar]:
    """A bar for each day; the fullest reaches the top, and a day with anything shows."""
    fullest, slot = max((count for _, count in days), default=0), WIDTH / max(1, len(days))
    bars = []
    for place, (day, count) in enumerate(days):
        height = round(max(1.0, DAY_HEIGHT * count / fullest), 1) if count else 0.0
        bars.append(DayBar(day, count, round(place * slot, 1), DAY_HEIGHT - height, round(0.8 * slot, 1), height))
    return bars


UNITS = {"kl": "nats", "held_out_kl": "nats", "ended": "share"}
"""Of the figures whose names don't say what they count."""


@dataclass(frozen=True)
class Curve:
    """A run's figure by step as the points of an SVG polyline, with the values at the ends of its axes."""

    name: str
    points: str
    low: float
    high: float
    first_step: int
    last_step: int
    latest: float

    @property
    def label(self) -> str:
        name = self.name.replace("_", " ").replace("per second", "per s")
        name = (name[:1].upper() + name[1:]).replace("Kl", "KL").replace(" kl", " KL")
        return f"{name} ({UNITS[self.name]})" if self.name in UNITS else name

    @property
    def only_y(self) -> str:
        """Height of the point of a curve that has but one."""
        return self.points.partition(",")[2]


def curve(name: str, values: Sequence[tuple[int, float]], bounds: tuple[float, float] | None = None) -> Curve | None:
    """The curve through (step, value) in the order of steps, or None without values.

    bounds: the vertical axis, else the range of the values.
    """
    if not values:
        return None
    steps, heights = zip(*values, strict=True)
    low, high = bounds or (min(heights), max(heights))
    middle = HEIGHT / 2 if low == high else 0.0  # a figure that never changes is a line in the middle
    spread, length = (high - low) or 1.0, (steps[-1] - steps[0]) or 1
    points = " ".join(
        f"{WIDTH * (step - steps[0]) / length:.1f},{middle + HEIGHT * (high - height) / spread:.1f}"
        for step, height in values
    )
    return Curve(name, points, low, high, steps[0], steps[-1], heights[-1])


@dataclass(frozen=True)
class Whisker:
    """A share of n with its interval, in percent of an axis from 0 to 100."""

    n: int
    x: float
    x_low: float
    x_high: float

    @property
    def length(self) -> float:
        return round(self.x_high - self.x_low, 1)

    @property
    def dot(self) -> float:
        """Left edge of a mark of width 0.8 that is centred on the share."""
        return round(self.x - 0.4, 1)


def whisker(n: int, value: float, low: float | None, high: float | None) -> Whisker:
    """A share between 0 and 1; without an interval the whisker has no length."""
    ends = (value if low is None else low, value if high is None else high)
    return Whisker(n, *(round(100 * share, 1) for share in (value, *ends)))
