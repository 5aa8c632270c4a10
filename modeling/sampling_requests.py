"""What is asked of a chat model and what comes back, whether it runs in this process or behind an endpoint."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from modeling.chat import Message

FinishReason = Literal["stop", "length"]
"""stop: the model ended its turn; length: max_new_tokens were spent."""


class SamplingError(ValueError):
    """Sampling parameters out of their range, or a model that can't be sampled so; names the value, what was expected
    and what to do."""


@dataclass(frozen=True)
class Request:
    """A prompt and how to answer it."""

    messages: Sequence[Message]
    temperature: float = 1.0
    """0 to 2; 0 always takes the likeliest token."""
    top_p: float = 1.0
    """Above 0 to 1: draws from the likeliest tokens that together have this probability."""
    seed: int = 0
    """0 to 2**63 - 1."""
    max_new_tokens: int = 256
    logprobs: bool = False
    """Whether the answer carries the log-probability of each of its tokens."""

    def __post_init__(self) -> None:
        require(0 <= self.temperature <= 2, "temperature", "between 0 and 2", self.temperature)
        require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        require(0 <= self.seed < 2**63, "seed", "between 0 and 2**63 - 1", self.seed)
        require(self.max_new_tokens >= 1, "max_new_tokens", "at least 1", self.max_new_tokens)


@dataclass(frozen=True)
class Answer:
    """A finished answer."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    """What the model read: after truncation to its context."""
    answer_tokens: int
    """Without the end of the turn."""
    seconds: float
    """From when its prompt's turn came to its last token."""
    token_ids: tuple[int, ...] = ()
    """What was drawn, with the end of the turn where the model wrote one. An endpoint doesn't tell: empty."""
    logprobs: tuple[float, ...] | None = None
    """If asked for, one per token of token_ids: log p(token | prompt, earlier tokens) in nats under the model itself,
    the softmax over the whole vocabulary in float32 at temperature 1, whatever temperature and top_p it was drawn
    with. This is PPO's log pi of the policy that sampled. An endpoint's are as its server defines them."""


class Increment(NamedTuple):
    """What streaming yields: more text of one request, and with its last increment the finished answer."""

    request: int
    """Index of the request in what was asked for."""
    text: str
    answer: Answer | None


def answer_seed(seed: int, messages: Sequence[Message], draw: int) -> int:
    """The seed of one of the answers to a prompt: a hash of the batch's seed, the messages and the answer's number."""
    turns = [(message["role"], message["content"]) for message in messages]
    content = repr((seed, turns, draw)).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1


def n_requests(
    prompts: Sequence[Sequence[Message]],
    *,
    temperature: float,
    top_p: float,
    seed: int,
    max_new_tokens: int,
    n: int,
    logprobs: bool,
) -> list[Request]:
    """n requests for each prompt, one prompt's beside each other, each with a seed of its own. Raises SamplingError."""
    require(n >= 1, "n", "at least 1", n)
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    return [
        Request(messages, temperature, top_p, answer_seed(seed, messages, draw), max_new_tokens, logprobs)
        for messages in prompts
        for draw in range(n)
    ]


def require(valid: bool, name: str, expected: str, value: Any) -> None:
    """Raises SamplingError that names a parameter, what was expected and what it was."""
    if not valid:
        raise SamplingError(f"{name} must be {expected}, got {value!r}")
