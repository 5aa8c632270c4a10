"""Prompts that wait for an answer: read from a run's data/*.jsonl, checked line by line.

A line is ``{"messages": [messages, the last one the user's], "id": text, "tag": "helpfulness" | "safety" | null,
"category": text | null}``. Only messages is required; without an id, a prompt is named by its file and line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.chat import ChatError, Message, alternating
from modeling.json_lines import DataError, read_lines

TAGS = ("helpfulness", "safety")
"""What a prompt was written for: the two streams of annotation (paper, section 3.2.1)."""


@dataclass(frozen=True)
class Prompt:
    """A dialogue that ends with the user's message."""

    id: str
    messages: list[Message]
    tag: str | None = None
    """The stream that it comes from; the answers to a safety prompt are always scored by the safety reward model."""
    category: str | None = None
    """The risk category of an adversarial prompt (paper, section 4.2.1)."""

    @property
    def is_safety(self) -> bool:
        """Whether the prompt is tagged safety (paper, section 3.2.3, R_c)."""
        return self.tag == "safety"


def read_prompts(path: Path, may_be_empty: bool = False) -> list[Prompt]:
    """Every prompt of a JSONL file. The first line that can't be used raises DataError, and so does an id that occurs
    twice; so does a file without prompts, unless it may be empty."""
    ids: set[str] = set()

    def parse(row: dict[str, Any], where: str) -> Prompt:
        prompt = _prompt(row, where)
        if prompt.id in ids:
            raise DataError(f"{where}: the id {prompt.id!r} is also that of an earlier prompt")
        ids.add(prompt.id)
        return prompt

    return read_lines(path, parse, what="prompts", fields="messages", may_be_empty=may_be_empty)


def check_separate(trained: Iterable[Prompt], held_out: Iterable[Prompt]) -> None:
    """Raises DataError where a held-out prompt is also trained on: its reward would say nothing."""
    ids = {repr(prompt.messages): prompt.id for prompt in trained}
    for prompt in held_out:
        if (other := ids.get(repr(prompt.messages))) is not None:
            raise DataError(f"the held-out prompt {prompt.id!r} is also trained on, as {other!r}; leave it out of one")


def _prompt(row: dict[str, Any], where: str) -> Prompt:
    tag = row.get("tag")
    if tag is not None and tag not in TAGS:
        raise DataError(f"{where}: tag must be {' or '.join(TAGS)} or null, got {tag!r}")
    category = row.get("category")
    if category is not None and not isinstance(category, str):
        raise DataError(f"{where}: category must be text or null, got {category!r}")
    id_ = where if row.get("id") is None else str(row["id"])
    return Prompt(id=id_, messages=prompt_messages(row, where), tag=tag, category=category)


def prompt_messages(row: dict[str, Any], where: str) -> list[Message]:
    """A row's messages as the chat templates expect them, or DataError where they don't wait for an answer."""
    if "messages" not in row:
        raise DataError(f"{where}: field messages is missing")
    try:
        messages = alternating(row["messages"])
    except ChatError as error:
        raise DataError(f"{where}: messages: {error}") from error
    if messages[-1]["role"] != "user":
        raise DataError(f"{where}: messages must end with the user's, got the {messages[-1]['role']}'s")
    return messages
