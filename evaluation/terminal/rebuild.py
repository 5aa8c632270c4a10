"""Make a published report again from its snapshot and hold it against what was published, byte for byte."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from evaluation.models import Report
from evaluation.reports.publishing import find_report, first_difference
from evaluation.reports.rendering import software
from evaluation.reports.snapshot import SnapshotError
from evaluation.terminal.telling import Told

NAME = "rebuild"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--report", required=True, metavar="SLUG/vN", help="which published report, like spring/v1")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        report = find_report(options["report"])
        difference = first_difference(report)
    except (Report.DoesNotExist, SnapshotError) as error:
        raise CommandError(str(error)) from error
    if difference:
        said = f"{report} comes out otherwise than it was published. {difference}."
        if report.software != software():
            said += f" It was published by software {report.software}, this is {software()}: use that version."
        raise CommandError(said)
    figures = {"report": str(report), "digest": report.digest, "same": True, "software": software()}
    return Told([f"{report} comes out of its snapshot to the same bytes: JSON, CSV and page."], figures)
