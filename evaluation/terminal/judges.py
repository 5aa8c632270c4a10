"""What judge models are worth: place, length, repetition, agreement with people, of each judge of a campaign."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.reporting import report
from evaluation.reports.lines import Line
from evaluation.reports.sections import judge_models
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import NONE, number

NAME = "judges"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--campaign", required=True, metavar="SLUG", help="which campaign (or imported project)")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        found = report(find_campaign(options["campaign"]))
    except Campaign.DoesNotExist as error:
        raise CommandError(str(error)) from error
    audits = found.figures.get("judge_models", ())
    if not audits:
        raise CommandError(
            "No judge has said anything about this campaign yet: ask one by manage.py evaluate judge, or import "
            "verdicts by manage.py evaluate import-verdicts."
        )
    figures = {
        audit.asked.name: {
            "items": audit.items,
            "unreadable": audit.unreadable.value,
            "with_majority": audit.humans.accuracy.value,
            "ac1": audit.humans.ac1.value,
            "first_shown_preferred": audit.sides.first_preferred.value,
            "verdict_changes_with_order": audit.sides.flipped.value,
            "odds_of_twice_the_length": audit.length.odds.value,
            "cost": audit.asked.cost,
        }
        for audit in audits
    }
    return Told(lines(audits, found), figures, {"judge_models": found.as_json()["judge_models"]})


def lines(audits: tuple[judge_models.JudgeAudit, ...], found: Any) -> Iterator[str]:
    for audit in audits:
        own = [line for line in judge_models.lines((audit,), found) if line.part == "campaign"]
        yield from titled(audit.asked.name, table_of(own))
        yield judge_models.read_audit(audit)


def table_of(lines: list[Line]) -> Table:
    rows: Table = [("figure", "value", "95 % from", "to", "n")]
    for line in lines:
        value = number(line.value, 4) if isinstance(line.value, float | int) else NONE
        bounds = number(line.low, 4), number(line.high, 4)
        rows.append((line.figure.replace("_", " "), value, *bounds, NONE if line.n is None else f"{line.n:,}"))
    return rows
