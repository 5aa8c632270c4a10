"""TRL's preference format: {"prompt": ..., "chosen": ..., "rejected": ..., "margin": 1.0}.

Each of the three is text or a list of messages. Without `prompt` it is implicit: chosen and rejected are whole
dialogues, the same up to their last message, which is the answer. A chosen answer that repeats the prompt's
messages, as some published files do, is read as if it did not.

`margin` is kept as it stands and gives the rating by the cut points below, which lie half-way between the paper's large
margins 3, 2, 1, 0 (section 3.2.2); without margin and rating no strength is invented. What `export_preferences` writes
beside it comes back too: rating (it wins over the margin), chosen_safe, rejected_safe, batch, id.
"""

from typing import Any

from annotation.importing.rows import (
    MERGED,
    Answer,
    CutPoints,
    LeftOut,
    Pair,
    Row,
    RowError,
    Verdict,
    check_context,
    checked_text,
    label_of,
    merge_neighbours,
    messages_of,
    number_of,
    preferred,
    shown,
    text_of,
)
from annotation.models import Preference
from annotation.models.comparisons import RATINGS
from annotation.models.prompts import Messages

CUT_POINTS = CutPoints(significantly=2.5, better=1.5, slightly=0.5)
RULES = f"The rating is the row's own, or comes from its margin: {CUT_POINTS}; without both there is no rating."


def read(row: Row) -> Pair | LeftOut:
    """The pair of a row, the chosen answer as A. Raises RowError."""
    context, chosen, rejected = dialogue_of(row)
    messages = merge_neighbours(context)
    check_context(messages, "prompt")
    margin, rating = margin_in(row), rating_in(row)
    rated_by_margin = rating is None and margin is not None
    verdict = Verdict(
        choice=Preference.Choice.A,
        rating=CUT_POINTS.rating(margin) if rating is None and margin is not None else rating,
        margin=margin,
        rated_by_margin=rated_by_margin,
        a_safe=label_of(row, "chosen_safe"),
        b_safe=label_of(row, "rejected_safe"),
    )
    pair = Pair(
        messages=messages,
        a=Answer(chosen),
        b=Answer(rejected),
        verdicts=(verdict,),
        external_id=name_in(row, "id", most=200),
        batch=name_in(row, "batch", most=80),
        notes=(MERGED,) if len(messages) < len(context) else (),
    )
    return preferred(pair)


def dialogue_of(row: Row) -> tuple[Messages, str, str]:
    """Prompt, chosen answer and rejected answer, whichever way the row spells them."""
    for name in ("chosen", "rejected"):
        if name not in row:
            raise RowError(f"field {name} is missing")
    if row.get("prompt") is None:
        return implicit_prompt(row)
    prompt = prompt_of(row["prompt"])
    return prompt, answer_of(row["chosen"], "chosen", prompt), answer_of(row["rejected"], "rejected", prompt)


def prompt_of(value: Any) -> Messages:
    if isinstance(value, str):
        return [{"role": "user", "content": checked_text(value, "prompt")}]
    return messages_of(value, "prompt")


def answer_of(value: Any, name: str, prompt: Messages) -> str:
    """The text of an answer: text, or one assistant's message, after the prompt's messages or without them."""
    if isinstance(value, str):
        return checked_text(value, name)
    messages = messages_of(value, name)
    if messages[: len(prompt)] == prompt:
        messages = messages[len(prompt) :]
    if [message["role"] for message in messages] != ["assistant"]:
        roles = ", ".join(message["role"] for message in messages) or "none"
        raise RowError(f"{name} must be one assistant's message after the prompt, got {roles}")
    return messages[0]["content"]


def implicit_prompt(row: Row) -> tuple[Messages, str, str]:
    if isinstance(row["chosen"], str) or isinstance(row["rejected"], str):
        raise RowError("field prompt is missing; dialogues as text, 'Human: ... Assistant: ...', are --format hh")
    chosen, rejected = messages_of(row["chosen"], "chosen"), messages_of(row["rejected"], "rejected")
    prompt, ends = chosen[:-1], (chosen[-1]["role"], rejected[-1]["role"])
    if rejected[:-1] != prompt:
        raise RowError("without a prompt, chosen and rejected must be the same dialogue up to their last message")
    if ends != ("assistant", "assistant"):
        raise RowError(f"chosen and rejected must end with an assistant's message, got {ends[0]} and {ends[1]}")
    return prompt, chosen[-1]["content"], rejected[-1]["content"]


def margin_in(row: Row) -> float | None:
    """How much better the chosen answer is; below 0 it would be the worse one."""
    margin = number_of(row, "margin")
    if margin is not None and margin < 0:
        raise RowError(f"margin must be 0 or more, got {shown(row['margin'])}")
    return margin


def rating_in(row: Row) -> str | None:
    rating = row.get("rating")
    if rating is not None and rating not in RATINGS:
        raise RowError(f"rating must be one of {', '.join(RATINGS)} or null, got {shown(rating)}")
    return rating


def name_in(row: Row, name: str, *, most: int) -> str:
    """A name that may also be a whole number, as ids often are."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return text_of({name: value}, name, most=most, default="")
