"""The engine: many requests to one policy, token by token, with at most so many rows in flight.

Requests that start together are a cohort. Each distinct prompt of a cohort is prefilled once, and its keys and values
are kept once for all its requests (modeling/answer_caches.py). One forward reads the newest tokens of all cohorts, and
only attention, which has to read the caches, takes the cohorts one by one, each at its own length. A row that finishes
leaves; when enough have left, a new cohort starts.
"""

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AttentionInterface, DynamicCache, PreTrainedModel

from modeling.answer_caches import CohortCache, closed_up
from modeling.chat import padding_id
from modeling.checkpoints import Policy
from modeling.drawing import draw_tokens, log_probabilities
from modeling.lean_forward import is_lean, lean_forward
from modeling.sampling_requests import FinishReason, Request, SamplingError

_PREFILL_PROMPTS = 16
_PREFILL_TOKENS = 2048
"""Limits of one prefill, padding included: enough to keep a processor busy, little to hold beside the cache."""
_REFILL = 0.25
"""The share of the rows that must be free before a new cohort starts: many small cohorts would cost attention more
than full rows save."""
_EVEN = 0.6
_EVEN_TOKENS = 32
"""How much shorter than its longest a cohort's prompts may be: this share of it less so many tokens. Attention reads
the padding too."""


class Step(NamedTuple):
    """One new token of one request."""

    request: int
    token: int
    logprob: float
    """0 where no request of the batch asks for log-probabilities."""
    finish: FinishReason | None
    seconds: float
    """Since the request's cohort started."""


@dataclass
class _Row:
    """A request in flight."""

    index: int
    request: Request
    position: int
    """Of the newest token, which the model has not read yet."""
    uniforms: list[float]
    """The random number of every token, from the request's seed alone."""
    started: float
    token: int = -1
    """The newest token."""
    drawn: int = 0


@torch.inference_mode()
def generate(
    policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]], rows: int
) -> Iterator[list[Step]]:
    """Yields the new tokens of the requests in flight, step by step; the last step of each says why it finished.

    prompts: the token ids of each request. rows: how many requests are in flight at most. Raises SamplingError where
    the model's kind of attention isn't supported.
    """
    _check_attention(policy.model)
    stops = _stop_ids(policy)
    waiting = _queue(prompts, rows)
    cohorts: list[_Cohort] = []
    while waiting or cohorts:
        free = rows - sum(len(cohort.rows) for cohort in cohorts)
        if waiting and (not cohorts or free >= max(_REFILL * rows, len(waiting[0]))):
            cohort, logits = _started(policy, requests, prompts, _next_to_start(waiting, free, prompts))
            steps = _draw(cohort.rows, logits, stops)
            cohorts.append(cohort)
        else:
            logits = _forward(policy.model, cohorts)
            steps = _draw([row for cohort in cohorts for row in cohort.rows], logits, stops)
        yield steps
        finished = {step.request for step in steps if step.finish}
        for cohort in cohorts:
            cohort.drop(finished)
        cohorts = [cohort for cohort in cohorts if cohort.rows]


class _Cohort:
    """Rows that started together, and the keys and values of all they have read."""

    def __init__(self, rows: list[_Row], cache: CohortCache) -> None:
        self.rows = rows
        self.cache = cache

    def drop(self, finished: set[int]) -> None:
        """The rows of these requests leave; rows from the end take their places."""
        going = [place for place, row in enumerate(self.rows) if row.index not in finished]
        if len(going) == len(self.rows):
            return
        order = closed_up(going)
        self.rows = [self.rows[place] for place in order]
        if order:
            self.cache.keep(order)


def _queue(prompts: Sequence[list[int]], rows: int) -> deque[list[int]]:
    """The requests with the same prompt together, at most ``rows`` of them; the longest prompts first."""
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for index, prompt in enumerate(prompts):
        by_prompt.setdefault(tuple(prompt), []).append(index)
    longest_first = sorted(by_prompt.items(), key=lambda item: len(item[0]), reverse=True)
    return deque(
        indices[start : start + rows] for _, indices in longest_first for start in range(0, len(indices), rows)
    )


