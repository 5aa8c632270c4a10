"""Sampling answers from a chat model: one engine, for two answers that stream beside each other and for campaigns.

The engine prefills every distinct prompt once, gives each request its own copy of the cache, and drops a row as soon as
it is finished. Temperature, top-p, seed and length are each request's own.

A request's random numbers depend on its seed alone, one per token, so that it draws the same answer whatever else is in
its batch, up to the rounding of the logits: where a draw falls within that of a border between two tokens, another
batch may decide it differently.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedTokenizerBase

from modeling.chat import Message, encode_prompt, padding_id, truncate_prompt
from modeling.checkpoints import Policy

FinishReason = Literal["stop", "length"]
"""stop: the model ended its turn; length: max_new_tokens were spent."""


_BYTE_TOKEN = re.compile("<0x[0-9A-F]{2}>")


class SamplingError(ValueError):
    """Sampling parameters out of their range; names the value and what was expected."""


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
        _require(0 <= self.temperature <= 2, "temperature", "between 0 and 2", self.temperature)
        _require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        _require(0 <= self.seed < 2**63, "seed", "between 0 and 2**63 - 1", self.seed)
        _require(self.max_new_tokens >= 1, "max_new_tokens", "at least 1", self.max_new_tokens)


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
    """From the start of its batch."""
    token_ids: tuple[int, ...] = ()
    """What was drawn, with the end of the turn where the model wrote one."""
    logprobs: tuple[float, ...] | None = None
    """If asked for, one per token of token_ids: log p(token | prompt, earlier tokens) in nats under the model itself,
    the softmax over the whole vocabulary in float32 at temperature 1, whatever temperature and top_p it was drawn
    with. This is PPO's log pi of the policy that sampled."""


class Increment(NamedTuple):
    """What streaming yields: more text of one request, and with its last increment the finished answer."""

    request: int
    """Index of the request in what was asked for."""
    text: str
    answer: Answer | None


def stream(requests: Sequence[tuple[Policy, Request]]) -> Iterator[Increment]:
    """Answers a few requests at once, token by token; the texts of a request's increments make up its answer's text.

    Requests to the same policy run as one batch; those to different policies take turns, so that their texts grow side
    by side. Raises SamplingError or ChatError before the first increment.
    """
    prompts = [_encoded(policy, request) for policy, request in requests]
    batches: dict[int, list[int]] = {}
    for index, (policy, _) in enumerate(requests):
        batches.setdefault(id(policy.model), []).append(index)
    runs = [
        _increments(
            requests[indices[0]][0],
            [requests[index][1] for index in indices],
            [prompts[index] for index in indices],
            indices,
        )
        for indices in batches.values()
    ]
    while runs:
        for run in list(runs):
            if (increments := next(run, None)) is None:
                runs.remove(run)
            else:
                yield from increments


