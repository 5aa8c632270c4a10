"""Demonstrations: dialogues to imitate, read from a run's data/*.jsonl, checked line by line, brought into token ids.

A line is ``{"messages": [{"role", "content"}, ...], "trained_turns": "all" | "last", "id": text, "source": text}``;
only messages is required, and they end with the assistant's answer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from modeling.chat import ChatError, MaskedTokens, Message, alternating, encode_turns, truncate_prompt
from modeling.json_lines import DataError, read_lines
from modeling.packing import Example

TRAINED_TURNS = ("all", "last")
"""Which of the assistant's turns are learned: every one, or the last alone (Ghost Attention, section 3.3)."""


@dataclass(frozen=True)
class Demonstration:
    """A dialogue whose answers are to be imitated."""

    id: str
    messages: list[Message]
    trained_turns: str = "all"
    source: str | None = None


@dataclass(frozen=True)
class Examples:
    """Demonstrations as tokens."""

    examples: list[Example]
    """At least one per demonstration, in their order."""
    cut: int
    """Demonstrations that were longer than the longest sequence and lost tokens."""

    @property
    def tokens(self) -> int:
        return sum(map(len, self.examples))

    @property
    def trained_tokens(self) -> int:
        return sum(int(example.trained.sum()) for example in self.examples)


def read_demonstrations(path: Path, *, may_be_empty: bool = False) -> list[Demonstration]:
    """Every dialogue of a JSONL file. The first line that can't be used raises DataError; so does a file without
    dialogues, or one that isn't there, unless it may be empty."""
    if may_be_empty and not path.exists():
        return []
    return read_lines(path, _demonstration, what="dialogues", fields="messages", may_be_empty=may_be_empty)


def check_separate(train: Sequence[Demonstration], test: Sequence[Demonstration]) -> None:
    """Raises DataError where the prompt of a test dialogue is also trained on: its loss would say nothing."""
    trained = {json.dumps(each.messages[:-1]): each.id for each in train}
    for each in test:
        if (other := trained.get(json.dumps(each.messages[:-1]))) is not None:
            raise DataError(
                f"the prompt of test dialogue {each.id} is also that of training dialogue {other}; split by prompt"
            )


def encode(tokenizer: PreTrainedTokenizerBase, demonstrations: Sequence[Demonstration], max_length: int) -> Examples:
    """The demonstrations as examples of at most ``max_length`` tokens. Raises ChatError."""
    examples, cut = [], 0
    for each in demonstrations:
        parts, was_cut = _fitted(tokenizer, each, max_length)
        examples += [_example(part) for part in parts]
        cut += was_cut
    return Examples(examples, cut)


def _fitted(
    tokenizer: PreTrainedTokenizerBase, each: Demonstration, max_length: int
) -> tuple[list[MaskedTokens], bool]:
    """The dialogue's tokens, and whether some were lost: while it is too long, its oldest exchange goes (a system
    message stays); a last exchange that is too long alone is cut within."""
    messages = alternating(each.messages)
    first = 1 if messages[0]["role"] == "system" else 0
    was_cut = False
    while True:
        parts = encode_turns(tokenizer, messages, only_last=each.trained_turns == "last")
        if max(len(part.ids) for part in parts) <= max_length:
            return parts, was_cut
        was_cut = True
        if len(messages) - first <= 2:
            return [_cut(part, max_length, tokenizer.bos_token_id) for part in parts], was_cut
        del messages[first : first + 2]


def _cut(part: MaskedTokens, max_length: int, bos_token_id: int | None) -> MaskedTokens:
    """One exchange in ``max_length`` tokens: its prompt loses its oldest tokens, but only as far as half of them all;
    from there on the answer loses its end, and with it the end of the turn, so that nobody learns to stop there."""
    start = part.trained.index(True)
    prompt, answer = part.ids[:start], part.ids[start:]
    prompt = truncate_prompt(prompt, max(max_length - len(answer), max_length // 2), bos_token_id)
    answer = answer[: max_length - len(prompt)]
    return MaskedTokens([*prompt, *answer], [False] * len(prompt) + [True] * len(answer))


def _example(part: MaskedTokens) -> Example:
    trained = torch.tensor(part.trained, dtype=torch.bool)
    trained[0] = False
    return Example(torch.tensor(part.ids, dtype=torch.int32), trained)


def _demonstration(row: dict[str, Any], where: str) -> Demonstration:
    if "messages" not in row:
        raise DataError(f"{where}: expected an object with messages, got {json.dumps(row):.80}")
    trained_turns = row.get("trained_turns", "all")
    if trained_turns not in TRAINED_TURNS:
        raise DataError(f"{where}: trained_turns must be one of {', '.join(TRAINED_TURNS)}, got {trained_turns!r}")
    source = row.get("source")
    return Demonstration(
        id=str(row.get("id", where)),
        messages=_dialogue(row["messages"], where),
        trained_turns=trained_turns,
        source=None if source is None else str(source),
    )


def _dialogue(messages: Any, where: str) -> list[Message]:
    try:
        dialogue = alternating(messages)
    except ChatError as error:
        raise DataError(f"{where}: {error}") from error
    if dialogue[-1]["role"] != "assistant":
        raise DataError(f"{where}: messages must end with the assistant's answer, got the {dialogue[-1]['role']}'s")
    return dialogue
