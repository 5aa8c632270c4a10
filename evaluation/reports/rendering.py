"""A report as the three texts that people read and take along: a page, JSON and CSV.

Nothing but the report decides what they say: they speak English in one number format whatever the reader's language,
and figures in JSON and CSV have 12 significant digits, since the last ones of a sum depend on the machine.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from evaluation.reports.lines import RATERS, Cell, Line, Subject
from evaluation.reports.page import context_of
from evaluation.reports.report import Report
from evaluation.reports.sections import SECTIONS

DIGITS = 12
NOTHING = 1e-15
"""Below this a figure is 0: what is left of a sum that cancels differs from machine to machine."""


@dataclass(frozen=True)
class Rendered:
    html: str
    json: str
    csv: str


def render(report: Report, live: bool) -> Rendered:
    """live: with links to pages that go on changing, which a published report does without."""
    with translation.override("en"):
        html = render_to_string("evaluation/parts/report.html", {"live": live} | context_of(report))
    return Rendered(html=html, json=as_json(report), csv=as_csv(report))


def as_json(report: Report) -> str:
    return json_of(report.as_json())


def json_of(figures: Mapping[str, Any]) -> str:
    return json.dumps(_rounded(figures), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def as_csv(report: Report) -> str:
    """One figure per line, with its interval and what it rests on."""
    return csv_of(lines(report))


def csv_of(lines: Iterable[Line]) -> str:
    """Undefined figures are empty cells, and their note says why."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(Line._fields)
    writer.writerows([_cell(cell) for cell in line] for line in lines)
    return table.getvalue()


def lines(report: Report) -> Iterator[Line]:
    """Of the campaign, then of each section in the page's order."""
    yield Subject(RATERS, "campaign").line("left_share", report.left_share, report.votes)
    for section in SECTIONS:
        if section.key in report.figures:
            yield from section.lines(report.figures[section.key], report)


@cache
def software() -> str:
    """A digest of the code and templates that make a report: the same report may look another way under another one."""
    root = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(
        (*root.rglob("*.py"), *root.rglob("*.html")), key=lambda path: path.relative_to(root).as_posix()
    ):
        if "migrations" not in path.parts:
            found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _cell(cell: Cell) -> Cell:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it: labels come from uploads."""
    if isinstance(cell, str):
        return f"'{cell}" if cell[:1] in tuple("=+-@\t\r") else cell
    return _rounded(cell)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return 0.0 if abs(value) < NOTHING else float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
