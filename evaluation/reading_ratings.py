"""Ratings from a CSV file: a column for each rater, counts of each category, or the table of two raters."""

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.agreeing import Rated
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.patterns import Contingency, Patterns

MISSING = {"", ".", "NA", "NaN", "nan"}
KINDS = ("ratings", "counts", "table")


class RatingsFileError(ValueError):
    """The file can't be read as ratings; the message names the place and what to do."""


def read_ratings(
    path: Path, kind: str = "ratings", keys: Sequence[str] = (), categories: Sequence[object] | None = None
) -> Rated:
    """What the file holds, by its header line.

    kind: "ratings", a column for each rater and a line for each item, empty where a rating is missing; "counts", a
    column for each category; "table", a line and a column for each category of two raters. keys: columns that name the
    items or their parts; items can be told apart by them. categories: the whole scale in order; in "counts" and "table"
    the header's when omitted. Raises RatingsFileError.
    """
    header, rows = _read(path)
    unknown = [key for key in keys if key not in header]
    if unknown:
        raise RatingsFileError(f'{path.name} has no column "{unknown[0]}". Its columns: {", ".join(header)}.')
    kept = [place for place, name in enumerate(header) if name not in keys]
    if not kept:
        raise RatingsFileError(f"{path.name} has no columns beside those that name its items.")
    columns = tuple(header[place] for place in kept)
    cells = [[row[place].strip() for place in kept] for row in rows]
    labels = {key: np.array([row[header.index(key)].strip() for row in rows], dtype=np.str_) for key in keys}
    if kind != "table" and len(cells) > 2 and [row[0] for row in cells] == [str(n + 1) for n in range(len(cells))]:
        raise RatingsFileError(
            f'column "{columns[0]}" of {path.name} numbers the lines: say that it holds none with --key {columns[0]}'
        )
    try:
        if kind == "ratings":
            return Rated(path.name, _table(cells, categories), categories, columns=columns, labels=labels)
        numbers = _numbers(path, cells, columns)
        scale = categories or _scale(columns)
        if kind == "counts":
            return Rated(path.name, Patterns.from_counts(numbers, categories=scale))
        return Rated(path.name, Contingency.of(numbers, scale))
    except RatingsFileError:
        raise
    except ValueError as error:
        raise RatingsFileError(f"{path.name}: {error}") from error


def read_weights(path: Path) -> FloatArray:
    """A matrix of weights without a header, one line for each category. Raises RatingsFileError."""
    header, rows = _read(path)
    try:
        return np.array([header, *rows], dtype=np.float64)
    except ValueError as error:
        raise RatingsFileError(f"{path.name} must hold numbers alone, without a header: {error}") from error


def parse_categories(text: str) -> tuple[object, ...]:
    """A list with commas: numbers where all are numbers, else words."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        return tuple(parts)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except OSError as error:
        raise RatingsFileError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RatingsFileError(f"{path.name} is no UTF-8 text: save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise RatingsFileError(f"{path.name} is no CSV: {error}") from error
    if len(lines) < 2:
        raise RatingsFileError(f"{path.name} needs a header line and lines of ratings, got {len(lines)} lines")
    header = [name.strip() for name in lines[0]]
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise RatingsFileError(f"line {number} of {path.name} has {len(line)} cells, its header {len(header)}")
    return header, lines[1:]


def _table(cells: list[list[str]], categories: Sequence[object] | None) -> Any:
    """Numbers where all ratings are numbers, unless words were declared."""
    words = [[None if cell in MISSING else cell for cell in row] for row in cells]
    if categories and any(isinstance(category, str) for category in categories):
        return np.array(words, dtype=object)
    try:
        return np.array([[np.nan if cell is None else float(cell) for cell in row] for row in words])
    except ValueError:
        return np.array(words, dtype=object)


def _numbers(path: Path, cells: list[list[str]], columns: Sequence[str]) -> FloatArray:
    for number, row in enumerate(cells, start=2):
        for name, cell in zip(columns, row, strict=True):
            if not cell.isdigit():
                raise RatingsFileError(
                    f'line {number} of {path.name}, column "{name}": counts must be whole numbers, got "{cell}" '
                    "(name the columns that are no counts with --key)"
                )
    return np.array(cells, dtype=np.float64)


def _scale(columns: Sequence[str]) -> tuple[object, ...]:
    """The header's categories: numbers where they are increasing numbers, else words."""
    try:
        values = [float(name) for name in columns]
    except ValueError:
        return tuple(columns)
    return tuple(values) if all(low < high for low, high in pairwise(values)) else tuple(columns)
