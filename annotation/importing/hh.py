r"""Anthropic's HH: the original {"chosen": "\n\nHuman: ...\n\nAssistant: ...", "rejected": ...}, or split into fields
{"id", "messages": [...], "chosen", "rejected"} with, on irregular rows, "flags", "chosen_tail" and "rejected_tail".

A few of the dialogues are irregular. Each kind has its rule, found by looking at the row itself:

- An answer is empty: left out, for there is nothing to learn from it.
- The dialogues part before their last message: left out, for the two answers reply to different contexts, and a pair
  is two answers to one prompt.
- Two neighbouring messages of one role in the context: merged into one, joined by an empty line, and imported.
- The dialogue doesn't open with Human or doesn't end with Assistant: left out, there is no prompt or no answer.
- Both answers are the same: left out, for nothing was preferred.

HH states which answer was chosen and not by how much, so that there is no rating.
"""

import re

from annotation.importing.rows import (
    MERGED,
    Answer,
    LeftOut,
    Pair,
    Row,
    RowError,
    Verdict,
    merge_neighbours,
    messages_of,
    preferred,
    shown,
    text_of,
)
from annotation.models import Preference
from annotation.models.prompts import Messages

RULES = "The file says which answer was chosen and not by how much: there are no ratings."

PARTED_EARLIER = "the two dialogues part before their last message"
NO_OPENING = "the dialogue does not open with the human"
NO_ANSWER = "the dialogue does not end with the assistant answering the human"

TAILS_FLAG = "tails_differ_in_length"
"""Says that the dialogues part earlier also where the row no longer has its tails."""

TURN = re.compile(r"\n\n(Human|Assistant):")
ROLES = {"Human": "user", "Assistant": "assistant"}


def read(row: Row) -> Pair | LeftOut:
    """The pair of a row, the chosen answer as A. Raises RowError."""
    context, chosen, rejected = split_fields(row) if "messages" in row else split_dialogues(row)
    if len(chosen) != 1 or len(rejected) != 1 or TAILS_FLAG in flags_of(row):
        return LeftOut(PARTED_EARLIER)
    messages = merge_neighbours(context)
    roles = [message["role"] for message in messages]
    if "system" in roles:
        raise RowError("messages: role must be user or assistant, got system")
    if not roles or roles[0] != "user":
        return LeftOut(NO_OPENING)
    if roles[-1] != "user" or chosen[0]["role"] != "assistant" or rejected[0]["role"] != "assistant":
        return LeftOut(NO_ANSWER)
    pair = Pair(
        messages=messages,
        a=Answer(chosen[0]["content"]),
        b=Answer(rejected[0]["content"]),
        verdicts=(Verdict(choice=Preference.Choice.A),),
        external_id=text_of(row, "id", most=200, default=""),
        notes=(MERGED,) if len(messages) < len(context) else (),
    )
    return preferred(pair)


def split_fields(row: Row) -> tuple[Messages, Messages, Messages]:
    """Common beginning and the two ends of a row whose fields are already apart.

    A tail holds all that follows the common beginning; without one, the answer alone follows it.
    """
    ends = []
    for name in ("chosen", "rejected"):
        answer = {"role": "assistant", "content": text_of(row, name)}
        tail = row.get(f"{name}_tail")
        ends.append([answer] if tail is None else messages_of(tail, f"{name}_tail"))
    return messages_of(row["messages"], "messages"), ends[0], ends[1]


def flags_of(row: Row) -> list[str]:
    flags = row.get("flags") or []
    if not isinstance(flags, list):
        raise RowError(f"flags must be a list, got {shown(flags)}")
    return flags


def split_dialogues(row: Row) -> tuple[Messages, Messages, Messages]:
    """Common beginning and the two ends of a row in the original form; the last messages are never common."""
    chosen, rejected = (turns_of(text_of(row, name), name) for name in ("chosen", "rejected"))
    common = 0
    while common < min(len(chosen), len(rejected)) - 1 and chosen[common] == rejected[common]:
        common += 1
    return chosen[:common], chosen[common:], rejected[common:]


def turns_of(dialogue: str, name: str) -> Messages:
    before, *parts = TURN.split("\n\n" + dialogue.lstrip("\n"))
    if before.strip() or not parts:
        raise RowError(f"{name} must begin with 'Human:' or 'Assistant:', got {shown(dialogue)}")
    return [
        {"role": ROLES[role], "content": content.strip()} for role, content in zip(parts[::2], parts[1::2], strict=True)
    ]
