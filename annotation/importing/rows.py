"""What a row of a file says, whatever its format: a pair of answers and the verdicts on it.

A format's `read` takes one JSON object and returns a `Pair`, or a `LeftOut` where it is kept out on purpose; it raises
`RowError` where the row is broken.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from annotation.models import Preference
from annotation.models.comparisons import RATINGS
from annotation.models.prompts import Messages

Row = dict[str, Any]
ROLES = ("system", "user", "assistant")

MERGED = "neighbouring messages of one role merged into one"
EMPTY_ANSWER = "an answer is empty"
IDENTICAL_ANSWERS = "both answers are the same"


class RowError(ValueError):
    """A row that can't be read; says which field, what was expected and what was found."""


@dataclass(frozen=True)
class LeftOut:
    """A row that is sound and yet kept out on purpose."""

    reason: str


@dataclass(frozen=True)
class Answer:
    """One of the two responses, with the name of the model that wrote it where the file tells."""

    text: str
    model: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What one judge said about the pair."""

    choice: str
    """Preference.Choice: a, b or tie."""
    rating: str | None = None
    """By how much: one of RATINGS; None where the file gives no strength."""
    margin: float | None = None
    """The file's own measure of strength, as it stood there."""
    rated_by_margin: bool = False
    """Whether the rating is read off the margin, on a scale that the file does not state."""
    a_safe: bool | None = None
    b_safe: bool | None = None
    annotator: str | None = None
    """Username of the person who judged; None where nobody knows, or where it was a model."""

    def flipped(self) -> "Verdict":
        """The same verdict on the same answers, with their sides exchanged."""
        other = {Preference.Choice.A: Preference.Choice.B, Preference.Choice.B: Preference.Choice.A}
        choice = other.get(Preference.Choice(self.choice), self.choice)
        return replace(self, choice=choice, a_safe=self.b_safe, b_safe=self.a_safe)

    def points(self, scale: int) -> int | None:
        """Points of a scale, 1 = A significantly better; None without a rating or a side.

        A project's own scale may know fewer strengths than there are ratings: what is weaker than its weakest counts
        as that one.
        """
        if self.rating is None or self.choice == Preference.Choice.TIE:
            return None
        from_the_end = min(RATINGS.index(self.rating), scale // 2 - 1)
        return 1 + from_the_end if self.choice == Preference.Choice.A else scale - from_the_end


@dataclass(frozen=True)
class Pair:
    """A prompt, two answers in the order A, B, and what was said about them."""

    messages: Messages
    a: Answer
    b: Answer
    verdicts: tuple[Verdict, ...]
    external_id: str = ""
    prompt_id: str = ""
    category: str = ""
    batch: str = ""
    notes: tuple[str, ...] = ()
    """What was mended on the way in; the summary counts them."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the row says, whatever format said it and whichever side was A.

        The digest is the pair's identity: a row that says the same is never imported twice.
        """
        pair = self.preferred_first()
        said = [[v.choice, v.rating, v.margin, v.a_safe, v.b_safe, v.annotator] for v in pair.verdicts]
        messages = [[message["role"], message["content"]] for message in pair.messages]
        answers = [pair.a.text, pair.b.text]
        return hashlib.sha256(json.dumps([messages, answers, said, pair.external_id]).encode()).hexdigest()

    def flipped(self) -> "Pair":
        return replace(self, a=self.b, b=self.a, verdicts=tuple(verdict.flipped() for verdict in self.verdicts))

    def preferred_first(self) -> "Pair":
        """The pair with the answer as A that the first judge preferred; after a tie, the first by alphabet."""
        choice = self.verdicts[0].choice
        b_first = self.b.text < self.a.text if choice == Preference.Choice.TIE else choice == Preference.Choice.B
        return self.flipped() if b_first else self

    def with_sides_drawn(self) -> "Pair":
        """The pair with its sides drawn by its digest: as good as a coin, and the same in every import.

        Files put the preferred answer, or one model's answers, always on one side. Kept so, the side would tell an
        annotator, a plot of side bias or a model what it must not know.
        """
        first_is_a = int(self.digest[0], 16) % 2 == 0
        pair = self.preferred_first()
        return pair if first_is_a else pair.flipped()


@dataclass(frozen=True)
class CutPoints:
    """From which value of a file's measure of strength on a preference has a rating."""

    significantly: float
    better: float
    slightly: float

    def rating(self, strength: float) -> str:
        """One of RATINGS; below the least cut point the preference is negligible."""
        leasts = (self.significantly, self.better, self.slightly)
        return next((rating for rating, least in zip(RATINGS, leasts, strict=False) if strength >= least), RATINGS[-1])

    def __str__(self) -> str:
        return (
            f"{self.significantly:g} or more is significantly better, {self.better:g} or more better, "
            f"{self.slightly:g} or more slightly better, less negligibly better"
        )


def preferred(pair: Pair) -> Pair | LeftOut:
    """The pair as training data, or why it can be none: an empty answer, or nothing to choose between."""
    if not pair.a.text.strip() or not pair.b.text.strip():
        return LeftOut(EMPTY_ANSWER)
    if pair.a.text == pair.b.text:
        return LeftOut(IDENTICAL_ANSWERS)
    return pair


# Fields ---------------------------------------------------------------------------------------------------------------


def text_of(row: Row, name: str, *, most: int | None = None, default: str | None = None) -> str:
    """A text field of at most `most` characters; without a default it must be there."""
    value = row.get(name)
    if value is None and default is not None:
        return default
    if name not in row:
        raise RowError(f"field {name} is missing")
    value = checked_text(value, name)
    if most is not None and len(value) > most:
        raise RowError(f"{name} must have at most {most} characters, got {len(value)}")
    return value


def checked_text(value: Any, name: str) -> str:
    """The value where it is text that every database can hold; RowError otherwise."""
    if not isinstance(value, str):
        raise RowError(f"{name} must be text, got {shown(value)}")
    if "\0" in value:
        raise RowError(f"{name} holds a NUL character at position {value.index(chr(0)) + 1}, which is not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RowError(f"{name} holds half a surrogate pair at position {error.start + 1}, which is not text") from None
    return value


def number_of(row: Row, name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number of JSON's may be larger than any float
            number = float(value)
            if math.isfinite(number):
                return number
    raise RowError(f"{name} must be a number or null, got {shown(value)}")


def label_of(row: Row, name: str) -> bool | None:
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise RowError(f"{name} must be true, false or null, got {shown(value)}")
    return value


def messages_of(value: Any, name: str) -> Messages:
    """A list of messages with a known role and a text each."""
    if not isinstance(value, list) or not value:
        raise RowError(f"{name} must be a list of messages {{role, content}}, got {shown(value)}")
    messages = []
    for position, message in enumerate(value, start=1):
        where = f"{name}, message {position}"
        if not isinstance(message, dict):
            raise RowError(f"{where} must be an object with role and content, got {shown(message)}")
        if message.get("role") not in ROLES:
            raise RowError(f"{where}: role must be one of {', '.join(ROLES)}, got {shown(message.get('role'))}")
        content = checked_text(message.get("content"), f"{where}: content")
        messages.append({"role": message["role"], "content": content})
    return messages


def merge_neighbours(messages: Sequence[dict[str, str]]) -> Messages:
    """The dialogue with neighbours of one role made one message, joined by an empty line."""
    merged: Messages = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"]:
            parts = (merged[-1]["content"], message["content"])
            merged[-1] = {"role": message["role"], "content": "\n\n".join(part for part in parts if part)}
        else:
            merged.append(dict(message))
    return merged


def check_context(messages: Messages, name: str) -> Messages:
    """A dialogue that waits for an answer: system first if at all, opened by the user, the user speaking last."""
    turns = messages[1:] if messages and messages[0]["role"] == "system" else messages
    roles = [message["role"] for message in turns]
    if "system" in roles:
        raise RowError(f"{name}: a system message must come first, before every other message")
    if not roles:
        raise RowError(f"{name} must hold a user's message, got none")
    if roles[0] != "user":
        raise RowError(f"{name} must open with a user's message, got the {roles[0]}'s")
    if roles[-1] != "user":
        raise RowError(f"{name} must end with a user's message, got the {roles[-1]}'s")
    return messages


def shown(value: Any) -> str:
    """A value as an error shows it: as JSON, not longer than a line."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
