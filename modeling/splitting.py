"""Which prompts of a run are held out: a file of their own, or a share told by a hash of their text, so that the same
words are never on both sides."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from modeling.json_lines import DataError

Item = TypeVar("Item")


def trained_and_held_out(
    data: Path, read: Callable[[Path], list[Item]], text_of: Callable[[Item], str], held_out_share: float
) -> tuple[list[Item], list[Item]]:
    """What data/prompts.jsonl gives to train on, and what is held out: data/held_out.jsonl where there is one, or else
    the share of the prompts. Raises DataError where either would be empty, or a text would be on both sides."""
    prompts = read(data / "prompts.jsonl")
    own = data / "held_out.jsonl"
    if not own.exists():
        return _split(prompts, text_of, held_out_share)
    held_out = read(own)
    trained = {text_of(prompt) for prompt in prompts}
    for prompt in held_out:
        if (text := text_of(prompt)) in trained:
            raise DataError(f"held_out.jsonl: {text[:80]!r} is also trained on, in prompts.jsonl; leave it out of one")
    return prompts, held_out


def _split(prompts: list[Item], text_of: Callable[[Item], str], held_out_share: float) -> tuple[list[Item], list[Item]]:
    held_out = [prompt for prompt in prompts if _hashed(text_of(prompt)) < held_out_share]
    trained = [prompt for prompt in prompts if _hashed(text_of(prompt)) >= held_out_share]
    for part, purpose in ((trained, "train on"), (held_out, "evaluate")):
        if not part:
            raise DataError(
                f"none of the {len(prompts)} prompts is left to {purpose} with a held_out_share of {held_out_share}; "
                "give more prompts, another share, or a held_out.jsonl"
            )
    return trained, held_out


def _hashed(text: str) -> float:
    """A number from 0 to below 1 that is a function of the text, and evenly spread over texts, also over those that
    another split by a hash has left on one side: hence the salt."""
    digest = hashlib.sha256(f"held out of a run\0{text}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
