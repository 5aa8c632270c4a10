"""Battles of two models from a file: AlpacaEval's annotations, or an arena's votes, as JSON lines, a JSON list or CSV.

- AlpacaEval: `generator_1` (the baseline), `generator_2` (the model), `preference` from 1 to 2, 1.5 or 0 for a draw, or
  null; `prompt_id` or `instruction`; and, for lengths, `output_1` and `output_2`.
- An arena: `model_a`, `model_b`, `winner` (model_a, model_b, tie, tie (bothbad), or Arena-Hard's A>>B, A>B, A=B, B>A,
  B>>A); `question_id` or another of PROMPT_FIELDS, to cluster by; and, for lengths, `response_a` and `response_b`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotation.importing.reading import (
    BadRowsError,
    FileError,
    Line,
    Lines,
    csv_lines,
    json_lines,
    looks_like_json,
    opened,
    unpacked,
)
from annotation.importing.rows import Row, RowError, shown, text_of
from evaluation.statistics.arrays import FloatArray

PARQUET = b"PAR1"
LONGEST_LIST = 512 * 2**20
LONGEST_NAME = 200
PROMPT_FIELDS = ("question_id", "prompt_id", "evaluation_session_id", "instruction", "prompt")
OUTCOMES = {
    "model_a": 1.0,
    "model_b": -1.0,
    "tie": 0.0,
    "tie (bothbad)": 0.0,
    "bothbad": 0.0,
    "both_bad": 0.0,
    "A>>B": 2.0,
    "A>B": 1.0,
    "A=B": 0.0,
    "B>A": -1.0,
    "B>>A": -2.0,
}


@dataclass(frozen=True, eq=False)
class BattleFile:
    """n battles. Preferences for AlpacaEval's model and not for its baseline: the model is `first`."""

    format: str
    first: NDArray[np.str_]
    """(n,) names of models."""
    second: NDArray[np.str_]
    points: FloatArray
    """(n,) of the first, from 0 to 1; NaN where the judge gave none."""
    strengths: FloatArray
    """(n,) of the preference, above 0 for the first, in steps of the file's scale; its side where it has none."""
    prompts: NDArray[np.str_]
    """(n,) what says which prompt it was; the number of the line where nothing does."""
    gaps: FloatArray
    """(n,) characters of the first's answer less those of the second's; NaN where the file has no answers."""
    prompts_named: bool

    def __len__(self) -> int:
        return len(self.first)

    @property
    def continuous(self) -> bool:
        """Whether preferences lie between win, tie and loss."""
        return bool(np.isin(self.points[~np.isnan(self.points)], (0, 0.5, 1), invert=True).any())


class _Battle(NamedTuple):
    first: str
    second: str
    points: float
    strength: float
    prompt: str
    gap: float


def read_battles(name: str) -> BattleFile:
    """From the file of this name, or - for standard input. Raises FileError, with bad rows by line."""
    with opened(name) as file:
        lines = _lines_of(file)
        bad, battles = BattleRowsError(), list[_Battle]()
        read: Callable[[Row], _Battle] | None = None
        numbers: list[int] = []
        with unpacked(file) as plain:
            for number, row in lines(plain):
                try:
                    if isinstance(row, RowError):
                        raise row
                    read = read or _reader_of(row)
                    battles.append(read(row))
                    numbers.append(number)
                except RowError as error:
                    bad.add(number, error)
    if bad.count:
        raise bad
    if not battles:
        raise FileError("the file is empty: expected one battle per line")
    first, second, points, strengths, prompts, gaps = zip(*battles, strict=True)
    named = all(prompts)
    labels = [prompt or f"line {number}" for prompt, number in zip(prompts, numbers, strict=True)]
    return BattleFile(
        format="AlpacaEval" if read is _alpaca_eval else "arena",
        first=np.array(first),
        second=np.array(second),
        points=np.array(points, dtype=np.float64),
        strengths=np.array(strengths, dtype=np.float64),
        prompts=np.array(labels),
        gaps=np.array(gaps, dtype=np.float64),
        prompts_named=named,
    )