def _next_to_start(waiting: deque[list[int]], free: int, prompts: Sequence[list[int]]) -> list[list[int]]:
    """Takes the requests that the free rows have room for, those of one prompt together, of prompts about as long."""
    taken: list[list[int]] = []
    shortest = _EVEN * len(prompts[waiting[0][0]]) - _EVEN_TOKENS
    while waiting and len(waiting[0]) <= free and len(prompts[waiting[0][0]]) >= shortest:
        free -= len(waiting[0])
        taken.append(waiting.popleft())
    return taken


def _started(
    policy: Policy, requests: Sequence[Request], prompts: Sequence[list[int]], groups: list[list[int]]
) -> tuple[_Cohort, Tensor]:
    """A cohort of requests, those of one prompt in a group, and the logits of its rows' first tokens."""
    started = time.perf_counter()
    # all groups get as many slots as the largest: those above the mean are split, lest most slots be empty
    most = math.ceil(sum(map(len, groups)) / len(groups))
    rows: list[_Row] = []
    group_of_row: list[int] = []
    prompt_lengths: list[int] = []
    for group in groups:
        for start in range(0, len(group), most):
            for index in group[start : start + most]:
                rows.append(_Row(index, requests[index], len(prompts[index]), _uniforms(requests[index]), started))
                group_of_row.append(len(prompt_lengths))
            prompt_lengths.append(len(prompts[group[0]]))
    cohort = _Cohort(rows, CohortCache(prompt_lengths, group_of_row, policy.model.device))
    logits, filled = [], 0
    to_prefill = iter(groups)
    for part in _prefill_parts([prompts[group[0]] for group in groups]):
        cache, found = prefill(policy, part)
        for prompt, group in enumerate(islice(to_prefill, len(part))):
            for _ in range(0, len(group), most):
                cohort.cache.fill(filled, cache, prompt)
                filled += 1
            logits.append(found[prompt].expand(len(group), -1))
    return cohort, torch.cat(logits)


