"""Ratings of all models on one scale."""

from collections.abc import Iterator, Mapping
from typing import Any

from evaluation.plots import Dot, DotPlot, Whisker, fitted, why_missing
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.section import Reading, Section
from evaluation.statistics.bradley_terry import Leaderboard
from evaluation.wording import number, number_interval, percent


def figures(material: Material) -> Leaderboard:
    return material.leaderboard


def read(leaderboard: Leaderboard, report: Report) -> Reading:
    rated = [standing for standing in leaderboard.standings if standing.rating.value is not None]
    if len(rated) < 2:
        return Reading("Ratings need two models that have won points from each other.")
    best, second = rated[0], rated[1]
    ahead = (best.rating.value or 0) - (second.rating.value or 0)
    expected = 1 / (1 + 10 ** (-ahead / 400))
    return Reading(
        f"{best.model} stands {ahead:.0f} Elo above {second.model}: it is expected to win {percent(expected)} of their "
        "comparisons.",
        "Only differences mean anything; the mean is 1000. An interval is that of a rating's distance from the mean: "
        "two models whose intervals overlap may still differ.",
    )


def leaderboard_plot(leaderboard: Leaderboard) -> DotPlot:
    standings = leaderboard.standings
    scale, ticks = fitted([standing.rating for standing in standings])
    rows = (
        Dot(
            label=standing.model,
            n=standing.battles,
            whisker=Whisker.of(standing.rating, scale),
            text=number(standing.rating.value, 0),
            interval=number_interval(standing.rating, 0),
            note=why_missing(standing.rating),
        )
        for standing in standings
    )
    return DotPlot("Elo", "items", tuple(rows), ticks, reference=scale.at(1000))


def drawn(leaderboard: Leaderboard, report: Report) -> Mapping[str, Any]:
    return {"plot": leaderboard_plot(leaderboard)}


def method(leaderboard: Leaderboard, report: Report) -> str:
    return (
        "The leaderboard is the model of Bradley and Terry on the items' majorities, a tie as half a win, on the Elo "
        "scale with mean 1000; errors are clustered by prompt."
    )


def lines(leaderboard: Leaderboard, report: Report) -> Iterator[Line]:
    for standing in leaderboard.standings:
        yield Subject(RATERS, "leaderboard", standing.model).line("elo", standing.rating, standing.battles)


def in_page(leaderboard: Leaderboard, report: Report) -> bool:
    """Two models' leaderboard says no more than their win rate."""
    return report.votes > 0 and len(report.models) > 2


SECTION = Section(
    key="leaderboard",
    title="Leaderboard",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    in_page=in_page,
)