class BattleRowsError(BadRowsError):
    """Rows that are no battles: the first of them by line, and how many there are."""

    def summary_lines(self) -> list[str]:
        lines = super().summary_lines()
        lines[0] = lines[0].replace("so nothing was imported", "so nothing was computed")
        return lines


def _lines_of(file: BinaryIO) -> Lines:
    """How to read the file, by its first bytes."""
    with unpacked(file) as plain:
        start = plain.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(PARQUET):
        raise FileError(
            "Parquet is not read here: write the table as JSON lines first, for example with pandas: "
            "read_parquet(FILE).to_json(OUT, orient='records', lines=True)"
        )
    if start.startswith(b"["):
        return _list_lines
    return json_lines if looks_like_json(file) else csv_lines


def _list_lines(file: BinaryIO) -> Iterator[Line]:
    """Of a JSON list, as AlpacaEval writes its annotations; the number is the row's, from 1."""
    text = file.read(LONGEST_LIST + 1)
    if len(text) > LONGEST_LIST:
        raise FileError(f"a JSON list of more than {LONGEST_LIST // 2**20} MB: write one row per line instead")
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"not a valid JSON list ({error})") from error
    for number, row in enumerate(rows, 1):
        yield Line(number, row if isinstance(row, dict) else RowError(f"expected a JSON object, got {shown(row)}"))


def _reader_of(row: Row) -> Callable[[Row], _Battle]:
    """By the fields of the first row."""
    if "generator_1" in row or "generator_2" in row:
        return _alpaca_eval
    if "model_a" in row or "model_b" in row:
        return _arena
    raise RowError(
        "no battle of a known format: expected the fields generator_1, generator_2, preference (AlpacaEval) or "
        f"model_a, model_b, winner (an arena), got {', '.join(list(row)[:8]) or 'none'}"
    )


def _alpaca_eval(row: Row) -> _Battle:
    baseline, model = _two_models(row, "generator_1", "generator_2")
    said = _number(row, "preference")
    if not (np.isnan(said) or said == 0 or 1 <= said <= 2):
        raise RowError(f"preference must be from 1 to 2, 0 for a draw, or null, got {shown(row['preference'])}")
    points = 0.5 if said == 0 else said - 1
    return _Battle(
        model, baseline, points, float(np.sign(points - 0.5)), _prompt(row), _gap(row, "output_2", "output_1")
    )


def _arena(row: Row) -> _Battle:
    first, second = _two_models(row, "model_a", "model_b")
    winner = text_of(row, "winner")
    if winner not in OUTCOMES:
        raise RowError(f"winner must be one of {', '.join(OUTCOMES)}, got {shown(winner)}")
    strength = OUTCOMES[winner]
    return _Battle(
        first, second, (float(np.sign(strength)) + 1) / 2, strength, _prompt(row), _gap(row, "response_a", "response_b")
    )


def _two_models(row: Row, first: str, second: str) -> tuple[str, str]:
    models = text_of(row, first, most=LONGEST_NAME), text_of(row, second, most=LONGEST_NAME)
    if models[0] == models[1]:
        raise RowError(f"{first} and {second} are both {shown(models[0])}: a model can't be compared with itself")
    return models


def _number(row: Row, name: str) -> float:
    """NaN where it is null or, in CSV, empty."""
    value = row.get(name)
    if value is None:
        return float("nan")
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else float("inf")
    except (ValueError, OverflowError):
        number = float("inf")
    if not np.isfinite(number):
        raise RowError(f"{name} must be a number or null, got {shown(value)}")
    return number


def _prompt(row: Row) -> str:
    return next((str(row[name]) for name in PROMPT_FIELDS if row.get(name) not in (None, "")), "")


def _gap(row: Row, first: str, second: str) -> float:
    """Characters of the first answer less those of the second; NaN unless both are texts."""
    answers = row.get(first), row.get(second)
    if isinstance(answers[0], str) and isinstance(answers[1], str):
        return float(len(answers[0]) - len(answers[1]))
    return float("nan")