def _prefill_parts(prompts: list[list[int]]) -> Iterator[list[list[int]]]:
    """The prompts, longest first, in parts within the limits of a prefill."""
    while prompts:
        count = max(1, min(_PREFILL_PROMPTS, _PREFILL_TOKENS // len(prompts[0])))
        yield prompts[:count]
        prompts = prompts[count:]


def prefill(policy: Policy, prompts: Sequence[Sequence[int]]) -> tuple[DynamicCache, Tensor]:
    """Reads prompts in one forward, padded on the right, where causal attention doesn't look.

    Returns keys and values, and the logits of each prompt's next token (prompts, vocabulary).
    """
    model = policy.model
    lengths = [len(prompt) for prompt in prompts]
    padding = padding_id(policy.tokenizer)
    padded = torch.tensor([[*prompt, *[padding] * (max(lengths) - len(prompt))] for prompt in prompts])
    ends = sorted(set(lengths))
    cache = DynamicCache()
    output = model(
        input_ids=padded.to(model.device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=torch.tensor([end - 1 for end in ends], device=model.device),
    )
    places = torch.tensor([ends.index(length) for length in lengths], device=model.device)
    return cache, output.logits[torch.arange(len(prompts), device=model.device), places]


def _forward(model: PreTrainedModel, cohorts: list[_Cohort]) -> Tensor:
    """Reads the newest token of every row; the logits of the next, (rows, vocabulary)."""
    inputs = torch.tensor([[row.token, row.position] for cohort in cohorts for row in cohort.rows])
    inputs = inputs.to(model.device, non_blocking=True)
    for cohort in cohorts:
        cohort.cache.extend()
        for row in cohort.rows:
            row.position += 1
    if is_lean(model):
        return lean_forward(model, inputs[:, 0], inputs[:, 1], partial(_attend_all, cohorts))
    with _attention_by_cohorts(model):
        output = model(input_ids=inputs[:, :1], position_ids=inputs[:, 1:], use_cache=False, cohorts=cohorts)
    return output.logits[:, -1]


def _attend_by_cohorts(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    cohorts: list[_Cohort],
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """The attention function that transformers calls in every layer; query, key, value: (rows, heads, 1, head size).

    Returns (rows, 1, heads, head size).
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer: Any = module.layer_idx
    query, key, value = (states.squeeze(2) for states in (query, key, value))
    return _attend_all(cohorts, layer, query, key, value, scale, sliding_window).unsqueeze(1), None


def _attend_all(
    cohorts: list[_Cohort], layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None
) -> Tensor:
    """Each cohort's rows to its own cache; query, key, value, and what is returned: (rows, heads, head size)."""
    if len(cohorts) == 1:
        return cohorts[0].cache.attend(layer, query, key, value, scale, window)
    counts = [len(cohort.rows) for cohort in cohorts]
    parts = zip(cohorts, query.split(counts), key.split(counts), value.split(counts), strict=True)
    return torch.cat([cohort.cache.attend(layer, q, k, v, scale, window) for cohort, q, k, v in parts])


_BY_COHORTS = "plumbline_cohorts"
AttentionInterface.register(_BY_COHORTS, _attend_by_cohorts)


@contextmanager
def _attention_by_cohorts(model: PreTrainedModel) -> Iterator[None]:
    """The model attends by cohorts for one forward alone: whoever else uses it in between finds it as it was."""
    config = model.config
    usual = config._attn_implementation
    config._attn_implementation = _BY_COHORTS
    try:
        yield
    finally:
        config._attn_implementation = usual


def _check_attention(model: PreTrainedModel) -> None:
    kinds = set(getattr(model.config, "layer_types", None) or [])
    plain = kinds <= {"full_attention", "sliding_attention"} and not getattr(model.config, "attn_logit_softcapping", 0)
    if not plain or not getattr(model, "_supports_attention_backend", False):
        raise SamplingError(
            f"this engine samples from models with plain attention, full or sliding (Llama, Mistral, Qwen, ...), and "
            f"{model.config.model_type} has another kind; serve it with vLLM and register it as an endpoint"
        )


def _draw(rows: Sequence[_Row], logits: Tensor, stops: frozenset[int]) -> list[Step]:
    """Draws the next token of every row; the one place where the device is waited for."""
    settings = torch.tensor([(row.request.temperature, row.request.top_p, row.uniforms[row.drawn]) for row in rows])
    tokens = draw_tokens(logits, *settings.unbind(dim=1))
    logprobs = [0.0] * len(rows)
    if any(row.request.logprobs for row in rows):
        logprobs = log_probabilities(logits, tokens).tolist()
    now = time.perf_counter()
    steps = []
    for row, token, logprob in zip(rows, tokens.tolist(), logprobs, strict=True):
        row.token, row.drawn = token, row.drawn + 1
        finish: FinishReason | None = None
        if token in stops:
            finish = "stop"
        elif row.drawn == row.request.max_new_tokens:
            finish = "length"
        steps.append(Step(row.index, token, logprob, finish, now - row.started))
    return steps


def _uniforms(request: Request) -> list[float]:
    generator = torch.Generator().manual_seed(request.seed)
    return torch.rand(request.max_new_tokens, generator=generator).tolist()


def _stop_ids(policy: Policy) -> frozenset[int]:
    """Every token that ends a turn: the tokenizer's and those of the checkpoint's generation settings."""
    configured: Any = policy.model.generation_config.eos_token_id
    listed: Iterable[int] = configured if isinstance(configured, list) else [configured]
    return frozenset(int(token) for token in [*listed, policy.tokenizer.eos_token_id] if token is not None)
