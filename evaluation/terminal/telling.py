"""What an evaluation tells in a terminal: lines for people, and figures for programs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from evaluation.wording import MINUS, NONE

Table = list[tuple[str, ...]]
"""Rows of cells, the first row the names of the columns."""


@dataclass(frozen=True)
class Told:
    """What a subcommand of `manage.py evaluate` has to say."""

    lines: Iterable[str]
    """For people."""
    figures: dict[str, Any]
    """The main figures, which close the readable lines as one line of JSON."""
    everything: dict[str, Any] | None = None
    """What --json prints, where that is more than the main figures."""


def titled(title: str, rows: Table) -> Iterator[str]:
    """The rows in columns: words to the left, figures to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    yield from ("", title)
    for row in rows:
        cells = (
            cell.rjust(width) if _is_figure(column) else cell.ljust(width)
            for cell, width, column in zip(row, widths, zip(*rows, strict=True), strict=True)
        )
        yield "  ".join(cells).rstrip()


def _is_figure(column: tuple[str, ...]) -> bool:
    return all(cell[:1].isdigit() or cell[:1] in (MINUS, NONE, "<") for cell in column[1:])
