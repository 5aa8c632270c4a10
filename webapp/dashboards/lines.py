"""Line plots with bands, as a run's page draws them: the places of curves and of the labels at their ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.template.loader import render_to_string

from evaluation.training_plots import HEIGHT, LINE_HEIGHT, RAMP, WIDTH, Series, Tick

LETTER = 7.0
"""About how wide a letter of a label is, in the picture's units."""
Places = Sequence[tuple[float, float]]
Curve = tuple[str, Places, Places, str]
"""Its label, its points, the outline of its band, and what it says."""


@dataclass(frozen=True)
class Lines:
    """A line plot, in the picture's units; y grows downwards."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]

    @property
    def width(self) -> int:
        """With room for the longest label beside the plot."""
        longest = max((len(each.label) for each in self.series), default=0)
        return max(610, 58 + WIDTH + 14 + round(LETTER * longest))

    @property
    def summary(self) -> str:
        """What the picture shows, for whoever can't see it."""
        return f"{self.title}. {' '.join(f'{each.description}.' for each in self.series)}"


def line_plot(
    title: str,
    x_label: str,
    y_label: str,
    x_ticks: tuple[Tick, ...],
    y_ticks: tuple[Tick, ...],
    curves: Sequence[Curve],
) -> str:
    """The SVG of the curves, the last one drawn boldly; of more than two the others go from cool to hot."""
    label_ys = apart([places[-1][1] for _, places, _, _ in curves])
    series = tuple(
        Series(
            points=points(places),
            band=points(band),
            end=places[-1],
            label=label,
            label_y=label_y,
            look=look_of(place, len(curves)),
            description=said,
        )
        for place, ((label, places, band, said), label_y) in enumerate(zip(curves, label_ys, strict=True))
    )
    plot = Lines(title, x_label, y_label, x_ticks, y_ticks, series)
    return render_to_string("dashboards/parts/lines.svg", {"plot": plot})


def look_of(place: int, curves: int) -> str:
    """A class of the style sheet."""
    if place == curves - 1:
        return ""
    return "other" if curves == 2 else f"ramp-{round(RAMP * place / (curves - 1))}"


def apart(places: Sequence[float]) -> list[float]:
    """Where labels stand, in the given order: each by its curve's end, and where two would touch, both as far from it,
    within the picture."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    found = [float(place) for place in places]
    for _ in range(len(places)):  # a label that moves may touch the next
        for upper, lower in pairwise(order):
            if (overlap := LINE_HEIGHT - (found[lower] - found[upper])) > 0:
                found[upper] -= overlap / 2
                found[lower] += overlap / 2
    beyond = max((found[order[-1]] - HEIGHT if order else 0.0), 0.0)
    return [round(place - beyond, 1) for place in found]


def scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """Maps low to high onto first to last."""
    return lambda value: round(first + (last - first) * (value - low) / (high - low), 1)


def across(low: float, high: float) -> Callable[[float], float]:
    """Places of values from the left to the right of a picture."""
    return scale(low, high, 0, WIDTH)


def upwards(low: float, high: float) -> Callable[[float], float]:
    """Places of values from the bottom to the top of a picture."""
    return scale(low, high, HEIGHT, 0)


def points(places: Places) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def banded(
    xs: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], y_of: Callable[[float], float]
) -> Places:
    """The outline of a band over places `xs`; none where a bound is missing."""
    if None in (*lows, *highs):
        return []
    upper = [(x, y_of(high)) for x, high in zip(xs, highs, strict=True) if high is not None]
    lower = [(x, y_of(low)) for x, low in zip(xs, lows, strict=True) if low is not None]
    return [*upper, *reversed(lower)]
