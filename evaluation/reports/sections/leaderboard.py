"""Ratings of all models on one scale."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from evaluation.plots import Dot, DotPlot, Whisker, fitted, sorting_value, why_missing
from evaluation.reports.leaderboards import read_circles, read_fit, tie_model
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section
from evaluation.statistics.bradley_terry import HALF, Leaderboard
from evaluation.statistics.bradley_terry import leaderboard as rate
from evaluation.wording import count, number, number_interval, percent

FAR, MOST_PAIRS = 2.0, 5


def figures(material: Material) -> Leaderboard:
    """Ratings with ties as half wins, and beside them those of the tie model, with fit and circles."""
    ballots, sides = material.ballots, material.majority
    judged = ~np.isnan(sides)
    names = ballots.first[judged], ballots.second[judged]
    return replace(material.leaderboard, with_ties=rate(*names, sides[judged], ballots.prompts[judged]))


def shown(leaderboard: Leaderboard) -> Leaderboard:
    """The one that the page speaks of."""
    return leaderboard.with_ties or leaderboard


def read(leaderboard: Leaderboard, report: Report) -> Reading:
    board = shown(leaderboard)
    rated = [standing for standing in board.standings if standing.rating.value is not None]
    if len(rated) < 2:
        return Reading("Ratings need two models that have won points from each other.")
    best, second = rated[0], rated[1]
    ahead = (best.rating.value or 0) - (second.rating.value or 0)
    expected = 1 / (1 + 10 ** (-ahead / 400))
    of_which = "their comparisons" if board.ties == HALF else "those of their comparisons that one of them wins"
    shared = sum(standing.rank == 1 for standing in rated)
    share = f" {count(shared, 'model')} share the first rank: they can't be told apart from the best."
    return Reading(
        f"{best.model} stands {ahead:.0f} Elo above {second.model}: it is expected to win {percent(expected)} of "
        f"{of_which}.{share if shared > 1 else ''}",
        "Only differences mean anything; the mean is 1000. An interval is that of a rating's distance from the mean: "
        "two models whose intervals overlap may still differ.",
    )


def leaderboard_plot(leaderboard: Leaderboard) -> DotPlot:
    standings = shown(leaderboard).standings
    scale, ticks = fitted([standing.rating for standing in standings])
    rows = (
        Dot(
            label=f"{standing.rank}. {standing.model}" if standing.rank else standing.model,
            n=standing.battles,
            whisker=Whisker.of(standing.rating, scale),
            text=number(standing.rating.value, 0),
            interval=number_interval(standing.rating, 0),
            note=why_missing(standing.rating),
            sorts_by=sorting_value(standing.rating),
        )
        for standing in standings
    )
    return DotPlot("Elo", "items", tuple(rows), ticks, reference=scale.at(1000))


def drawn(leaderboard: Leaderboard, report: Report) -> Mapping[str, Any]:
    board = shown(leaderboard)
    missed = [pair for pair in (board.fit.pairs if board.fit else ()) if abs(pair.residual or 0) > FAR]
    return {
        "plot": leaderboard_plot(leaderboard),
        "fit": read_fit(board.fit) if board.fit else "",
        "circles": read_circles(board.circles) if board.circles else "",
        "misses": [
            (
                pair.first,
                pair.second,
                pair.battles,
                *(number(n, 1) for n in (pair.observed, pair.expected, pair.residual)),
            )
            for pair in missed[:MOST_PAIRS]
        ],
    }


def method(leaderboard: Leaderboard, report: Report) -> str:
    return (
        f"The leaderboard is {tie_model(shown(leaderboard))}, on the items' majorities, on the Elo scale with mean "
        "1000; errors are clustered by prompt (sandwich). A rank is one more than the models whose lower bound lies "
        "above the model's upper bound. Fit is Pearson's X² against the table of all pairs, corrected for clusters as "
        "Rao and Scott do; circles are triples of models that beat each other in turn."
    )


def lines(leaderboard: Leaderboard, report: Report) -> Iterator[Line]:
    for standing in leaderboard.standings:
        yield Subject(RATERS, "leaderboard", standing.model).line("elo", standing.rating, standing.battles)
    board = shown(leaderboard)
    for standing in board.standings:
        subject = Subject(RATERS, "leaderboard", standing.model)
        if board.ties != leaderboard.ties:
            yield subject.line(f"elo_{board.ties}", standing.rating, standing.battles)
        yield subject.value("rank_by_upper_bound", standing.rank, standing.battles, standing.rating.note)
    if board.fit:
        subject = Subject(RATERS, "goodness of fit")
        for name in ("x2", "g2", "degrees", "design_effect", "p_value"):
            yield subject.value(name, getattr(board.fit, name), board.battles, board.fit.note)
    if board.circles:
        for name in ("triples", "circular", "consistency", "cyclic_share"):
            yield Subject(RATERS, "circles").value(name, getattr(board.circles, name), board.battles)


def in_page(leaderboard: Leaderboard, report: Report) -> bool:
    """Two models' leaderboard says no more than their win rate."""
    return report.votes > 0 and len(report.models) > 2


def resample(resampling: Resampling) -> Iterator[Resampled]:
    yield from resampling.elo(RATERS, resampling.material.leaderboard, resampling.material.majority)


SECTION = Section(
    key="leaderboard",
    title="Leaderboard",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    resample=resample,
    in_page=in_page,
)
