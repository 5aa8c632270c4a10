"""The drawings of a run's closing figures: reward against N (rejection sampling), an instruction kept by turn (Ghost
Attention), scores before and after (context distillation). What a report does not hold is not drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from evaluation.plots import round_ticks
from evaluation.training_plots import HEIGHT, LINE_HEIGHT, WIDTH, Series, Tick, best_of_n_svg, temperatures_svg
from evaluation.wording import percent

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
    def summary(self) -> str:
        """What the picture shows, for whoever can't see it."""
        return f"{self.title}. {' '.join(f'{each.description}.' for each in self.series)}"


def drawings_of(report: Mapping[str, Any]) -> list[str]:
    """The SVGs of a report, as texts that are safe to include in a page."""
    found = [best_of_n_svg(report), temperatures_svg(report), kept_svg(report), scores_svg(report)]
    return [svg for svg in found if svg]


def kept_svg(report: Mapping[str, Any]) -> str:
    """The share of dialogues that keep an instruction, by the user's turn, before and after (section 3.3, [65])."""
    curves = report.get("kept_by_turn")
    if not curves or not all(curves.values()):
        return ""
    last = max(point["turn"] for curve in curves.values() for point in curve)
    x_of = _scale(1, max(last, 2), 0, WIDTH)
    y_of = _scale(0, 1, HEIGHT, 0)
    drawn: list[Curve] = []
    for name, curve in curves.items():
        places = [(x_of(point["turn"]), y_of(point["share"])) for point in curve]
        upper = [(x_of(point["turn"]), y_of(point["high"])) for point in curve]
        lower = [(x_of(point["turn"]), y_of(point["low"])) for point in reversed(curve)]
        said = f"{name}: {percent(curve[0]['share'])} at turn 1, {percent(curve[-1]['share'])} at turn {last}"
        drawn.append((name, places, [*upper, *lower], said))
    ticks = tuple(Tick(x_of(turn), str(turn)) for turn in _some(range(1, last + 1)))
    heights = tuple(Tick(y_of(share), percent(share)) for share in (0, 0.25, 0.5, 0.75, 1))
    return _drawn("Answers that keep the instruction, with 95 % intervals", "turn", "kept", ticks, heights, drawn)


def scores_svg(report: Mapping[str, Any]) -> str:
    """How the safety scores of the held-out prompts are spread, before and after (section 4.2.4)."""
    found = report.get("distribution") or {}
    counts = {name: found.get("counts", {}).get(f"held_out_{name}") for name in ("before", "after")}
    if not all(counts.values()) or not all(map(sum, counts.values())):
        return ""
    edges = found["edges"]
    shares = {name: [count / sum(each) for count in each] for name, each in counts.items()}
    ticks = round_ticks(edges[0], edges[-1])
    heights = round_ticks(0, max(map(max, shares.values())))
    x_of = _scale(ticks[0][0], ticks[-1][0], 0, WIDTH)
    y_of = _scale(0, heights[-1][0], HEIGHT, 0)
    drawn: list[Curve] = []
    for name, each in shares.items():
        places = []
        for share, left, right in zip(each, edges, edges[1:], strict=False):
            places += [(x_of(left), y_of(share)), (x_of(right), y_of(share))]
        likeliest = max(range(len(each)), key=each.__getitem__)
        said = f"{name}: mostly between {edges[likeliest]:.2g} and {edges[likeliest + 1]:.2g}"
        drawn.append((name, places, [], said))
    return _drawn(
        "Safety scores of the held-out prompts",
        "score (logit)",
        "share",
        tuple(Tick(x_of(value), label) for value, label in ticks),
        tuple(Tick(y_of(value), percent(value)) for value, _ in heights),
        drawn,
    )


def _drawn(
    title: str,
    x_label: str,
    y_label: str,
    x_ticks: tuple[Tick, ...],
    y_ticks: tuple[Tick, ...],
    curves: Sequence[Curve],
) -> str:
    """The SVG of the curves, the last one drawn boldly."""
    ends = [places[-1][1] for _, places, _, _ in curves]
    label_ys = list(ends)
    if len(ends) == 2 and abs(ends[0] - ends[1]) < LINE_HEIGHT:
        first_is_above = ends[0] < ends[1]
        shift = (LINE_HEIGHT - abs(ends[0] - ends[1])) / 2
        label_ys = [ends[0] - shift, ends[1] + shift] if first_is_above else [ends[0] + shift, ends[1] - shift]
    series = tuple(
        Series(
            points=_points(places),
            band=_points(band),
            end=places[-1],
            label=label,
            label_y=round(label_y, 1),
            look="" if place == len(curves) - 1 else "other",
            description=said,
        )
        for place, ((label, places, band, said), label_y) in enumerate(zip(curves, label_ys, strict=True))
    )
    plot = Lines(title, x_label, y_label, x_ticks, y_ticks, series)
    return render_to_string("dashboards/parts/lines.svg", {"plot": plot})


def _scale(low: float, high: float, first: float, last: float) -> Any:
    """Maps low to high onto first to last."""
    return lambda value: round(first + (last - first) * (value - low) / (high - low), 1)


def _points(places: Places) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def _some(turns: Sequence[int]) -> Sequence[int]:
    """About ten of them."""
    return turns[:: max(1, len(turns) // 10)]
