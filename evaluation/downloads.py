"""The report as a table for other programs: one figure per line, with its interval and what it rests on."""

import csv
import io
from collections.abc import Iterator

from evaluation.reporting import Report
from evaluation.statistics.agreement import Agreement
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.preferences import WinRate

HEADER = ("judge", "part", "model", "against", "label", "figure", "value", "standard_error", "low", "high", "n", "note")
HUMAN = "raters"

Line = tuple[str | int | float | None, ...]


def as_csv(report: Report) -> str:
    """Undefined figures are empty cells, and their note says why."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(HEADER)
    writer.writerows([_plain(cell) for cell in line] for line in lines(report))
    return table.getvalue()


def lines(report: Report) -> Iterator[Line]:
    everything = (HUMAN, "campaign", "", "", "")
    yield _line(*everything, "ac2", report.reliability.ac2, report.votes)
    yield _line(*everything, "ac1", report.reliability.ac1, report.votes)
    yield _line(*everything, "left_share", report.left_share, report.votes)
    for standing in report.leaderboard.standings:
        yield _line(HUMAN, "leaderboard", standing.model, "", "", "elo", standing.rating, standing.battles)
    for pair in report.pairs:
        subject = (HUMAN, "pair", pair.first, pair.second, "")
        yield from _rates(subject, pair.by_item)
        yield from _rates((HUMAN, "pair by vote", pair.first, pair.second, ""), pair.by_vote)
        yield _line(*subject, "ac2", pair.reliability.ac2, pair.votes)
        yield _line(*subject, "ac1", pair.reliability.ac1, pair.votes)
    for part in report.slices:
        subject = (HUMAN, part.kind, part.model, "", part.label)
        yield from _rates(subject, part.by_item)
        yield _line(*subject, "ac2", part.ac2, part.votes)
    for bar in report.histogram:
        yield (HUMAN, "histogram", "", "", bar.strength, "votes", bar.votes, None, None, None, report.votes, "")
    for rater in report.raters:
        yield _line(HUMAN, "rater", "", "", rater.rater, "with_majority", rater.with_majority, rater.votes)
        yield _line(HUMAN, "rater", "", "", rater.rater, "left_share", rater.left_share, rater.votes)
    for judge in report.judges:
        yield _line(judge.judge, "campaign", "", "", "", "with_majority", judge.with_majority, judge.compared)
        for standing in judge.leaderboard.standings:
            yield _line(judge.judge, "leaderboard", standing.model, "", "", "elo", standing.rating, standing.battles)
        for judged in judge.pairs:
            yield from _rates((judge.judge, "pair", judged.first, judged.second, ""), judged.by_item)
        for score in judge.scores:
            yield _line(judge.judge, "model", score.model, "", "", "mean_score", score.score, score.responses)


def _rates(subject: tuple[str, str, str, str, str], rates: WinRate) -> Iterator[Line]:
    for figure in ("win", "tie", "loss", "win_rate"):
        yield _line(*subject, figure, getattr(rates, figure), rates.observations)


def _line(
    judge: str, part: str, model: str, against: str, label: str, name: str, figure: Estimate | Agreement, n: int
) -> Line:
    low, high = figure.interval or (None, None)
    error = figure.standard_error
    return (judge, part, model, against, label, name, figure.value, error, low, high, n, figure.note)


def _plain(cell: str | int | float | None) -> str | int | float | None:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it: labels come from uploads."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell
