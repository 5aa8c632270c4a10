"""Preference pairs: read from a run's data/*.jsonl, checked line by line, brought into token ids.

A line is TRL's conversational preference format with what this project knows beside it:
``{"prompt": [messages], "chosen": [messages], "rejected": [messages], "margin": number | null, "rating":
"significantly" | "better" | "slightly" | "negligibly" | null, "chosen_safe": bool | null, "rejected_safe": bool | null,
"batch": text | null, "source": "helpfulness" | "safety" | "open" | null, "id": text}``. Only prompt, chosen and
rejected are required.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from modeling.chat import ChatError, Message, alternating, encode_dialogue, validated
from modeling.json_lines import DataError, read_lines
from modeling.losses import MARGINS, RATINGS
from modeling.shared_prefix import Row, shared_row

SOURCES = ("helpfulness", "safety", "open")


@dataclass(frozen=True)
class PreferencePair:
    """Two answers to one prompt, of which the first was preferred."""

    id: str
    prompt: list[Message]
    chosen: list[Message]
    """What follows the prompt; ends with the assistant's answer."""
    rejected: list[Message]
    margin: float | None
    """A margin of the pair's own, used where there is no rating."""
    rating: str | None
    chosen_safe: bool | None
    rejected_safe: bool | None
    batch: str | None
    source: str | None = None
    """What the pair was collected for: helpfulness or safety; open for public helpfulness data (modeling.mixing)."""

    def margin_by(self, scale: str) -> float:
        """m of the ranking loss: the rating's on the scale, or the pair's own, or 0; always 0 on the scale "none"."""
        if scale == "none":
            return 0.0
        if self.rating is not None:
            return MARGINS[scale][self.rating]
        return self.margin or 0.0


def read_pairs(path: Path, *, may_be_empty: bool = False) -> list[PreferencePair]:
    """Every pair of a JSONL file. The first line that can't be used raises DataError; so does a file without pairs,
    unless it may be empty."""
    return read_lines(
        path, _pair, what="preference pairs", fields="prompt, chosen and rejected", may_be_empty=may_be_empty
    )


def check_separate(train: Sequence[PreferencePair], test: Sequence[PreferencePair]) -> None:
    """Raises DataError where a prompt of the test data is also trained on: its accuracy would say nothing."""
    trained = {json.dumps(pair.prompt): pair.id for pair in train}
    for pair in test:
        if (other := trained.get(json.dumps(pair.prompt))) is not None:
            raise DataError(f"the prompt of test pair {pair.id} is also that of training pair {other}; split by prompt")


def encode_pair(tokenizer: PreTrainedTokenizerBase, pair: PreferencePair, max_length: int) -> Row:
    """The pair's two dialogues as one row of token ids, chosen first, their common beginning shared."""
    dialogues = [encode_dialogue(tokenizer, [*pair.prompt, *answer]) for answer in (pair.chosen, pair.rejected)]
    sequences = [[*dialogue.prompt, *dialogue.answer] for dialogue in dialogues]
    return shared_row(sequences, max_length, tokenizer.bos_token_id)


def _pair(row: dict[str, Any], where: str) -> PreferencePair:
    prompt, chosen, rejected = (_messages(row, field, where) for field in ("prompt", "chosen", "rejected"))
    for field, answer in (("chosen", chosen), ("rejected", rejected)):
        _check_dialogue([*prompt, *answer], f"{where}: prompt and {field}")
    rating = row.get("rating")
    if rating is not None and rating not in RATINGS:
        raise DataError(f"{where}: rating must be one of {', '.join(RATINGS)} or null, got {rating!r}")
    source = row.get("source")
    if source is not None and source not in SOURCES:
        raise DataError(f"{where}: source must be one of {', '.join(SOURCES)} or null, got {source!r}")
    return PreferencePair(
        id=str(row.get("id", where)),
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        margin=_margin(row.get("margin"), where),
        rating=rating,
        chosen_safe=_label(row, "chosen_safe", where),
        rejected_safe=_label(row, "rejected_safe", where),
        batch=None if row.get("batch") is None else str(row["batch"]),
        source=source,
    )


def _messages(row: dict[str, Any], field: str, where: str) -> list[Message]:
    if field not in row:
        raise DataError(f"{where}: field {field} is missing")
    try:
        return validated(row[field])
    except ChatError as error:
        raise DataError(f"{where}: {field}: {error}") from error


def _check_dialogue(messages: list[Message], where: str) -> None:
    try:
        last = alternating(messages)[-1]["role"]
    except ChatError as error:
        raise DataError(f"{where}: {error}") from error
    if last != "assistant":
        raise DataError(f"{where} must end with the assistant's answer, got the {last}'s message")


def _margin(margin: Any, where: str) -> float | None:
    if margin is None:
        return None
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if not is_number or not abs(margin) <= sys.float_info.max:  # JSON's integers may be larger than any float
        raise DataError(f"{where}: margin must be a number or null, got {margin!r}")
    return float(margin)


def _label(row: dict[str, Any], field: str, where: str) -> bool | None:
    label = row.get(field)
    if label is not None and not isinstance(label, bool):
        raise DataError(f"{where}: {field} must be true, false or null, got {label!r}")
    return label