def sample_batch(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    max_new_tokens: int = 256,
    n: int = 1,
    rows: int = 64,
    logprobs: bool = False,
) -> Iterator[tuple[int, list[Answer]]]:
    """n answers to each prompt, as (index of the prompt, its answers), each as soon as its batch is done.

    At most ``rows`` answers (or one prompt's n) are in the batch at a time; prompts of like length go together. The
    answers to a prompt depend on the seed and its messages, not on its place among the prompts.
    """
    _require(n >= 1, "n", "at least 1", n)
    _require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    _require(rows >= 1, "rows", "at least 1", rows)
    requests = [
        [
            Request(messages, temperature, top_p, answer_seed(seed, messages, draw), max_new_tokens, logprobs)
            for draw in range(n)
        ]
        for messages in prompts
    ]
    encoded = [_encoded(policy, answers[0]) for answers in requests]
    order = sorted(range(len(prompts)), key=lambda index: len(encoded[index]), reverse=True)
    together = max(1, rows // n)
    for start in range(0, len(order), together):
        indices = order[start : start + together]
        batch = [request for index in indices for request in requests[index]]
        ids = [encoded[index] for index in indices for _ in range(n)]
        answers = _answers(policy, batch, ids)
        for place, index in enumerate(indices):
            yield index, answers[place * n : (place + 1) * n]


def answer_seed(seed: int, messages: Sequence[Message], draw: int) -> int:
    """The seed of one of the answers to a prompt: a hash of the batch's seed, the messages and the answer's number."""
    turns = [(message["role"], message["content"]) for message in messages]
    content = repr((seed, turns, draw)).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1


def draw_tokens(logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """One token per row by inverting the cumulative distribution at a uniform number.

    logits: (rows, vocabulary); temperature, top_p, uniform (in [0, 1)): (rows,). Returns (rows,) token ids. The nucleus
    is the smallest set of likeliest tokens whose probability reaches top_p (Holtzman et al. 2020, section 3.1).
    """
    greedy = temperature == 0
    probabilities = torch.softmax(logits.float() / torch.where(greedy, 1.0, temperature).unsqueeze(1), dim=-1)
    ordered, ids = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(dim=-1) - ordered
    nucleus = ordered.masked_fill(before >= top_p.unsqueeze(1), 0.0)
    nucleus[:, 0] = ordered[:, 0]
    cumulative = nucleus.cumsum(dim=-1)
    target = (uniform * cumulative[:, -1]).unsqueeze(1)
    place = torch.searchsorted(cumulative, target, right=True)
    last = (nucleus > 0).sum(dim=-1, keepdim=True) - 1
    place = torch.where(greedy.unsqueeze(1), 0, torch.minimum(place, last))
    return ids.gather(1, place).squeeze(1)


class _Step(NamedTuple):
    """One new token of one request."""

    row: int
    token: int
    logprob: float
    """0 where no request of the batch asks for log-probabilities."""
    finish: FinishReason | None


@torch.inference_mode()
def _generate(policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]]) -> Iterator[list[_Step]]:
    """The engine: yields, token by token, the new token of every request that isn't finished.

    prompts: the token ids of each request. Distinct prompts are prefilled once, padded on the left.
    """
    model = policy.model
    stops = _stop_ids(policy)
    distinct = sorted(set(map(tuple, prompts)))
    place = {prompt: index for index, prompt in enumerate(distinct)}
    copies = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=model.device)
    input_ids, attention = _left_padded(distinct, padding_id(policy.tokenizer))
    cache = DynamicCache(config=model.config)
    logits = _forward(policy, input_ids, attention, cache)[copies]
    cache.batch_select_indices(copies)
    attention = attention.to(model.device)[copies]

    temperature = torch.tensor([request.temperature for request in requests], device=model.device)
    top_p = torch.tensor([request.top_p for request in requests], device=model.device)
    uniforms = _uniforms(requests).to(model.device)
    with_logprobs = any(request.logprobs for request in requests)
    alive = list(range(len(requests)))
    for step in range(uniforms.shape[1]):
        tokens = draw_tokens(logits, temperature, top_p, uniforms[:, step])
        logprobs = _log_probabilities(logits, tokens) if with_logprobs else torch.zeros(len(alive))
        drawn = zip(alive, tokens.tolist(), logprobs.tolist(), strict=True)
        steps = [_Step(row, token, logprob, None) for row, token, logprob in drawn]
        steps = [_finish(new, step, requests[new.row], stops) for new in steps]
        yield steps
        going = [index for index, new in enumerate(steps) if new.finish is None]
        if not going:
            return
        if len(going) < len(alive):
            kept = torch.tensor(going, device=model.device)
            alive = [alive[index] for index in going]
            tokens, attention, uniforms = tokens[kept], attention[kept], uniforms[kept]
            temperature, top_p = temperature[kept], top_p[kept]
            cache.batch_select_indices(kept)
        attention = torch.cat([attention, attention.new_ones(len(alive), 1)], dim=1)
        logits = _forward(policy, tokens.unsqueeze(1), attention, cache)


