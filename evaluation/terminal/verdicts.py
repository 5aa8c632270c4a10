"""Import verdicts that judges gave elsewhere, JSONL or CSV, so that published judges can be audited too."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from annotation.importing.reading import FileError, opened
from evaluation.campaigns import find_campaign
from evaluation.external_verdicts import READERS, import_verdicts
from evaluation.models import Campaign
from evaluation.terminal.telling import Told
from evaluation.wording import count

NAME = "import-verdicts"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="rows of item, judge, verdict (1, 2, tie) or preference; - for stdin"
    )
    parser.add_argument("--campaign", required=True, metavar="SLUG", help="which campaign (or imported project)")
    parser.add_argument("--format", choices=sorted(READERS), default="rows", help="pandalm: the judges of its test set")
    parser.add_argument("--judge", default="", metavar="NAME", help="whose verdicts, where rows don't say")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        campaign = find_campaign(options["campaign"])
        with opened(options["file"]) as file:
            summary = import_verdicts(file, campaign, options["format"], options["judge"])
    except (Campaign.DoesNotExist, FileError) as error:
        raise CommandError(str(error)) from error
    judges = ", ".join(summary.judges)
    lines = [
        f"{count(summary.rows, 'row')} for {campaign.slug}, by {judges}: {summary.new:,} new verdicts, "
        f"{summary.already_there:,} already there, {summary.unreadable:,} that say nothing",
        f"Audit them: manage.py evaluate judges --campaign {campaign.slug}",
    ]
    return Told(lines, summary.as_json())
