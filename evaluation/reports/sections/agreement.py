"""How far the raters agree: over all items and in each pair."""

from collections.abc import Iterator, Mapping
from typing import Any

from evaluation.plots import Dot, DotPlot, Whisker, round_scale, sorting_value, why_missing
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material, Reliability
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section
from evaluation.wording import REPORTED_IN_THE_PAPER, number, number_interval, percent


def figures(material: Material) -> Reliability:
    return material.reliability(material.ballots.votes)


def read(reliability: Reliability, report: Report) -> Reading:
    ac2 = reliability.ac2
    if ac2.value is None:
        return Reading(ac2.note)
    low, high = REPORTED_IN_THE_PAPER
    figure = f"AC2 over all items is {number(ac2.value)} (95 % interval {number_interval(ac2)})"
    caveat = "High agreement does not say that the raters are right, and low agreement may be that of close answers."
    if not report.graded:
        said = f"{figure}, where votes name a side or a tie; the Llama 2 paper's {low} to {high} is for seven points."
        return Reading(said, caveat)
    paper = f"the {low} to {high} that the Llama 2 paper reports on the same scale"
    if ac2.interval is None or (ac2.interval[0] <= high and ac2.interval[1] >= low):
        return Reading(f"{figure}, which agrees with {paper}.", caveat)
    return Reading(f"{figure}: {'above' if ac2.value > high else 'below'} {paper}.", caveat)


def agreement_plot(reliability: Reliability, report: Report) -> DotPlot:
    """Over all items and, where there are several pairs, for each; the paper's band where the scale is the paper's."""
    figures = [("all items, AC2", report.votes, reliability.ac2)]
    figures.append(("all items, AC1", report.votes, reliability.ac1))
    if len(report.pairs) > 1:
        figures += [(f"{pair.first} and {pair.second}, AC2", pair.votes, pair.reliability.ac2) for pair in report.pairs]
    lowest = min((bound for _, _, figure in figures for bound in (figure.interval or ())), default=0.0)
    scale, ticks = round_scale(min(0.0, max(lowest, -1.0)), 1.0)
    rows = (
        Dot(
            label=label,
            n=votes,
            whisker=Whisker.of(figure, scale),
            text=number(figure.value),
            interval=number_interval(figure),
            note=why_missing(figure),
            sorts_by=sorting_value(figure),
            heading=label.startswith("all items"),
        )
        for label, votes, figure in figures
    )
    low, high = REPORTED_IN_THE_PAPER
    band = (scale.at(low), scale.span(low, high)) if report.graded else None
    return DotPlot("Agreement", "votes", tuple(rows), ticks, reference=scale.at(0.0), band=band)


def drawn(reliability: Reliability, report: Report) -> Mapping[str, Any]:
    return {"plot": agreement_plot(reliability, report)}


def method(reliability: Reliability, report: Report) -> str:
    scale = "on the seven points" if report.graded else "on lose, tie, win"
    said = f"Agreement is Gwet's AC2 with quadratic weights {scale}, and AC1, for which only equal ratings agree"
    ac2, ac1 = reliability.ac2, reliability.ac1
    if ac2.value is None:
        return f"{said}."
    return (
        f"{said}: over all items {percent(ac2.observed, 1)} weighted agreement was observed and "
        f"{percent(ac2.expected, 1)} expected by chance for AC2, {percent(ac1.observed, 1)} and "
        f"{percent(ac1.expected, 1)} for AC1."
    )


def lines(reliability: Reliability, report: Report) -> Iterator[Line]:
    subject = Subject(RATERS, "campaign")
    yield subject.line("ac2", reliability.ac2, report.votes)
    yield subject.line("ac1", reliability.ac1, report.votes)


def resample(resampling: Resampling) -> Iterator[Resampled]:
    yield from resampling.agreement(Subject(RATERS, "campaign"), resampling.material.ballots.votes, None)


SECTION = Section(
    key="reliability",
    title="How far the raters agree",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    resample=resample,
)