def _forward(policy: Policy, input_ids: Tensor, attention: Tensor, cache: DynamicCache) -> Tensor:
    """Feeds the newest tokens (rows, new) and returns the logits of the next (rows, vocabulary).

    attention: (rows, all tokens so far), 0 where a row is padded on the left; positions count from each row's start.
    """
    model = policy.model
    attention = attention.to(model.device)
    positions = (attention.cumsum(dim=1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
    output = model(
        input_ids=input_ids.to(model.device),
        attention_mask=attention,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return output.logits[:, -1]


def _log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """log p of each row's token at temperature 1; logits: (rows, vocabulary), tokens: (rows,). Returns (rows,)."""
    return torch.log_softmax(logits.float(), dim=-1).gather(1, tokens.unsqueeze(1)).squeeze(1)


def _finish(new: _Step, step: int, request: Request, stops: frozenset[int]) -> _Step:
    if new.token in stops:
        return new._replace(finish="stop")
    if step + 1 == request.max_new_tokens:
        return new._replace(finish="length")
    return new


def _uniforms(requests: Sequence[Request]) -> Tensor:
    """(requests, longest max_new_tokens): the random number of every token, from the request's seed alone."""
    longest = max(request.max_new_tokens for request in requests)
    drawn = torch.zeros(len(requests), longest)
    for row, request in enumerate(requests):
        generator = torch.Generator().manual_seed(request.seed)
        drawn[row, : request.max_new_tokens] = torch.rand(request.max_new_tokens, generator=generator)
    return drawn


@dataclass
class _Text:
    """The text of an answer while its tokens arrive.

    All tokens are decoded again with each one, because a token's text depends on its neighbours (spaces in
    SentencePiece, characters of several bytes). Held back until more arrives: the bytes of a character that isn't
    complete, a run of SentencePiece's byte tokens (one wrong byte spoils the text of the whole run), and white space at
    the end, which the answer's text doesn't keep.
    """

    tokenizer: PreTrainedTokenizerBase
    tokens: list[int] = field(default_factory=list)
    shown: str = ""

    def add(self, token: int) -> str:
        """Takes a token; returns the text that can be shown now, often empty."""
        self.tokens.append(token)
        if _BYTE_TOKEN.fullmatch(self.tokenizer.convert_ids_to_tokens(token)):
            return ""
        return self._show(self.text().rstrip("\N{REPLACEMENT CHARACTER}").rstrip())

    def finish(self) -> str:
        """The rest of the text, when no token follows."""
        return self._show(self.text())

    def text(self) -> str:
        """All tokens so far as text, control tokens left out."""
        return self.tokenizer.decode(self.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()

    def _show(self, text: str) -> str:
        if not text.startswith(self.shown):
            return ""
        new = text[len(self.shown) :]
        self.shown = text
        return new


@dataclass
class _Draft:
    """An answer while its tokens arrive."""

    request: Request
    prompt_tokens: int
    text: _Text
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def add(self, step: _Step) -> None:
        self.token_ids.append(step.token)
        self.logprobs.append(step.logprob)

    def answer(self, finish: FinishReason, seconds: float) -> Answer:
        return Answer(
            self.text.text(),
            finish,
            self.prompt_tokens,
            len(self.text.tokens),
            seconds,
            tuple(self.token_ids),
            tuple(self.logprobs) if self.request.logprobs else None,
        )


def _drafts(policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]]) -> list[_Draft]:
    return [
        _Draft(request, len(prompt), _Text(policy.tokenizer)) for request, prompt in zip(requests, prompts, strict=True)
    ]


def _increments(
    policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]], indices: Sequence[int]
) -> Iterator[list[Increment]]:
    """The batch of one policy, one list per token; indices say which of the stream's requests its rows are."""
    started = time.perf_counter()
    drafts = _drafts(policy, requests, prompts)
    for steps in _generate(policy, requests, prompts):
        elapsed = time.perf_counter() - started
        increments = []
        for step in steps:
            draft, answer = drafts[step.row], None
            draft.add(step)
            text = draft.text.add(step.token) if step.finish != "stop" else ""
            if step.finish is not None:
                text += draft.text.finish()
                answer = draft.answer(step.finish, elapsed)
            if text or answer:
                increments.append(Increment(indices[step.row], text, answer))
        yield increments


def _answers(policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]]) -> list[Answer]:
    """The finished answers of one batch, in the order of the requests."""
    started = time.perf_counter()
    drafts = _drafts(policy, requests, prompts)
    answers: dict[int, Answer] = {}
    for steps in _generate(policy, requests, prompts):
        elapsed = time.perf_counter() - started
        for step in steps:
            draft = drafts[step.row]
            draft.add(step)
            if step.finish != "stop":
                draft.text.tokens.append(step.token)
            if step.finish is not None:
                answers[step.row] = draft.answer(step.finish, elapsed)
    return [answers[row] for row in range(len(requests))]


def _encoded(policy: Policy, request: Request) -> list[int]:
    """The prompt's token ids. One that leaves no room for max_new_tokens in the model's context loses its oldest tokens
    (a beginning-of-sequence token stays): the newest turns decide the answer."""
    positions = policy.model.config.max_position_embeddings
    room = positions - request.max_new_tokens
    _require(room >= 1, "max_new_tokens", f"below the model's {positions} positions", request.max_new_tokens)
    tokenizer = policy.tokenizer
    return truncate_prompt(encode_prompt(tokenizer, request.messages), room, tokenizer.bos_token_id)


def _left_padded(prompts: Sequence[Sequence[int]], pad_token_id: int) -> tuple[Tensor, Tensor]:
    length = max(map(len, prompts))
    rows = [[pad_token_id] * (length - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(rows), torch.tensor(mask)


def _stop_ids(policy: Policy) -> frozenset[int]:
    """Every token that ends a turn: the tokenizer's and those of the checkpoint's generation settings."""
    configured: Any = policy.model.generation_config.eos_token_id
    listed: Iterable[int] = configured if isinstance(configured, list) else [configured]
    return frozenset(int(token) for token in [*listed, policy.tokenizer.eos_token_id] if token is not None)


def _require(valid: bool, name: str, expected: str, value: Any) -> None:
    if not valid:
        raise SamplingError(f"{name} must be {expected}, got {value!r}")
