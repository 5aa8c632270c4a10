"""The bag: every answer that rejection sampling drew and scored, over all its iterations (paper, section 3.2.3).

A bag is JSON lines, ``{"prompt_id": text, "messages": [messages], "answer": text, "score": number, "iteration":
integer, "temperature": number, "model": digest of the policy that was sampled, "ended": bool, "tag": "helpfulness" |
"safety" | null}``, of which only tag may be left out. It only ever grows: selection takes no candidate out of it.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modeling.chat import Message
from modeling.json_lines import DataError, read_lines
from modeling.prompt_data import TAGS, prompt_messages

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "prompt_id": ((str,), "text"),
    "answer": ((str,), "text"),
    "score": ((int, float), "a finite number"),
    "iteration": ((int,), "an integer"),
    "temperature": ((int, float), "a finite number"),
    "model": ((str,), "text"),
    "ended": ((bool,), "true or false"),
}


@dataclass(frozen=True)
class Candidate:
    """One answer to one prompt, with its score."""

    prompt_id: str
    messages: list[Message]
    answer: str
    score: float
    """The logit of the combined reward, by the reward models of the run that wrote the bag."""
    iteration: int
    """From 1; the iteration of rejection sampling that drew it."""
    temperature: float
    model: str
    """Digest of the policy that was sampled."""
    ended: bool
    """Whether the model ended its turn; False where its tokens were spent."""
    tag: str | None = None

    @property
    def prompt(self) -> str:
        """What the answer is to: candidates of one prompt share it over all iterations, whatever its id was."""
        return json.dumps([[message["role"], message["content"]] for message in self.messages])


def best_per_prompt(
    candidates: Iterable[Candidate], floor: float | None = None, agreement: float = 0.0
) -> list[Candidate]:
    """The candidate of the highest score for each prompt, in the order in which the prompts first occur.

    agreement: what the logarithm of the number of times that an answer was drawn adds to its score, in the choice
    alone. The number estimates how likely the policies hold the answer, so that the choice is that of a reward with a
    penalty for leaving them, and a reward model is less often misled by a rare answer.

    Answers that didn't end, empty ones, and those that score below ``floor`` are left out, and a prompt of which none
    remains with them. An answer that was drawn more than once counts as drawn by its earliest iteration, with the score
    that it was given last. Of equal scores the earliest iteration wins, then the first answer in the order of its text:
    the choice is the same in whatever order the bag is read.
    """
    prompts: dict[str, dict[str, Candidate]] = {}
    drawn: Counter[tuple[str, str]] = Counter()
    for candidate in sorted(candidates, key=lambda candidate: candidate.iteration):
        drawn[candidate.prompt, candidate.answer] += 1
        answers = prompts.setdefault(candidate.prompt, {})
        first = answers.get(candidate.answer, candidate)
        answers[candidate.answer] = replace(first, score=candidate.score, ended=first.ended or candidate.ended)
    best = []
    for answers in prompts.values():
        usable = [answer for answer in answers.values() if answer.ended and answer.answer.strip()]
        usable = [answer for answer in usable if floor is None or answer.score >= floor]
        if usable:
            worth = {each.answer: each.score + agreement * math.log(drawn[each.prompt, each.answer]) for each in usable}
            best.append(min(usable, key=lambda each: (-worth[each.answer], each.iteration, each.answer)))
    return best


def merge_bags(*bags: Sequence[Candidate]) -> list[Candidate]:
    """One bag out of several, which may hold one another: each draw once, with the score of the last bag that has it.

    An iteration may have drawn the same answer several times; it stays in the bag as often as in the bag that has it
    most often.
    """
    merged: dict[tuple[Any, ...], Candidate] = {}
    for bag in bags:
        drawn: Counter[tuple[Any, ...]] = Counter()
        for candidate in bag:
            draw = (candidate.prompt, candidate.answer, candidate.iteration, candidate.model, candidate.temperature)
            merged[*draw, drawn[draw]] = candidate
            drawn[draw] += 1
    return list(merged.values())


def read_candidates(path: Path, *, may_be_absent: bool = False) -> list[Candidate]:
    """Every candidate of a bag. The first line that can't be used raises DataError, and so does a missing file, unless
    it may be absent."""
    if may_be_absent and not path.exists():
        return []
    return read_lines(
        path, _candidate, what="candidates", fields="messages, answer and score", may_be_empty=may_be_absent
    )


def write_candidates(path: Path, candidates: Iterable[Candidate]) -> None:
    """Writes a bag, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{json.dumps(asdict(candidate))}\n" for candidate in candidates)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def _candidate(row: dict[str, Any], where: str) -> Candidate:
    messages = prompt_messages(row, where)
    for field, (kinds, expected) in _KINDS.items():
        if field not in row:
            raise DataError(f"{where}: field {field} is missing")
        value = row[field]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        wrong = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
        if wrong or (is_number and not math.isfinite(value)):
            raise DataError(f"{where}: {field} must be {expected}, got {value!r}")
    if (tag := row.get("tag")) is not None and tag not in TAGS:
        raise DataError(f"{where}: tag must be {' or '.join(TAGS)} or null, got {tag!r}")
    return Candidate(messages=messages, tag=tag, **{field: row[field] for field in _KINDS})
