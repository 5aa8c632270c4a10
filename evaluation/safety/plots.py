"""The safety report's figures as places in a picture, drawn by the same parts as a campaign's report."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from evaluation.plots import Dot, DotPlot, Scale, Tick, Whisker, round_ticks
from evaluation.safety.refusals import RefusalReport
from evaluation.safety.reporting import ModelSafety, SafetyReport, Violations
from evaluation.safety.wording import points, points_interval
from evaluation.statistics.agreement import Agreement
from evaluation.statistics.estimates import FEW_CLUSTERS, Estimate
from evaluation.wording import number, number_interval, percent, percent_interval

MOST_ROWS = 60
NO_DOT = Whisker(None, None, None, hollow=False)


class Axis(NamedTuple):
    scale: Scale
    ticks: tuple[Tick, ...]


def axis_of(
    figures: Iterable[Estimate | Agreement], low: float, high: float, write: Callable[[float], str] | None = None
) -> Axis:
    """An axis from `low` to `high` at least, with room for every figure and its interval. write: labels of values."""
    bounds = [bound for figure in figures for bound in (figure.value, *(figure.interval or ())) if bound is not None]
    ticks = round_ticks(min([low, *bounds]), max([high, *bounds]))
    scale = Scale(ticks[0][0], ticks[-1][0])
    return Axis(scale, tuple(Tick(scale.at(value), write(value) if write else label) for value, label in ticks))


def rate_axis(figures: Sequence[Violations]) -> Axis:
    """From 0 to the largest upper limit: rates of violations are small, and a scale to 100 % would hide them."""
    return axis_of([each.violation for each in figures], 0.0, 0.05, write=lambda rate: f"{100 * rate:g} %")


def violation_plot(report: SafetyReport) -> DotPlot:
    figures = [each.overall for each in report.models]
    scale, ticks = rate_axis(figures)
    rows = [_violation_row(each, each.model, scale) for each in figures]
    return DotPlot("Violations", "answers", tuple(rows), ticks)


def mean_plot(report: SafetyReport) -> DotPlot:
    scale, ticks = axis_of([], 1.0, float(report.points))
    rows = (
        Dot(
            label=each.model,
            n=each.overall.answers,
            whisker=Whisker.of(each.overall.mean_rating, scale),
            text=number(each.overall.mean_rating.value),
            interval=number_interval(each.overall.mean_rating),
            note="" if each.overall.mean_rating.interval else each.overall.mean_rating.note,
        )
        for each in report.models
    )
    return DotPlot("Mean rating", "answers", tuple(rows), ticks)


def slice_plots(report: SafetyReport) -> list[tuple[str, DotPlot]]:
    """A plot per kind of label: each label a heading, below it a row per model."""
    plots = []
    for kind, of_kind in groupby(report.slices, key=lambda each: each.kind):
        figures = list(of_kind)
        scale, ticks = rate_axis(figures)
        rows: list[Dot] = []
        for label, of_label in groupby(figures, key=lambda each: each.label):
            own = list(of_label)
            if len(report.models) > 1:
                rows.append(Dot(label, sum(each.answers for each in own), NO_DOT, "", "", heading=True))
                rows += [_violation_row(each, each.model, scale) for each in own]
            else:
                rows += [_violation_row(each, label, scale) for each in own]
        hidden = max(len(rows) - MOST_ROWS, 0)
        plots.append((kind, DotPlot("Violations", "answers", tuple(rows[:MOST_ROWS]), ticks, hidden=hidden)))
    return plots


def pair_plot(report: SafetyReport) -> DotPlot:
    differences = [pair.violation.difference for pair in report.pairs]
    scale, ticks = axis_of(differences, -0.05, 0.05, write=lambda rate: number(100 * rate, 0))
    rows = (
        Dot(
            label=f"{pair.first} less {pair.second}",
            n=pair.violation.prompts,
            whisker=_whisker(pair.violation.difference, scale, pair.violation.prompts),
            text=points(pair.violation.difference),
            interval=points_interval(pair.violation.difference),
            note="" if pair.violation.difference.interval else pair.violation.difference.note,
        )
        for pair in report.pairs
    )
    return DotPlot("Percentage points", "prompts", tuple(rows), ticks, reference=scale.at(0.0))


def refusal_plot(found: RefusalReport) -> DotPlot:
    """Each model's corrected rate on each set of prompts; what the classifier itself called is in the table."""
    own = [each for each in found.rates if not each.category]
    scale, ticks = axis_of([each.corrected for each in own], 0.0, 0.05, write=lambda rate: f"{100 * rate:g} %")
    rows = (
        Dot(
            label=f"{each.model}, {each.prompt_set}",
            n=each.answers,
            whisker=_whisker(each.corrected, scale, each.prompts),
            text=percent(each.corrected.value, 1),
            interval=percent_interval(each.corrected, 1),
            note="" if each.corrected.interval else each.corrected.note,
        )
        for each in own
    )
    return DotPlot("Refusals, corrected", "answers", tuple(rows), ticks)


def agreement_plot(report: SafetyReport) -> DotPlot:
    named: list[tuple[str, int, Agreement]] = [
        ("all answers, AC1 of violations", report.answers, report.reliability.ac1),
        ("all answers, AC2 of points", report.answers, report.reliability.ac2),
    ]
    if len(report.models) > 1:
        for each in report.models:
            named += _agreement_of(each)
    scale, ticks = axis_of([figure for _, _, figure in named], 0.0, 1.0)
    rows = (
        Dot(
            label=label,
            n=n,
            whisker=Whisker.of(figure, scale),
            text=number(figure.value),
            interval=number_interval(figure),
            note="" if figure.interval else figure.note,
            heading=label.startswith("all answers"),
        )
        for label, n, figure in named
    )
    return DotPlot("Agreement", "answers", tuple(rows), ticks, reference=scale.at(0.0))


def _agreement_of(each: ModelSafety) -> list[tuple[str, int, Agreement]]:
    answers = each.overall.answers
    return [
        (f"{each.model}, AC1", answers, each.reliability.ac1),
        (f"{each.model}, AC2", answers, each.reliability.ac2),
    ]


def _violation_row(figures: Violations, label: str, scale: Scale) -> Dot:
    return Dot(
        label=label,
        n=figures.answers,
        whisker=_whisker(figures.violation, scale, figures.prompts),
        text=percent(figures.violation.value, 1),
        interval=percent_interval(figures.violation, 1),
        note="" if figures.violation.interval else figures.violation.note,
    )


def _whisker(figure: Estimate, scale: Scale, prompts: int) -> Whisker:
    """Hollow where few prompts make even a wide interval a hint."""
    drawn = Whisker.of(figure, scale)
    return Whisker(drawn.at, drawn.low, drawn.high, hollow=prompts < FEW_CLUSTERS)
