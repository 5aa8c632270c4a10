"""What a file of prompts may hold, and how each line that can't be used is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeling.chat import Message
from modeling.json_lines import DataError
from modeling.prompt_data import Prompt, read_prompts

ASKED = [Message(role="user", content="how do I plant a tree")]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def lines(*rows: Any) -> Path:
        path = tmp_path / "prompts.jsonl"
        path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
        return path

    return lines


def test_messages_alone_are_enough(write: Callable[..., Path]) -> None:
    first, second = read_prompts(write({"messages": ASKED}, {"messages": ASKED, "id": None}))
    assert first == Prompt("prompts.jsonl, line 1", ASKED, None, None)
    assert second.id == "prompts.jsonl, line 2"


def test_a_prompt_keeps_its_id_its_tag_and_its_category(write: Callable[..., Path]) -> None:
    row = {"messages": ASKED, "id": 7, "tag": "safety", "category": "unqualified advice"}
    [prompt] = read_prompts(write(row))
    assert prompt == Prompt("7", ASKED, "safety", "unqualified advice")
    assert prompt.is_safety


def test_neighbouring_messages_of_one_role_become_one(write: Callable[..., Path]) -> None:
    [prompt] = read_prompts(write({"messages": [*ASKED, {"role": "user", "content": "and where"}]}))
    assert prompt.messages == [{"role": "user", "content": "how do I plant a tree\n\nand where"}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": None}, "line 2: messages: messages must be a list of {role, content}, got NoneType"),
        ({"messages": []}, "line 2: messages: a dialogue must open with a user's message, got none"),
        ({"messages": [{"role": "human", "content": "a"}]}, "line 2: messages: message 1: role must be one of"),
        (
            {"messages": [*ASKED, {"role": "assistant", "content": "dig"}]},
            "line 2: messages must end with the user's, got the assistant's",
        ),
        ({"tag": "funny"}, "line 2: tag must be helpfulness or safety or null, got 'funny'"),
        ({"category": 3}, "line 2: category must be text or null, got 3"),
        ({"id": "first"}, "line 2: the id 'first' is also that of an earlier prompt"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(
    write: Callable[..., Path], change: dict[str, Any], message: str
) -> None:
    path = write({"id": "first", "messages": ASKED}, {"id": "second", "messages": ASKED} | change)
    with pytest.raises(DataError, match=message):
        read_prompts(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "prompts.jsonl, line 1: not valid JSON"),
        ("[]", "prompts.jsonl, line 1: expected an object with messages, got list"),
        ("{}", "prompts.jsonl, line 1: field messages is missing"),
    ],
)
def test_a_line_that_is_no_prompt_is_named(write: Callable[..., Path], line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_prompts(write(line))


def test_a_file_without_prompts_is_refused_unless_it_may_be_empty(write: Callable[..., Path]) -> None:
    path = write("")
    with pytest.raises(DataError, match=r"prompts.jsonl holds no prompts; expected at least one line of JSON"):
        read_prompts(path)
    assert read_prompts(path, may_be_empty=True) == []


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*nowhere.jsonl: No such file"):
        read_prompts(tmp_path / "nowhere.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9\n")
    with pytest.raises(DataError, match=r"latin.jsonl is not UTF-8 text"):
        read_prompts(tmp_path / "latin.jsonl")
