"""The report as a page: its sections as parts that the template draws one after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.reports.headline import beneath_the_headline, headline
from evaluation.reports.lines import Line
from evaluation.reports.report import Report
from evaluation.reports.section import Reading
from evaluation.reports.sections import SECTIONS
from evaluation.reports.settings import said_of


@dataclass(frozen=True)
class Part:
    """A section as it stands on the page. table: its figures once more, for "Show as table"."""

    key: str
    title: str
    template: str
    figures: Any
    reading: Reading
    drawn: Mapping[str, Any]
    method: str
    table: tuple[Line, ...]


def parts(report: Report) -> Iterator[Part]:
    """Those sections that have something to show, in the page's order."""
    for section in SECTIONS:
        figures = report.figures.get(section.key)
        if figures is None or not section.in_page(figures, report):
            continue
        yield Part(
            key=section.key,
            title=section.heading(figures, report),
            template=section.template,
            figures=figures,
            reading=section.read(figures, report),
            drawn=section.drawn(figures, report),
            method=section.method(figures, report),
            table=tuple(section.lines(figures, report)),
        )


def context_of(report: Report) -> dict[str, Any]:
    """What the template of a report draws."""
    return {
        "report": report,
        "headline": headline(report),
        "beneath": beneath_the_headline(report),
        "parts": list(parts(report)),
        "settings": said_of(report.settings),
    }
