"""The paper's figures 7 and 8 from the report of a rejection sampling run: reward against the number of answers.

Each function takes the report's numbers and returns the text of an SVG, safe to include in a page, or nothing where the
run has no such numbers. The page's style sheet colours it; every curve is named at its end, so that no colour has to be
told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from django.template.loader import render_to_string

from evaluation.plots import round_ticks
from evaluation.wording import number

WIDTH, HEIGHT = 480, 200
"""Of the area that the axes enclose, in the picture's units; y grows downwards."""
LINE_HEIGHT = 15
RAMP = 4
"""The last shade of the style sheet's ramp from cool to hot."""


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Series:
    """A curve, the outline of its 95 % band (empty without one), and the label at its end."""

    points: str
    band: str
    end: tuple[float, float]
    label: str
    label_y: float
    look: str
    """A class of the style sheet."""
    description: str


@dataclass(frozen=True)
class RewardPlot:
    title: str
    summary: str
    """What the picture shows, for whoever can't see it."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class _Axes:
    """Places of n answers (on a logarithmic scale) and of rewards."""

    most: int
    low: float
    high: float

    def x(self, n: float) -> float:
        return round(WIDTH * log2(n) / (log2(self.most) or 1), 1)

    def y(self, reward: float) -> float:
        return round(HEIGHT * (self.high - reward) / (self.high - self.low), 1)

    def points(self, ns: Sequence[int], rewards: Sequence[float]) -> str:
        return " ".join(f"{self.x(n)},{self.y(reward)}" for n, reward in zip(ns, rewards, strict=True))


def best_of_n_svg(report: Mapping[str, Any]) -> str:
    """Figure 7: the maximum and the median reward among N answers, with 95 % bands over prompts."""
    if not (curves := report.get("figure_7")):
        return ""
    labelled = [("maximum", curves["max"], ""), ("median", curves["median"], "other")]
    return _drawn("Reward of the best and of the middle one among N answers", labelled, banded=True)


def temperatures_svg(report: Mapping[str, Any]) -> str:
    """Figure 8: the maximum reward among N answers at each temperature of the sweep; the one that the run took is drawn
    boldly."""
    if not (curves := report.get("figure_8")):
        return ""
    last = max(len(curves) - 1, 1)
    labelled = []
    for place, curve in enumerate(sorted(curves, key=lambda curve: curve["temperature"])):
        is_taken = curve["temperature"] == report.get("temperature")
        label = f"T = {curve['temperature']:g}{', taken' if is_taken else ''}"
        labelled.append((label, curve, "" if is_taken else f"ramp-{round(RAMP * place / last)}"))
    return _drawn("Reward of the best among N answers, by temperature", labelled, banded=False)


def _drawn(title: str, curves: Sequence[tuple[str, Mapping[str, Any], str]], banded: bool) -> str:
    return render_to_string("evaluation/parts/reward_curves.svg", {"plot": reward_plot(title, curves, banded)})


def reward_plot(title: str, curves: Sequence[tuple[str, Mapping[str, Any], str]], banded: bool) -> RewardPlot:
    """The places of labelled curves ({"n", "mean", "low", "high"}: lists) of a look each. A band is drawn where it was
    asked for and every point has an interval."""
    has_band = [banded and None not in (*curve["low"], *curve["high"]) for _, curve, _ in curves]
    values = [value for _, curve, _ in curves for value in curve["mean"]]
    for (_, curve, _), is_banded in zip(curves, has_band, strict=True):
        values += [*curve["low"], *curve["high"]] if is_banded else []
    ticks = round_ticks(min(values), max(values) if max(values) > min(values) else min(values) + 1)
    most = max(n for _, curve, _ in curves for n in curve["n"])
    axes = _Axes(most, ticks[0][0], ticks[-1][0])
    label_places = _apart([axes.y(curve["mean"][-1]) for _, curve, _ in curves])
    series = []
    for (label, curve, look), is_banded, label_y in zip(curves, has_band, label_places, strict=True):
        n, mean = curve["n"], curve["mean"]
        band = f"{axes.points(n, curve['high'])} {axes.points(n[::-1], curve['low'][::-1])}" if is_banded else ""
        series.append(
            Series(
                points=axes.points(n, mean),
                band=band,
                end=(axes.x(n[-1]), axes.y(mean[-1])),
                label=label,
                label_y=label_y,
                look=look,
                description=f"{label}: {number(mean[0])} at 1 answer, {number(mean[-1])} at {n[-1]}",
            )
        )
    return RewardPlot(
        title=title,
        summary=f"{title}. {'; '.join(each.description for each in series)}.",
        x_ticks=tuple(Tick(axes.x(n), str(n)) for n in _counts(most)),
        y_ticks=tuple(Tick(axes.y(value), label) for value, label in ticks),
        series=tuple(series),
    )


def _counts(most: int) -> list[int]:
    """The powers of two up to ``most``, and itself at the end, in the place of one that would stand too close."""
    powers = [2**power for power in range(most.bit_length())]
    return [*(count for count in powers if count < most / 1.3), most]


def _apart(places: Sequence[float]) -> list[float]:
    """Places of labels, in the given order: each by its curve's end, moved down as far as the label above it needs, and
    all of them up where the last would leave the picture."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    found = [0.0] * len(places)
    above = -float("inf")
    for index in order:
        above = found[index] = max(places[index], above + LINE_HEIGHT)
    below = float(HEIGHT + LINE_HEIGHT)
    for index in reversed(order):
        below = found[index] = round(min(found[index], below - LINE_HEIGHT), 1)
    return found
