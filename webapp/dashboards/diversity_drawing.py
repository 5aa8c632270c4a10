"""Self-BLEU against temperature (figure 21): a plot for each kind of prompt, with a curve for each model."""

from collections.abc import Mapping
from typing import Any

from evaluation.plots import round_ticks
from evaluation.training_plots import Tick
from evaluation.wording import number
from webapp.dashboards.lines import Curve, across, banded, line_plot, upwards

LEAST_SPAN = 0.1
"""Of the temperatures on the axis, where only one was tried."""
LEAST_HEIGHT = 0.02


def self_bleu_svgs(report: Mapping[str, Any]) -> list[str]:
    """All plots on the same axes, so that they can be compared."""
    found = [each for each in report.get("self_bleu") or [] if each["value"] is not None]
    if not found:
        return []
    temperatures = [each["temperature"] for each in found]
    first, last = min(temperatures), max(temperatures)
    ticks = round_ticks(first, max(last, first + LEAST_SPAN))
    bounds = [bound for each in found for bound in (each["value"], each["low"], each["high"]) if bound is not None]
    heights = round_ticks(min(bounds), max(*bounds, min(bounds) + LEAST_HEIGHT))
    x_of, y_of = across(ticks[0][0], ticks[-1][0]), upwards(heights[0][0], heights[-1][0])
    x_ticks = tuple(Tick(x_of(value), label) for value, label in ticks)
    y_ticks = tuple(Tick(y_of(value), label) for value, label in heights)
    drawn = []
    for kind in dict.fromkeys(each["kind"] for each in found):
        curves: list[Curve] = []
        for model in dict.fromkeys(each["model"] for each in found):
            own = [each for each in found if (each["kind"], each["model"]) == (kind, model)]
            if not own:
                continue
            xs = [x_of(each["temperature"]) for each in own]
            places = [(x, y_of(each["value"])) for x, each in zip(xs, own, strict=True)]
            lows, highs = ([each[end] for each in own] for end in ("low", "high"))
            said = (
                f"{model}: {number(own[0]['value'])} at temperature {own[0]['temperature']:g}, "
                f"{number(own[-1]['value'])} at {own[-1]['temperature']:g}"
            )
            curves.append((model, places, banded(xs, lows, highs, y_of), said))
        title = (
            f"Self-BLEU on {kind} prompts: lower is more diverse"
            if kind != "prompts"
            else "Self-BLEU: lower is more diverse"
        )
        drawn.append(line_plot(title, "temperature", "Self-BLEU", x_ticks, y_ticks, curves))
    return drawn
