"""The report as a table for other programs: one figure per line, with its interval and what it rests on."""

import csv
import io
from collections.abc import Iterator

from evaluation.reporting import Report
from evaluation.reports.lines import RATERS, Cell, Line, Subject
from evaluation.reports.sections import SECTIONS


def as_csv(report: Report) -> str:
    """Undefined figures are empty cells, and their note says why."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(Line._fields)
    writer.writerows([_plain(cell) for cell in line] for line in lines(report))
    return table.getvalue()


def lines(report: Report) -> Iterator[Line]:
    """Of the campaign, then of each section in the page's order."""
    yield Subject(RATERS, "campaign").line("left_share", report.left_share, report.votes)
    for section in SECTIONS:
        if section.key in report.figures:
            yield from section.lines(report.figures[section.key], report)


def _plain(cell: Cell) -> Cell:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it: labels come from uploads."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell
