"""Sampling the two answers of a comparison, side by side, while an annotator watches them grow."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from annotation.blinding import asked_in, known_names
from annotation.identity import Spans, spans
from annotation.models import Comparison, Response
from modeling.chat import ChatError, encode_prompt
from modeling.checkpoints import CheckpointError
from modeling.endpoints import ContextTooLongError, Endpoint, EndpointError
from modeling.registry.jobs import beat
from modeling.sampling import Answer, Request, Sampler, SamplingError, stream
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import policy_of
from workers.pacing import Pace

SHOW_EVERY_SECONDS = 0.15
ASKED_FOR = ("temperature", "top_p", "seed", "max_new_tokens")
"""How a response is to be sampled, by the names that its row and the engine share."""

log = logging.getLogger(__name__)


def sample(comparison: Comparison, should_stop: ShouldStop) -> None:
    """Sample both responses of a comparison, token by token in turns; what is seen meanwhile keeps a pace of its own.

    Both texts are always written together, and with them where they tell their model. A comparison that is sampled
    again, because its worker died, gets the same seeds and so the same answers. What goes wrong is said without naming
    a model: annotators read it.
    """
    sides = _sides(comparison)
    asked = [_asked(comparison, response) for response in sides]
    texts, answers = ["", ""], dict[int, Answer]()
    names, said = known_names(), asked_in(sides[0].prompt.messages)
    pace = Pace([request.max_new_tokens for _, request in asked])
    began = shown_at = time.monotonic()
    try:
        for increment in stream(asked):
            texts[increment.request] += increment.text
            if increment.answer is not None:
                answers[increment.request] = increment.answer
            if should_stop():
                raise Stopped
            if (now := time.monotonic()) - shown_at >= SHOW_EVERY_SECONDS:
                finished = [side in answers for side in (0, 1)]
                if seen := pace.seen_after(now - began, [len(text) for text in texts], finished):
                    _show(comparison, sides, [beginning(text, seen, spans(text, names, said)) for text in texts])
                shown_at = now
    except ContextTooLongError as error:
        raise JobError(
            "The conversation is too long for one of the two models. Shorten it, or start a new one."
        ) from error
    except EndpointError as error:
        log.error("comparison %s: %s", comparison.pk, error)
        raise JobError(
            "One of the two models could not be asked. A manager finds its name and the reason in the worker's log "
            f"(comparison {comparison.pk})."
        ) from error
    except (ChatError, SamplingError) as error:
        raise JobError(f"The answers could not be sampled: {error}.") from error
    found = [spans(answers[side].text, names, said) for side in (0, 1)]
    _store(comparison, sides, [answers[0], answers[1]], found)


def _sides(comparison: Comparison) -> list[Response]:
    """A and B."""
    rows = Response.objects.select_related("model_version", "prompt")
    return [rows.get(pk=pk) for pk in (comparison.response_a_id, comparison.response_b_id)]


def _asked(comparison: Comparison, response: Response) -> tuple[Sampler, Request]:
    sampler = _sampler(comparison, response)
    asked_for = {name: getattr(response, name) for name in ASKED_FOR}
    try:
        request = Request(response.prompt.messages, **asked_for)
        if isinstance(sampler, Endpoint):
            return sampler, request  # its server says so if the conversation is too long
        room_for(sampler, request)
    except (ChatError, SamplingError) as error:
        raise JobError(f"The answers could not be sampled: {error}.") from error
    return sampler, request


def room_for(sampler: Any, request: Request) -> None:
    """Raises JobError where a checkpoint has no room for the conversation and its answer."""
    length = len(encode_prompt(sampler.tokenizer, request.messages))
    room = sampler.model.config.max_position_embeddings - request.max_new_tokens
    if length > room:
        raise JobError(
            f"The conversation is too long: {length:,} tokens, and with {request.max_new_tokens:,} for an answer "
            f"there is room for {max(room, 0):,}. Shorten it, or start a new one."
        )


def _sampler(comparison: Comparison, response: Response) -> Sampler:
    assert response.model_version is not None  # noqa: S101 - only imported answers can be without
    try:
        return policy_of(response.model_version)
    except CheckpointError as error:
        log.error("comparison %s: %s: %s", comparison.pk, response.model_version, error)
        raise JobError(
            "One of the two models could not be loaded. A manager finds its name and the reason in the worker's log "
            f"(comparison {comparison.pk})."
        ) from error


def beginning(text: str, length: int, found: Spans) -> tuple[str, Spans]:
    """The first characters of a text, with none of a name that would be cut in two."""
    for start, end in found:
        if start < length < end:
            length = start
    return text[:length], [[start, end] for start, end in found if end <= length]


@transaction.atomic
def _show(comparison: Comparison, sides: Sequence[Response], beginnings: Sequence[tuple[str, Spans]]) -> None:
    _hold(comparison)
    for response, (text, found) in zip(sides, beginnings, strict=True):
        Response.objects.filter(pk=response.pk).update(text=text, identity=found)


@transaction.atomic
def _store(
    comparison: Comparison, sides: Sequence[Response], answers: Sequence[Answer], found: Sequence[Spans]
) -> None:
    _hold(comparison)
    for response, answer, where in zip(sides, answers, found, strict=True):
        Response.objects.filter(pk=response.pk).update(
            text=answer.text,
            identity=where,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.answer_tokens,
            finish_reason=answer.finish_reason,
            latency=answer.seconds,
        )


def _hold(comparison: Comparison) -> None:
    """First in a transaction that writes answers: whoever lost the comparison writes nothing over another's answers,
    and nobody can take it before the commit. Raises Stopped."""
    if not beat(comparison):
        raise Stopped
