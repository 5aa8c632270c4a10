"""Publish a campaign's report: a numbered version with its snapshot, which never changes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.reports.publishing import PublishingError, publish
from evaluation.terminal.telling import Told

NAME = "publish"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--campaign", required=True, metavar="SLUG", help="which campaign (or imported project)")
    parser.add_argument("--note", default="", metavar="TEXT", help="why, for its readers")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        report = publish(find_campaign(options["campaign"]), note=options["note"])
    except (Campaign.DoesNotExist, PublishingError) as error:
        raise CommandError(str(error)) from error
    figures = {
        "report": str(report),
        "as_of": report.as_of.isoformat(),
        "digest": report.digest,
        "snapshot_bytes": len(report.snapshot),
        "software": report.software,
    }
    said = f"Published {report}, data as of {report.as_of:%Y-%m-%d %H:%M} UTC, snapshot {report.digest}."
    return Told([said, f"Make it again by: manage.py evaluate rebuild --report {report}"], figures)
