"""Lines of a file that a person brings: plain or gzip, JSON or CSV, each with its number."""

import csv
import gzip
import json
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

from annotation.importing.rows import Row, RowError, shown

LONGEST_LINE = 16 * 2**20
LIGHTEST_LINE = 64
"""Bytes that a line counts for at least where the size is limited: short and blank lines cost time too."""
GZIP_MAGIC = b"\x1f\x8b"


class FileError(ValueError):
    """A file that can't be read at all; says why and what to do."""


class BadRowsError(FileError):
    """Rows that can't be read: the first of them by line, and how many there are."""

    SHOWN = 20

    def __init__(self) -> None:
        super().__init__()
        self.first: list[tuple[int, str]] = []
        self.count = 0

    def add(self, number: int, error: RowError) -> None:
        self.count += 1
        if len(self.first) < self.SHOWN:
            self.first.append((number, str(error)))

    def summary_lines(self) -> list[str]:
        """How many rows can't be read, the first of them as `line 3: reason`, and how many are not shown."""
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        lines = [f"{rows} can't be read, so nothing was imported:"]
        lines += [f"line {number}: {reason}" for number, reason in self.first]
        if self.count > len(self.first):
            lines.append(f"... and {self.count - len(self.first):,} more")
        return lines

    def __str__(self) -> str:
        return "\n  ".join(self.summary_lines())


class Line(NamedTuple):
    """A line of the file: the row on it, or what is wrong with it."""

    number: int
    row: Row | RowError


Lines = Callable[[BinaryIO], Iterator[Line]]


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file of this name for reading, or for - standard input, kept aside so that it can be read twice."""
    try:
        if name != "-":
            with Path(name).open("rb") as file:
                yield file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            yield cast(BinaryIO, copy)
    except OSError as error:
        raise FileError(f"{name} can't be read ({error.strerror or error})") from error


@contextmanager
def unpacked(file: BinaryIO, most: int | None = None) -> Iterator[BinaryIO]:
    """The file from its beginning, unpacked where its first bytes say gzip.

    At most `most` unpacked bytes where given: a few kilobytes of gzip can hold gigabytes. Raises FileError.
    """
    file.seek(0)
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    try:
        plain = cast(IO[bytes], gzip.GzipFile(fileobj=file) if packed else file)
        yield cast(BinaryIO, plain if most is None else Limited(plain, most))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:  # before OSError, of which BadGzipFile is one
        raise FileError(f"the gzip file is damaged ({error}): copy or pack it again") from error


class Limited:
    """A file that refuses to be read beyond a number of bytes."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file, self.most, self.left = file, most, most

    def readline(self, size: int = -1) -> bytes:
        line = self.file.readline(size)
        self.left -= max(len(line), LIGHTEST_LINE)
        if line and self.left < 0:
            raise FileError(
                f"the file unpacks to more than {self.most // 2**20} MB, where a line counts for {LIGHTEST_LINE} bytes "
                "at least: import it by the command instead"
            )
        return line


def json_lines(file: BinaryIO) -> Iterator[Line]:
    """Each line that isn't blank, as a JSON object or as the error that it is."""
    for number, raw in raw_lines(file):
        if raw.strip():
            yield Line(number, attempt(raw))


def attempt(raw: bytes) -> Row | RowError:
    try:
        row = json.loads(decoded(raw))
    except RowError as error:
        return error
    except (ValueError, RecursionError) as error:
        return RowError(f"not valid JSON ({error})")
    if not isinstance(row, dict):
        return RowError(f"expected a JSON object {{...}}, got {shown(row)}")
    return row


def csv_lines(file: BinaryIO) -> Iterator[Line]:
    """Each record of a CSV file whose first line names the fields; the number is that of the record's last line."""

    def texts() -> Iterator[str]:
        for number, raw in raw_lines(file):
            try:
                yield decoded(raw)
            except RowError as error:
                raise FileError(f"line {number} is {error}") from error

    reader = csv.DictReader(texts(), strict=True)
    try:
        for record in reader:
            if None in record:
                expected = len(reader.fieldnames or ())
                yield Line(reader.line_num, RowError(f"more values than the {expected} fields of the first line"))
            else:
                yield Line(reader.line_num, {name: value for name, value in record.items() if value})
    except csv.Error as error:
        raise FileError(f"line {reader.reader.line_num} is not valid CSV ({error})") from error


def raw_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise FileError(f"line {number} is longer than {LONGEST_LINE // 2**20} MB: expected one row per line")
        yield number, raw


def decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02x} at position {error.start + 1}"
        raise RowError(f"not UTF-8 text ({found}): save the file as UTF-8") from None


def looks_like_json(file: BinaryIO, most: int | None = None) -> bool:
    """Whether the first line that isn't blank, within `most` unpacked bytes, opens a JSON object. Raises FileError."""
    with unpacked(file, most) as plain:
        start = next((raw for _, raw in raw_lines(plain) if raw.strip()), b"")
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def check_rows(file: BinaryIO, lines: Lines, read: Callable[[Row], object], most: int | None = None) -> int:
    """How many rows the file has, of at most `most` unpacked bytes. Raises FileError, BadRowsError for broken rows."""
    bad, rows = BadRowsError(), 0
    with unpacked(file, most) as plain:
        for number, row in lines(plain):
            rows += 1
            try:
                if isinstance(row, RowError):
                    raise row
                read(row)
            except RowError as error:
                bad.add(number, error)
    if bad.count:
        raise bad
    if not rows:
        raise FileError("the file is empty: expected one row per line")
    return rows
