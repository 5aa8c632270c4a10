"""What length does to preferences: every two models as they are, and as they would be at equal length."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp
from typing import Any

from evaluation.plots import RATE_TICKS, RATES, Dot, DotPlot, Whisker, why_missing
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.section import Reading, Section
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.length_control import LengthControlled
from evaluation.wording import count, number, percent, percent_interval

MOST_PAIRS = 10
CAVEAT = (
    "At equal length is a guess at what the same raters would say, not a measurement: where longer answers are better, "
    "length is no bias."
)


@dataclass(frozen=True)
class PairLength:
    """length: with gaps in words, of the majorities of the items that compare the two."""

    first: str
    second: str
    length: LengthControlled


def figures(material: Material) -> tuple[PairLength, ...]:
    pairs = material.comparison.meetings
    return tuple(PairLength(pair.first, pair.second, pair.length) for pair in pairs if pair.length)


def read(pairs: tuple[PairLength, ...], report: Report) -> Reading:
    fitted = [pair for pair in pairs if pair.length.win_rate.value is not None]
    if not fitted:
        return Reading(pairs[0].length.win_rate.note if pairs else "No two models have been judged yet.")
    first = fitted[0]
    raw, level, slope = first.length.raw, first.length.win_rate, first.length.slope
    gap = round(first.length.gap or 0)
    longer = (
        f"as long as {first.second}'s on average"
        if gap == 0
        else f"{count(abs(gap), 'word')} {'longer' if gap > 0 else 'shorter'} than {first.second}'s on average"
    )
    said = (
        f"{first.first}'s answers are {longer}. At equal length it would be preferred in {percent(level.value)}"
        f"{f' (95 % interval {percent_interval(level)})' if level.interval else ''} instead of {percent(raw.value)}."
    )
    return Reading(f"{said} {_read_slope(slope)}".rstrip(), CAVEAT)


def _read_slope(slope: Estimate) -> str:
    if slope.value is None or slope.interval is None:
        return ""
    if slope.interval[0] <= 0 <= slope.interval[1]:
        return "Length shows no effect of its own."
    liked = "longer" if slope.value > 0 else "shorter"
    return (
        f"Raters prefer the {liked} answer: a much {liked} one has {number(exp(abs(slope.value)), 1)} times the odds."
    )


def length_plot(pairs: tuple[PairLength, ...]) -> DotPlot:
    rows = []
    for pair in pairs[:MOST_PAIRS]:
        rows.append(_dot(f"{pair.first} against {pair.second}", pair.length.raw, pair.length, heading=True))
        rows.append(_dot("at equal length", pair.length.win_rate, pair.length))
    hidden = max(len(pairs) - MOST_PAIRS, 0)
    return DotPlot("Win rate", "items", tuple(rows), RATE_TICKS, reference=RATES.at(0.5), hidden=hidden)


def _dot(label: str, rate: Estimate, length: LengthControlled, heading: bool = False) -> Dot:
    return Dot(
        label=label,
        n=length.observations,
        whisker=Whisker.of(rate, RATES),
        text=percent(rate.value, 1),
        interval=percent_interval(rate, 1),
        note=why_missing(rate),
        heading=heading,
    )


def drawn(pairs: tuple[PairLength, ...], report: Report) -> Mapping[str, Any]:
    return {"plot": length_plot(pairs)}


def method(pairs: tuple[PairLength, ...], report: Report) -> str:
    return (
        "Win rates at equal length come from the regression of length-controlled AlpacaEval (Dubois and others, 2024): "
        "the log-odds of an item going to the first model, by its ability and the hyperbolic tangent of the difference "
        "of lengths in words over its standard deviation, fitted to each pair alone and read at a difference of 0; "
        "errors are clustered by prompt."
    )


def lines(pairs: tuple[PairLength, ...], report: Report) -> Iterator[Line]:
    for pair in pairs:
        subject, length = Subject(RATERS, "length", pair.first, pair.second), pair.length
        yield subject.line("win_rate_at_equal_length", length.win_rate, length.observations)
        yield subject.line("length_slope", length.slope, length.observations)
        yield subject.value("mean_words_more", length.gap, length.observations)
        yield subject.value("words_more_standard_deviation", length.spread, length.observations)


SECTION = Section(
    key="lengths",
    title="What length does",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
)
