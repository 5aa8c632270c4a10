"""A running campaign: intervals that hold however often one looks, and whether to stop, by pair of models."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.monitoring import CAVEAT, CONFIDENCE, MARGIN, Monitoring, advice, monitor
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import percent

NAME = "monitor"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--campaign", required=True, metavar="SLUG", help="which campaign (or imported project)")
    parser.add_argument(
        "--margin", type=float, default=MARGIN, help=f"a win rate this near to 1/2 is practically equal ({MARGIN})"
    )
    parser.add_argument(
        "--confidence", type=float, default=CONFIDENCE, help=f"of all pairs at all looks together ({CONFIDENCE})"
    )


def evaluate(options: dict[str, Any]) -> Told:
    try:
        found = monitor(find_campaign(options["campaign"]), options["margin"], options["confidence"])
    except (Campaign.DoesNotExist, ValueError) as error:
        raise CommandError(str(error)) from error
    told = asdict(found) | {"all_over": found.all_over}
    for pair, row in zip(found.pairs, told["pairs"], strict=True):
        row["says"] = advice(pair, found.margin)
    main = {"campaign": found.campaign, "all_over": found.all_over, "pairs": len(found.pairs)}
    return Told(list(lines(found)), main, told)


def lines(found: Monitoring) -> Iterator[str]:
    if not found.pairs:
        yield f"{found.campaign} has no pairs of answers yet."
        return
    rows: Table = [("first", "second", "prompts", "left", "win rate", f"{100 * found.confidence:g} %, always")]
    for pair in found.pairs:
        low, high = pair.sequence.interval
        figures = f"{pair.prompts:,}", f"{pair.left:,}", percent(pair.sequence.mean, 1)
        rows.append((pair.first, pair.second, *figures, f"{percent(low, 1)} to {percent(high, 1)}"))
    yield from titled("Ties as half a win, by the majority of an item's votes", rows)
    yield ""
    for pair in found.pairs:
        yield f"{pair.first} / {pair.second}: {advice(pair, found.margin)}"
    yield CAVEAT
