"""Data files, whoever reads them: dialogues, pairs, prompts, ratings, candidates."""

from pathlib import Path
from typing import Any

import pytest

from modeling.calibration import read_ratings
from modeling.ghost_data import read_user_turns
from modeling.json_lines import DataError, read_lines
from modeling.prompt_data import read_prompts
from modeling.sft_data import read_demonstrations


def text_of(row: dict[str, Any], where: str) -> str:
    if "text" not in row:
        raise DataError(f"{where}: field text is missing")
    return str(row["text"])


def read(path: Path) -> list[str]:
    return read_lines(path, text_of, what="texts", fields="text")


def test_a_line_ends_at_a_line_feed_and_at_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes('{"text": "a\u2028b\u0085c"}\r\n\n{"text": "d"}'.encode())
    assert read(path) == ["a\u2028b\u0085c", "d"]


def test_every_reader_takes_text_with_a_line_separator_as_it_is(tmp_path: Path) -> None:
    asked, answered = '{"role": "user", "content": "a\u2028b"}', '{"role": "assistant", "content": "c\u2028d"}'
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"messages": [{asked}], "answer": "c\u2028d", "rating": 3}}\n', encoding="utf-8")
    assert read_prompts(path)[0].messages[0]["content"] == "a\u2028b"
    assert read_user_turns(path)[0].questions == ["a\u2028b"]
    assert read_ratings(path)[0].answer == "c\u2028d"
    path.write_text(f'{{"messages": [{asked}, {answered}]}}\n', encoding="utf-8")
    assert read_demonstrations(path)[0].messages[1]["content"] == "c\u2028d"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"text": "a"}\n{', r"texts\.jsonl, line 2: not valid JSON"),
        (b"[" * 100_000, "line 1: not valid JSON"),
        (b'{"text": "a"}\n\n[]', "line 3: expected an object with text, got list"),
        (b"{}", "line 1: field text is missing"),
        (b'{"text": "\xe9"}', r"texts\.jsonl is not UTF-8 text"),
        (b"\n", r"texts\.jsonl holds no texts; expected at least one line of JSON"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*texts\.jsonl: No such file"):
        read(tmp_path / "texts.jsonl")


def test_a_file_without_items_may_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").touch()
    assert read_lines(tmp_path / "texts.jsonl", text_of, what="texts", fields="text", may_be_empty=True) == []
