"""Humans and a judge combined: prediction-powered win rates, where people judged a part and a judge all of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.judge_verdicts import asked_at, verdicts_of
from evaluation.judging import Ballots
from evaluation.plots import RATE_TICKS, RATES, Dot, DotPlot, Whisker, fitted, why_missing
from evaluation.reports.lines import Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.section import Reading, Section
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import Estimate, clustered_mean
from evaluation.statistics.prediction_powered import PoweredMean, prediction_powered_mean
from evaluation.wording import count, number, number_interval, percent, percent_interval


@dataclass(frozen=True)
class CombinedPair:
    """The win rate of `first` against `second`, ties as half a win; second is empty where it is all others."""

    first: str
    second: str
    powered: PoweredMean


@dataclass(frozen=True)
class SliceBias:
    """The judge's preference for the best model less the raters', on the prompts that share a label."""

    kind: str
    label: str
    items: int
    bias: Estimate


@dataclass(frozen=True)
class Combined:
    """One judge with one template."""

    judge: str
    template: str
    pairs: tuple[CombinedPair, ...]
    """First the best model against all others, where there are more than two."""
    slices: tuple[SliceBias, ...]

    @property
    def name(self) -> str:
        return f"{self.judge}, {self.template}"


def figures(material: Material) -> tuple[Combined, ...] | None:
    found = material.extras["judge_models"]
    if not found["asked"] or not len(material.ballots):
        return None
    return tuple(combine(material, place) for place in range(len(found["asked"])))


def combine(material: Material, place: int, labelled: NDArray[np.bool_] | None = None) -> Combined:
    """With the votes on all items, or on the items (n,) that are `labelled` alone."""
    ballots, found = material.ballots, material.extras["judge_models"]
    asked, preference = asked_at(found, place), verdicts_of(ballots, found, place).preference
    humans = (material.majority + 1) / 2
    if labelled is not None:
        humans = np.where(labelled, humans, np.nan)
    return Combined(
        judge=asked.judge,
        template=asked.template,
        pairs=tuple(_pairs(material, humans, preference)),
        slices=tuple(_slices(ballots, material.models[0], humans, preference)),
    )


def _pairs(material: Material, humans: FloatArray, preference: FloatArray) -> Iterator[CombinedPair]:
    ballots, models = material.ballots, material.models
    if len(models) > 2:
        own = (ballots.first == models[0]) | (ballots.second == models[0])
        yield CombinedPair(models[0], "", _powered(ballots, own, models[0], humans, preference))
    for place, first in enumerate(models):
        for second in models[place + 1 :]:
            low, high = sorted((first, second))
            meet = (ballots.first == low) & (ballots.second == high)
            if meet.any():
                yield CombinedPair(first, second, _powered(ballots, meet, first, humans, preference))


def _powered(
    ballots: Ballots, chosen: NDArray[np.bool_], model: str, humans: FloatArray, preference: FloatArray
) -> PoweredMean:
    labels, predictions = (_for(ballots, model, values)[chosen] for values in (humans, preference))
    return prediction_powered_mean(labels, predictions, ballots.prompts[chosen])


def _for(ballots: Ballots, model: str, preferences: FloatArray) -> FloatArray:
    return np.where(ballots.first == model, preferences, 1 - preferences)


def _slices(ballots: Ballots, model: str, humans: FloatArray, preference: FloatArray) -> Iterator[SliceBias]:
    """By each label of the prompts that tells some apart, the largest slice first."""
    own = (ballots.first == model) | (ballots.second == model)
    bias = _for(ballots, model, preference) - _for(ballots, model, humans)
    kept = own & ~np.isnan(bias)
    for kind, labels in ballots.labels.items():
        names, counts = np.unique(labels[kept & (labels != "")], return_counts=True)
        if len(names) < 2:
            continue
        for label in names[np.lexsort((names, -counts))].tolist():
            part = kept & (labels == label)
            yield SliceBias(kind, label, int(part.sum()), clustered_mean(bias[part], ballots.prompts[part]))


def read_combined(combined: Combined) -> str:
    """What the judge adds to the human votes."""
    best = combined.pairs[0]
    powered = best.powered
    against = f"{best.first} against {best.second or 'all others'}"
    if powered.gain is None:
        return f"{combined.name}: {powered.note}" if powered.note else f"{combined.name} adds nothing."
    figure = powered.combined
    said = (
        f"With the verdicts of {combined.name} on all {count(powered.labelled + powered.unlabelled, 'item')} and human "
        f"votes on {powered.labelled:,} of them, the win rate of {against} is {percent(figure.value, 1)} (95 % "
        f"interval {percent_interval(figure, 1)}); the votes alone give {percent(powered.humans.value, 1)} "
        f"({percent_interval(powered.humans, 1)})."
    )
    if powered.gain < 1.005:
        return f"{said} The judge adds nothing."
    worth = round(powered.labelled * (powered.gain - 1))
    return f"{said} The judge is worth {count(worth, 'human-judged item')} more, {number(powered.gain)} times as many."


def read(combined: tuple[Combined, ...], report: Report) -> Reading:
    caveat = (
        "This holds where the items with human votes are a random part of all: the shift in the table tells whether "
        "they look so to the judge."
    )
    said = (
        read_combined(combined[0])
        if len(combined) == 1
        else (f"{len(combined)} judges are combined with the human votes, each by itself.")
    )
    return Reading(said, caveat)


def pair_plot(combined: Combined) -> DotPlot:
    rows = []
    for pair in combined.pairs:
        against = f"{pair.first} against {pair.second or 'all others'}"
        powered = pair.powered
        sources = [("combined", powered.combined, powered.labelled + powered.unlabelled)]
        sources += [("humans alone", powered.humans, powered.labelled)]
        sources += [("judge alone", powered.judge, powered.labelled + powered.unlabelled)]
        for name, figure, n in sources:
            note = powered.note if name == "combined" else ""
            rows.append(
                Dot(
                    label=f"{against}: {name}" if name == "combined" else name,
                    n=n,
                    whisker=Whisker.of(figure, RATES),
                    text=percent(figure.value, 1),
                    interval=percent_interval(figure, 1),
                    note=note or why_missing(figure),
                    heading=name == "combined",
                )
            )
    return DotPlot("Win rate", "items", tuple(rows), RATE_TICKS, reference=RATES.at(0.5))


MOST_SLICES = 12


def slice_plot(combined: Combined) -> DotPlot:
    shown = combined.slices[:MOST_SLICES]
    scale, ticks = fitted([part.bias for part in shown] + [Estimate(0.0, None, None, 0.95)])
    rows = (
        Dot(
            label=part.label,
            n=part.items,
            whisker=Whisker.of(part.bias, scale),
            text=number(part.bias.value),
            interval=number_interval(part.bias),
            note=why_missing(part.bias),
        )
        for part in shown
    )
    hidden = len(combined.slices) - len(shown)
    return DotPlot("Judge less humans", "items", tuple(rows), ticks, reference=scale.at(0.0), hidden=hidden)


def drawn(combined: tuple[Combined, ...], report: Report) -> Mapping[str, Any]:
    return {
        "judges": [
            {
                "combined": one,
                "plot": pair_plot(one),
                "slices": slice_plot(one) if one.slices else None,
                "reading": read_combined(one),
            }
            for one in combined
        ]
    }


def method(combined: tuple[Combined, ...], report: Report) -> str:
    return (
        "Humans and judge are combined by prediction-powered inference (Angelopoulos and others, 2023) with power "
        "tuning (PPI++): the judge's mean on the items without votes, corrected by its error on the items with votes, "
        "and weighed so that the interval is shortest. A win by the raters' majority counts 1, a tie one half. "
        "Intervals are clustered by prompt."
    )


def lines(combined: tuple[Combined, ...], report: Report) -> Iterator[Line]:
    for one in combined:
        for pair in one.pairs:
            yield from pair_lines(one, pair)
        for part in one.slices:
            subject = Subject(one.name, part.kind, part.label)
            yield subject.line("judge_less_humans", part.bias, part.items)


def pair_lines(one: Combined, pair: CombinedPair) -> Iterator[Line]:
    subject, powered = Subject(one.name, "combined", pair.first, pair.second), pair.powered
    items = powered.labelled + powered.unlabelled
    yield subject.line("win_rate_combined", powered.combined, items)
    yield subject.line("win_rate_humans", powered.humans, powered.labelled)
    yield subject.line("win_rate_judge", powered.judge, items)
    yield subject.line("judge_less_humans", powered.bias, powered.labelled)
    yield subject.line("shift_of_labelled_items", powered.shift, items)
    yield subject.value("tuning", powered.tuning, items, powered.note)
    yield subject.value("times_as_many_labels", powered.gain, items, powered.note)


def in_page(combined: tuple[Combined, ...], report: Report) -> bool:
    """Where a judge adds something to some pair, or people have judged a part of the items."""
    return report.votes > 0 and any(pair.powered.unlabelled > 0 for one in combined for pair in one.pairs)


SECTION = Section(
    key="combined",
    title="Humans and judge combined",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    in_page=in_page,
)
