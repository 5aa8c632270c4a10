"""Sampling a hidden model's answer to a red teamer, who watches it grow."""

import logging
import time

from django.db import transaction

from annotation.blinding import asked_in, known_names
from annotation.identity import Spans, spans
from annotation.models import Reply, Response
from modeling.chat import ChatError
from modeling.checkpoints import CheckpointError
from modeling.endpoints import ContextTooLongError, Endpoint, EndpointError
from modeling.registry.jobs import beat
from modeling.sampling import Answer, Request, Sampler, SamplingError, stream
from workers.carrying import JobError, ShouldStop, Stopped
from workers.loading import policy_of
from workers.pacing import Pace
from workers.sampling import ASKED_FOR, SHOW_EVERY_SECONDS, beginning, room_for

log = logging.getLogger(__name__)


def reply(job: Reply, should_stop: ShouldStop) -> None:
    """Sample one answer; what is seen meanwhile keeps a pace that the model does not set. What goes wrong is said
    without naming the model: the red teamer reads it."""
    response = Response.objects.select_related("model_version", "prompt").get(pk=job.response_id)
    sampler, request = _asked(job, response)
    names, said = known_names(), asked_in(response.prompt.messages)
    text, answer = "", None
    pace = Pace([request.max_new_tokens])
    began = shown_at = time.monotonic()
    try:
        for increment in stream([(sampler, request)]):
            text += increment.text
            answer = increment.answer or answer
            if should_stop():
                raise Stopped
            if (now := time.monotonic()) - shown_at >= SHOW_EVERY_SECONDS:
                if seen := pace.seen_after(now - began, [len(text)], [answer is not None]):
                    _show(job, *beginning(text, seen, spans(text, names, said)))
                shown_at = now
    except ContextTooLongError as error:
        raise JobError("The conversation is too long for the model. Label the attempt, or start a new one.") from error
    except EndpointError as error:
        log.error("reply %s: %s", job.pk, error)
        raise JobError(
            f"The model could not be asked. A manager finds the reason in the worker's log (reply {job.pk})."
        ) from error
    except (ChatError, SamplingError) as error:
        raise JobError(f"The answer could not be sampled: {error}.") from error
    assert answer is not None  # noqa: S101 - a stream that ends has answered
    _store(job, answer, spans(answer.text, names, said))


def _asked(job: Reply, response: Response) -> tuple[Sampler, Request]:
    assert response.model_version is not None  # noqa: S101 - drawn from the pool
    try:
        sampler = policy_of(response.model_version)
    except CheckpointError as error:
        log.error("reply %s: %s: %s", job.pk, response.model_version, error)
        raise JobError(
            f"The model could not be loaded. A manager finds the reason in the worker's log (reply {job.pk})."
        ) from error
    try:
        request = Request(response.prompt.messages, **{name: getattr(response, name) for name in ASKED_FOR})
        if not isinstance(sampler, Endpoint):
            room_for(sampler, request)
    except (ChatError, SamplingError) as error:
        raise JobError(f"The answer could not be sampled: {error}.") from error
    return sampler, request


@transaction.atomic
def _show(job: Reply, text: str, found: Spans) -> None:
    _hold(job)
    Response.objects.filter(pk=job.response_id).update(text=text, identity=found)


@transaction.atomic
def _store(job: Reply, answer: Answer, found: Spans) -> None:
    _hold(job)
    Response.objects.filter(pk=job.response_id).update(
        text=answer.text,
        identity=found,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.answer_tokens,
        finish_reason=answer.finish_reason,
        latency=answer.seconds,
    )


def _hold(job: Reply) -> None:
    """Whoever lost the job writes nothing over another's answer. Raises Stopped."""
    if not beat(job):
        raise Stopped
