"""Safety data scaling (figure 15): mean scores of both reward models against the share of the safety data."""

from collections.abc import Mapping
from typing import Any

from evaluation.plots import round_ticks
from evaluation.training_plots import Tick
from evaluation.wording import number
from webapp.dashboards.lines import Curve, across, banded, line_plot, upwards

AXES = ("helpfulness", "safety")
LEAST_HEIGHT = 0.02


def scaling_svg(report: Mapping[str, Any]) -> str:
    """The shares stand evenly spaced: most of what they change happens below a tenth."""
    found = report.get("scaling") or []
    if not found or any(each[axis]["value"] is None for each in found for axis in AXES):
        return ""
    figures = [each[axis] for each in found for axis in AXES]
    bounds = [bound for each in figures for bound in (each["value"], each["low"], each["high"]) if bound is not None]
    heights = round_ticks(min(bounds), max(*bounds, min(bounds) + LEAST_HEIGHT))
    x_of, y_of = across(0, max(len(found) - 1, 1)), upwards(heights[0][0], heights[-1][0])
    xs = [x_of(place) for place in range(len(found))]
    curves: list[Curve] = []
    for axis in AXES:
        own = [each[axis] for each in found]
        places = [(x, y_of(each["value"])) for x, each in zip(xs, own, strict=True)]
        lows, highs = ([each[end] for each in own] for end in ("low", "high"))
        first, last = number(own[0]["value"]), number(own[-1]["value"])
        said = f"{axis}: {first} with {share(found[0])}, {last} with {share(found[-1])}"
        curves.append((axis, places, banded(xs, lows, highs, y_of), said))
    return line_plot(
        "Mean score against the share of the safety data, with 95 % intervals",
        "safety data trained on",
        "mean score, as a probability",
        tuple(Tick(x, share(each)) for x, each in zip(xs, found, strict=True)),
        tuple(Tick(y_of(value), label) for value, label in heights),
        curves,
    )


def share(point: Mapping[str, Any]) -> str:
    return f"{100 * point['share']:g} %"
