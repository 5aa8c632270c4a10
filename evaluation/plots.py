"""The report's figures as places in a picture: the templates draw, these say where.

Every row of a figure is a small SVG as wide as its table cell, with places in percent of that width: so figures keep
their letters' size on a phone, on a screen and on paper, and need no inline style.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, floor, log10

from evaluation.statistics.agreement import Agreement
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.preferences import WinRate
from evaluation.wording import number, percent, percent_interval

STEPS_WANTED = 5


@dataclass(frozen=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True)
class Scale:
    """The values at the left and right end of a figure."""

    low: float
    high: float

    def at(self, value: float) -> str:
        """The place of a value; values beyond the ends stand at the ends."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    def span(self, low: float, high: float) -> str:
        return f"{100 * max(min(high, self.high) - max(low, self.low), 0.0) / (self.high - self.low):.2f}%"


RATES = Scale(0.0, 1.0)
RATE_TICKS = tuple(Tick(RATES.at(share), percent(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0))


@dataclass(frozen=True)
class Whisker:
    """A dot and its interval; a figure without an interval has a dot alone, an undefined one not even that.

    hollow: the figure is to be read with care, for instance because there are few prompts.
    """

    at: str | None
    low: str | None
    high: str | None
    hollow: bool

    @classmethod
    def of(cls, figure: Estimate | Agreement, scale: Scale) -> "Whisker":
        low, high = (scale.at(bound) for bound in figure.interval) if figure.interval else (None, None)
        return cls(None if figure.value is None else scale.at(figure.value), low, high, hollow=bool(figure.note))


@dataclass(frozen=True)
class Dot:
    """A row of a dot plot. text, interval: the same in figures; note: why there is no figure or no interval."""

    label: str
    n: int
    whisker: Whisker
    text: str
    interval: str
    note: str = ""
    heading: bool = False
    sorts_by: str = ""
    """The value as the script that orders the rows reads it; empty where there is none."""


@dataclass(frozen=True)
class DotPlot:
    """reference: where a line stands (an even chance). band: left end and width of a shaded range.

    rest: further rows, which a reader opens.
    """

    of: str
    counted: str
    rows: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    reference: str | None = None
    band: tuple[str, str] | None = None
    hidden: int = 0
    rest: "DotPlot | None" = None

    @property
    def sortable(self) -> bool:
        """Whether each row stands for itself: those that belong to the row above bring no value to sort by."""
        return any(row.sorts_by for row in self.rows)

    def folded(self, most: int) -> "DotPlot":
        """The first rows, with the rest behind them."""
        if len(self.rows) <= most:
            return self
        return replace(self, rows=self.rows[:most], rest=replace(self, rows=self.rows[most:]))


@dataclass(frozen=True)
class StackedBar:
    """Win, tie and loss of `first` against `second`, and the win rate as a dot with its interval."""

    first: str
    second: str
    items: int
    win: str
    tie: str
    loss: str
    loss_at: str
    whisker: Whisker
    wins: str
    ties: str
    losses: str
    text: str
    interval: str
    note: str
    sorts_by: str
    label: str = ""
    """What the bar is about, where it is not the two models."""


@dataclass(frozen=True)
class Column:
    label: str
    votes: int
    width: str
    share: str
    side: str


def sorting_value(figure: Estimate | Agreement) -> str:
    return "" if figure.value is None else f"{figure.value:.9g}"


def stacked(first: str, second: str, rates: WinRate, label: str = "") -> StackedBar:
    values = [estimate.value or 0.0 for estimate in (rates.win, rates.tie, rates.loss)]
    win, tie, loss = (f"{100 * value:.2f}%" for value in values)
    return StackedBar(
        first=first,
        second=second,
        items=rates.observations,
        win=win,
        tie=tie,
        loss=loss,
        loss_at=RATES.at(values[0] + values[1]),
        whisker=Whisker.of(rates.win_rate, RATES),
        wins=percent(rates.win.value),
        ties=percent(rates.tie.value),
        losses=percent(rates.loss.value),
        text=percent(rates.win_rate.value, 1),
        interval=percent_interval(rates.win_rate, 1),
        note=why_missing(rates.win_rate),
        sorts_by=sorting_value(rates.win_rate),
        label=label,
    )


def why_missing(figure: Estimate | Agreement) -> str:
    return "" if figure.interval else figure.note


def fitted(figures: Iterable[Estimate]) -> tuple[Scale, tuple[Tick, ...]]:
    """A scale with room for every figure and its interval."""
    values = [bound for figure in figures for bound in (figure.value, *(figure.interval or ())) if bound is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return round_scale(low, high) if high > low else round_scale(low - 1, high + 1)


def round_scale(low: float, high: float) -> tuple[Scale, tuple[Tick, ...]]:
    """A scale that holds `low` and `high` and ends at ticks."""
    ticks = round_ticks(low, high)
    scale = Scale(ticks[0][0], ticks[-1][0])
    return scale, tuple(Tick(scale.at(value), label) for value, label in ticks)


def round_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Values with their labels, from one at or below `low` to one at or above `high`, which is larger; they stand 1, 2
    or 5 times a power of ten apart."""
    power = 10.0 ** floor(log10((high - low) / STEPS_WANTED))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * STEPS_WANTED >= (high - low) * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    decimals = max(0, -floor(log10(step) + 1e-9))
    return [(tick * step, number(tick * step, decimals)) for tick in range(first, last + 1)]
