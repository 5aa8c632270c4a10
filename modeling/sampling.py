"""Sampling answers from chat models, for two answers that stream beside each other and for whole sets of prompts.

A model is a policy, which the engine runs in this process (modeling/decoding.py), or an endpoint, which is asked over
the network (modeling/chat_completions.py). The engine prefills every distinct prompt once, gives each request a row of
its own, and hands the places of finished rows to the next requests. Temperature, top-p, seed and length are each
request's own.

A request's random numbers depend on its seed alone, one per token, so that it draws the same answer whatever else is in
its batch, up to the rounding of the logits: where a draw falls within that of a border between two tokens, another
batch may decide it differently.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

from transformers import PreTrainedTokenizerBase

from modeling.chat import Message, encode_prompt, truncate_prompt
from modeling.checkpoints import Policy
from modeling.decoding import Step, generate
from modeling.endpoints import Endpoint
from modeling.sampling_requests import (
    Answer,
    FinishReason,
    Increment,
    Request,
    SamplingError,
    answer_seed,
    n_requests,
    require,
)

__all__ = [
    "Answer",
    "FinishReason",
    "Increment",
    "Request",
    "Sampler",
    "SamplingError",
    "answer_seed",
    "sample_batch",
    "sample_requests",
    "stream",
]

ROWS = 128
"""How many answers are in flight at a time, unless the caller says otherwise."""

Sampler = Policy | Endpoint
"""What answers are sampled from."""

_BYTE_TOKEN = re.compile("<0x[0-9A-F]{2}>")


def stream(requests: Sequence[tuple[Sampler, Request]]) -> Iterator[Increment]:
    """Answers a few requests at once, token by token; the texts of a request's increments make up its answer's text.

    Requests to the same policy run as one batch; those to different models take turns, so that their texts grow side
    by side. An endpoint's increments may be without text. Raises SamplingError or ChatError, for a policy before the
    first increment; EndpointError at any time.
    """
    batches: dict[int, list[int]] = {}
    runs: list[Iterator[list[Increment]]] = []
    prompts: dict[int, list[int]] = {}
    for index, (sampler, request) in enumerate(requests):
        if isinstance(sampler, Endpoint):
            runs.append(_chat_completions().increments(sampler, request, index))
        else:
            prompts[index] = _encoded(sampler, request)
            batches.setdefault(id(sampler.model), []).append(index)
    for indices in batches.values():
        policy = requests[indices[0]][0]
        assert isinstance(policy, Policy)  # noqa: S101 - endpoints are in no batch
        asked = [requests[index][1] for index in indices]
        runs.append(_increments(policy, asked, [prompts[index] for index in indices], indices))
    while runs:
        for run in list(runs):
            if (new := next(run, None)) is None:
                runs.remove(run)
            else:
                yield from new


def sample_batch(
    sampler: Sampler,
    prompts: Sequence[Sequence[Message]],
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    max_new_tokens: int = 256,
    n: int = 1,
    rows: int = ROWS,
    logprobs: bool = False,
) -> Iterator[tuple[int, list[Answer]]]:
    """n answers to each prompt, as (index of the prompt, its answers), each as soon as its last answer is done.

    At most ``rows`` answers are in flight at a time. The answers to a prompt depend on the seed and its messages, not
    on its place among the prompts. Raises SamplingError or ChatError.
    """
    requests = n_requests(
        prompts,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        max_new_tokens=max_new_tokens,
        n=n,
        logprobs=logprobs,
    )
    done: dict[int, dict[int, Answer]] = {}
    for index, answer in sample_requests(sampler, requests, rows=rows):
        prompt, draw = divmod(index, n)
        answers = done.setdefault(prompt, {})
        answers[draw] = answer
        if len(answers) == n:
            del done[prompt]
            yield prompt, [answers[draw] for draw in range(n)]


def sample_requests(sampler: Sampler, requests: Sequence[Request], *, rows: int = ROWS) -> Iterator[tuple[int, Answer]]:
    """Answers any mix of requests to one model, as (index of the request, its answer), each as soon as it is done.

    At most ``rows`` are in flight; others take the places of those that have finished. Requests for the same prompt
    share its prefill. An endpoint decides itself how many it takes. Raises SamplingError or ChatError.
    """
    require(rows >= 1, "rows", "at least 1", rows)
    if isinstance(sampler, Endpoint):
        yield from _chat_completions().answer_requests(sampler, requests)
        return
    # the answers to one prompt share its list of messages: it is encoded once
    encoded: dict[tuple[int, int], list[int]] = {}
    for request in requests:
        if (key := (id(request.messages), request.max_new_tokens)) not in encoded:
            encoded[key] = _encoded(sampler, request)
    prompts = [encoded[id(request.messages), request.max_new_tokens] for request in requests]
    drafts = _drafts(sampler, requests, prompts)
    for steps in generate(sampler, requests, prompts, rows):
        for step in steps:
            drafts[step.request].add(step)
            if step.finish is not None:
                yield step.request, drafts.pop(step.request).answer(step)


def _chat_completions() -> ModuleType:
    """The client library takes a second and 15 MB to import: those who ask an endpoint pay for it, nobody else."""
    return import_module("modeling.chat_completions")


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
        return _decoded(self.tokenizer, self.tokens)

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

    def add(self, step: Step) -> None:
        self.token_ids.append(step.token)
        self.logprobs.append(step.logprob)

    def show(self, step: Step) -> str:
        """The text that can be shown after this step, which was added."""
        new = self.text.add(step.token) if step.finish != "stop" else ""
        return new + self.text.finish() if step.finish else new

    def answer(self, last: Step) -> Answer:
        assert last.finish is not None  # noqa: S101 - it is the last
        shown = self.token_ids[:-1] if last.finish == "stop" else self.token_ids
        return Answer(
            _decoded(self.text.tokenizer, shown),
            last.finish,
            self.prompt_tokens,
            len(shown),
            last.seconds,
            tuple(self.token_ids),
            tuple(self.logprobs) if self.request.logprobs else None,
        )


def _drafts(policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]]) -> dict[int, _Draft]:
    pairs = enumerate(zip(requests, prompts, strict=True))
    return {index: _Draft(request, len(prompt), _Text(policy.tokenizer)) for index, (request, prompt) in pairs}


def _increments(
    policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]], indices: Sequence[int]
) -> Iterator[list[Increment]]:
    """The batch of one policy, one list per token; indices say which of the stream's requests its rows are."""
    drafts = _drafts(policy, requests, prompts)
    for steps in generate(policy, requests, prompts, rows=len(requests)):
        new = []
        for step in steps:
            draft = drafts[step.request]
            draft.add(step)
            text = draft.show(step)
            answer = draft.answer(step) if step.finish else None
            if text or answer:
                new.append(Increment(indices[step.request], text, answer))
        yield new


def _encoded(policy: Policy, request: Request) -> list[int]:
    """The prompt's token ids. One that leaves no room for max_new_tokens in the model's context loses its oldest tokens
    (a beginning-of-sequence token stays): the newest turns decide the answer."""
    positions = policy.model.config.max_position_embeddings
    room = positions - request.max_new_tokens
    require(room >= 1, "max_new_tokens", f"below the model's {positions} positions", request.max_new_tokens)
    tokenizer = policy.tokenizer
    return truncate_prompt(encode_prompt(tokenizer, request.messages), room, tokenizer.bos_token_id)


def _decoded(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> str:
    """Tokens as text, control tokens left out."""
    return tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()
