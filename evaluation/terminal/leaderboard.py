"""Ratings of all models: by tie model, with ranks, goodness of fit and circles, of a campaign or of a battles file."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from annotation.importing.reading import FileError
from evaluation.battle_files import read_battles
from evaluation.campaigns import find_campaign
from evaluation.judging import collect
from evaluation.models import Campaign
from evaluation.reports.leaderboards import read_circles, read_fit, tie_model
from evaluation.statistics.bradley_terry import AUTOMATIC, GRADED, TIES, Leaderboard, leaderboard
from evaluation.statistics.preferences import ITEM_RULES
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import count, number, number_interval, percent, sure

NAME = "leaderboard"
MOST_PAIRS = 10


def add_arguments(parser: ArgumentParser) -> None:
    add_where_from(parser)
    parser.add_argument("--ties", choices=TIES, default=AUTOMATIC, help="what a tie says (auto: Davidson if any)")
    parser.add_argument(
        "--rule",
        choices=(*ITEM_RULES, "vote"),
        default="majority",
        help="of a campaign: one side for each item, or every vote (always so with --ties graded)",
    )
    parser.add_argument("--confidence", type=float, default=0.95, metavar="PART", help="of the intervals (0.95)")


def add_where_from(parser: ArgumentParser) -> None:
    """--campaign or --file."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--campaign", metavar="SLUG", help="which campaign (or imported project)")
    source.add_argument(
        "--file",
        metavar="FILE",
        help="battles: AlpacaEval's annotations or an arena's votes, as JSON lines, a JSON list or CSV; - for input",
    )


def evaluate(options: dict[str, Any]) -> Told:
    try:
        first, second, votes, prompts = battles(options)
        board = leaderboard(first, second, votes, prompts, options["ties"], options["confidence"])
    except (Campaign.DoesNotExist, FileError, ValueError) as error:
        raise CommandError(str(error)) from error
    figures = {
        "ties": board.ties,
        "battles": board.battles,
        "elo": {standing.model: standing.rating.value for standing in board.standings},
        "rank": {standing.model: standing.rank for standing in board.standings},
    }
    return Told(lines(board), figures, asdict(board))


def battles(options: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """First and second models, votes and prompts, a row for each battle."""
    if options["file"]:
        file = read_battles(options["file"])
        said = ~np.isnan(file.points)
        return file.first[said], file.second[said], file.strengths[said], file.prompts[said]
    ballots = collect(find_campaign(options["campaign"])).ballots
    if options["rule"] == "vote" or options["ties"] == GRADED:
        rows = np.nonzero(ballots.cast)[0]
        return ballots.first[rows], ballots.second[rows], ballots.votes[ballots.cast], ballots.prompts[rows]
    sides = ITEM_RULES[options["rule"]](ballots.votes)
    judged = ~np.isnan(sides)
    return ballots.first[judged], ballots.second[judged], sides[judged], ballots.prompts[judged]


def lines(board: Leaderboard) -> Iterator[str]:
    yield f"{count(board.battles, 'battle')} of {count(len(board.standings), 'model')}; {tie_model(board)}."
    if board.note:
        yield board.note
    if not board.standings:
        return
    confidence = f"{percent(board.standings[0].rating.confidence)}"
    yield from titled("Leaderboard (Elo, mean 1000); ranks by upper bound, shared where nothing tells", table(board))
    yield f"Intervals of {confidence}, clustered by prompt ({count(board.clusters, 'cluster')})."
    if board.even_chances:
        chances = ", ".join(f"{number(level, 0)}: {percent(chance, 1)}" for level, chance in board.even_chances)
        yield f"Two models of equal ability, by strength for the first: {chances}."
    if board.fit is not None:
        yield from ("", read_fit(board.fit))
        if board.fit.degrees:
            yield from titled("Pairs that the ratings miss most (points; residual in standard errors)", misses(board))
    if board.circles is not None:
        yield from ("", read_circles(board.circles))
        if board.circles.circles:
            yield from titled("Circles, the surest first", circles(board))


def table(board: Leaderboard) -> Table:
    rows: Table = [("rank", "model", "Elo", "interval", "error", "battles", "")]
    for standing in board.standings:
        rating = standing.rating
        rank = number(standing.rank, 0)
        figures = number(rating.value, 1), number_interval(rating, 1), number(rating.standard_error, 1)
        rows.append((rank, standing.model, *figures, f"{standing.battles:,}", rating.note))
    return rows


def misses(board: Leaderboard) -> Table:
    rows: Table = [("first", "second", "battles", "observed", "expected", "residual")]
    for pair in board.fit.pairs[:MOST_PAIRS] if board.fit else ():
        figures = f"{pair.battles:,}", number(pair.observed, 1), number(pair.expected, 1), number(pair.residual)
        rows.append((pair.first, pair.second, *figures))
    return rows


def circles(board: Leaderboard) -> Table:
    rows: Table = [("first", "beats", "beats", "by", "by", "by", "p", "p (Holm)")]
    for circle in board.circles.circles if board.circles else ():
        margins = (percent(margin + 0.5, 1) for margin in circle.margins)
        rows.append((*circle.models, *margins, sure(circle.p_value), sure(circle.adjusted)))
    return rows
