"""A campaign's figures: win rates, agreement, leaderboard, slices, and reward models as judges."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.core.management.base import CommandError

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.reporting import Report, bootstrap, compute, gather
from evaluation.reports.headline import beneath_the_headline, headline
from evaluation.reports.lines import Line
from evaluation.reports.sections import agreement, raters
from evaluation.reports.sections.judges import read_judge
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import count, number, number_interval, percent, percent_interval

NAME = "report"
MOST_REPLICATES = 100_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--campaign", required=True, metavar="SLUG", help="which campaign (or imported project)")
    parser.add_argument(
        "--bootstrap",
        type=_replicates,
        metavar="N",
        help="also give every figure the interval of N samples of prompts drawn with replacement, for example 1000",
    )


def evaluate(options: dict[str, Any]) -> Told:
    try:
        material = gather(find_campaign(options["campaign"]))
    except Campaign.DoesNotExist as error:
        raise CommandError(str(error)) from error
    found = compute(material)
    if not options["bootstrap"]:
        return Told(lines(found), main_figures(found), found.as_json())
    resampled = bootstrap(material, options["bootstrap"])
    everything = found.as_json() | {"bootstrap": [line._asdict() for line in resampled]}
    said = chain(
        lines(found), titled(f"Intervals by {options['bootstrap']:,} samples of prompts", drawn_anew(resampled))
    )
    return Told(said, main_figures(found), everything)


def _replicates(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_REPLICATES:
        raise ArgumentTypeError(f"replicates must be a whole number from 1 to {MOST_REPLICATES:,}, got {text!r}")
    return int(text)


def lines(found: Report) -> Iterator[str]:
    """The report for a terminal."""
    wanted = f"{found.votes + found.unusable:,} of {count(found.places, 'judgement')}"
    yield f"{found.name} ({found.campaign}), {found.dimension}: {wanted} by {count(len(found.raters), 'rater')}"
    yield headline(found)
    yield beneath_the_headline(found)
    if found.votes:
        yield from titled("Pairs, by the majority of an item's votes; intervals clustered by prompt", pairs(found))
        yield from titled("Leaderboard (Bradley-Terry, Elo)", leaderboard(found))
        yield from titled("Slices of the prompts", slices(found))
        yield from titled("Raters", rater_rows(found))
        yield ""
        for section in (agreement, raters):
            reading = section.SECTION.read(found.figures[section.SECTION.key], found)
            yield f"{reading.says} {reading.caveat}".rstrip()
    for judge in found.judges:
        rows: Table = [("first", "second", "items", "win rate", "95 %")]
        for pair in judge.pairs:
            won = pair.by_item.win_rate
            items = f"{pair.by_item.observations:,}"
            rows.append((pair.first, pair.second, items, percent(won.value, 1), percent_interval(won, 1)))
        yield from titled(f"Judged by {judge.judge}", rows)
        yield read_judge(judge)


def main_figures(found: Report) -> dict[str, Any]:
    """What closes the readable report; --json has the rest."""
    return {
        "campaign": found.campaign,
        "items": found.items,
        "votes": found.votes,
        "elo": {standing.model: standing.rating.value for standing in found.leaderboard.standings},
        "win_rate": {f"{pair.first} / {pair.second}": pair.by_item.win_rate.value for pair in found.pairs},
        "ac2": found.reliability.ac2.value,
        "ac1": found.reliability.ac1.value,
    }


def pairs(found: Report) -> Table:
    rows: Table = [("first", "second", "items", "win", "tie", "loss", "win rate", "95 %", "AC2", "95 %", "AC1", "95 %")]
    for pair in found.pairs:
        rates = pair.by_item
        counts = (f"{n:,}" for n in (rates.observations, rates.wins, rates.ties, rates.losses))
        won = percent(rates.win_rate.value, 1), percent_interval(rates.win_rate, 1)
        agreement = pair.reliability.ac2, pair.reliability.ac1
        reliability = (cell for ac in agreement for cell in (number(ac.value, 3), number_interval(ac, 3)))
        rows.append((pair.first, pair.second, *counts, *won, *reliability))
    return rows


def leaderboard(found: Report) -> Table:
    rows: Table = [("model", "Elo", "95 %", "items", "")]
    for standing in found.leaderboard.standings:
        rating = standing.rating
        figures = number(rating.value, 0), number_interval(rating, 0), f"{standing.battles:,}"
        rows.append((standing.model, *figures, rating.note))
    return rows


def slices(found: Report) -> Table:
    rows: Table = [(f"{found.models[0]} on", "items", "win rate", "95 %", "AC2")]
    for part in found.slices:
        won = part.by_item.win_rate
        rates = percent(won.value, 1), percent_interval(won, 1)
        rows.append((part.label, f"{part.by_item.observations:,}", *rates, number(part.ac2.value, 3)))
    return rows


def rater_rows(found: Report) -> Table:
    rows: Table = [("rater", "votes", "with majority", "95 %", "left answer", "seconds")]
    for rater in found.raters:
        majority = percent(rater.with_majority.value, 1), percent_interval(rater.with_majority, 1)
        left = percent(rater.left_share.value, 1)
        rows.append((rater.rater, f"{rater.votes:,}", *majority, left, number(rater.seconds.median, 0)))
    return rows


def drawn_anew(resampled: Iterable[Line]) -> Table:
    rows: Table = [("of", "figure", "value", "from", "to")]
    for line in resampled:
        subject = " / ".join(filter(None, (line.judge, line.part, line.model, line.against, str(line.label))))
        value = line.value if isinstance(line.value, float) else None
        rows.append((subject, line.figure, *(number(figure, 3) for figure in (value, line.low, line.high))))
    return rows
