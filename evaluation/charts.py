"""Small charts as places in a picture, which one template draws: curves, dots with intervals, steps, cells.

Every chart is WIDTH x HEIGHT within its axes; y grows downwards. Colours are the style sheet's; nothing is told by
colour alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from evaluation.plots import round_ticks
from evaluation.statistics.estimates import Estimate

WIDTH, HEIGHT = 320, 220
Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """The values at both ends of an axis, and its ticks."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Line:
    """look: a class of the style sheet; label: stands at `label_at`, empty without one."""

    points: str
    look: str
    label: str = ""
    label_at: Point = (0.0, 0.0)


@dataclass(frozen=True)
class Dot:
    """low, high: the ends of its interval along y, None without one."""

    x: float
    y: float
    low: float | None
    high: float | None
    description: str
    hollow: bool = False


@dataclass(frozen=True)
class Cell:
    """A field of a two-dimensional histogram. weight: 0 to 1, how strongly it is filled."""

    x: float
    y: float
    width: float
    height: float
    weight: float
    description: str


@dataclass(frozen=True)
class Chart:
    title: str
    summary: str
    """What the picture shows, for whoever can't see it."""
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass
class Drawing:
    """A chart in the making, in the units of its axes."""

    title: str
    x: Axis
    y: Axis
    lines: list[Line] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def at(self, x: float, y: float) -> Point:
        return round(WIDTH * self.x.share(x), 1), round(HEIGHT * (1 - self.y.share(y)), 1)

    def line(self, points: Iterable[Point], look: str = "", label: str = "", label_at: Point | None = None) -> None:
        """A label stands at `label_at`, by default at the end of the line."""
        places = [self.at(*point) for point in points]
        drawn = " ".join(f"{x},{y}" for x, y in places)
        self.lines.append(Line(drawn, look, label, self.at(*label_at) if label_at else places[-1]))

    def steps(self, edges: Sequence[float], values: Sequence[float], look: str = "", label: str = "") -> None:
        """The outline of a histogram: values (n,) between edges (n + 1,); its label stands above the highest."""
        points: list[Point] = [(edges[0], 0.0)]
        for value, left, right in zip(values, edges, edges[1:], strict=False):
            points += [(left, value), (right, value)]
        highest = max(range(len(values)), key=values.__getitem__)
        middle = (edges[highest] + edges[highest + 1]) / 2
        self.line([*points, (edges[-1], 0.0)], look, label, (middle, values[highest]))

    def dot(self, x: float, y: Estimate, description: str) -> None:
        """Nothing where the figure is undefined; hollow where it has a note."""
        if y.value is None:
            return
        place = self.at(x, y.value)
        low, high = (self.at(x, end)[1] for end in y.interval) if y.interval else (None, None)
        self.dots.append(Dot(*place, low, high, description, hollow=bool(y.note)))

    def grid(self, counts: Sequence[Sequence[int]], what: str) -> None:
        """Cells of equal size over both axes, by the square root of their counts; empty ones are left out."""
        fullest = max((count for row in counts for count in row), default=0)
        columns = len(counts)
        for left, row in enumerate(counts):
            for lower, count in enumerate(row):
                if count:
                    width, height = WIDTH / columns, HEIGHT / len(row)
                    x, y = round(left * width, 1), round(HEIGHT - (lower + 1) * height, 1)
                    weight = round(0.12 + 0.88 * (count / fullest) ** 0.5, 2)
                    size = round(width - 0.5, 1), round(height - 0.5, 1)
                    self.cells.append(Cell(x, y, *size, weight, f"{count:,} {what}"))

    def chart(self, summary: str) -> Chart:
        return Chart(
            title=self.title,
            summary=f"{self.title}. {summary}",
            x_label=self.x.label,
            y_label=self.y.label,
            x_ticks=tuple(Tick(self.at(value, self.y.low)[0], label) for value, label in self.x.ticks),
            y_ticks=tuple(Tick(self.at(self.x.low, value)[1], label) for value, label in self.y.ticks),
            lines=tuple(self.lines),
            dots=tuple(self.dots),
            cells=tuple(self.cells),
        )


def rate_axis(label: str, low: float = 0.0, step: float = 0.25) -> Axis:
    """From `low` to 1 in percent."""
    count = round((1 - low) / step)
    values = [low + step * place for place in range(count + 1)]
    return Axis(label, low, 1.0, tuple((value, f"{100 * value:.0f} %") for value in values))


def fitted_axis(label: str, values: Iterable[float]) -> Axis:
    """With room for all values, ending at round ones."""
    known = list(values)
    low, high = min(known, default=0.0), max(known, default=1.0)
    ticks = round_ticks(low, high) if high > low else round_ticks(low - 1, high + 1)
    return Axis(label, ticks[0][0], ticks[-1][0], tuple(ticks))


def share_axis(label: str, most: float) -> Axis:
    """From 0 to a round share above `most`, in percent."""
    ticks = round_ticks(0, most or 1.0)
    decimals = 0 if ticks[1][0] >= 0.01 - 1e-9 else 1
    return Axis(label, 0.0, ticks[-1][0], tuple((value, f"{100 * value:.{decimals}f} %") for value, _ in ticks))
