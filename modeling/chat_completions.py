"""Asking chat models behind an OpenAI-compatible endpoint (vLLM and others), through OpenAI's client library.

The same requests and answers as the engine's own. Where the server is busy, failing or out of reach, a request is tried
again after a growing pause; what it refuses, it refuses once.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from functools import lru_cache
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, NoReturn, TypeVar

import httpx2
import openai

from modeling.chat import alternating
from modeling.endpoints import ContextTooLongError, Endpoint, EndpointError, WithheldAnswerError
from modeling.sampling_requests import Answer, FinishReason, Increment, Request

_FINISHES: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_TOO_LONG = ("context_length_exceeded", "context length", "context window", "maximum model length")
"""How servers say that a dialogue and its answer don't fit, in the error's code or message."""
_HEARTBEAT = 0.1
"""Seconds after which a stream that is waiting for text yields an empty increment, so that its caller can stop."""
_LONGEST_PAUSE = 60.0
_Result = TypeVar("_Result")


def answer_requests(endpoint: Endpoint, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
    """Answers requests, some at a time, as (index, answer), each as soon as it is there. Raises EndpointError."""
    pool = ThreadPoolExecutor(endpoint.in_flight, thread_name_prefix="endpoint")
    try:
        futures = {pool.submit(answer, endpoint, request): index for index, request in enumerate(requests)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def answer(endpoint: Endpoint, request: Request) -> Answer:
    """Answers one request in one piece. Raises EndpointError, ChatError."""
    asked = _asked(endpoint, request)

    def ask() -> Answer:
        started = time.perf_counter()
        completion = _client(endpoint).chat.completions.create(**asked, stream=False)
        choice = _only_choice(endpoint, completion)
        spent = completion.usage
        return _answer(
            endpoint, request, choice.message.content or "", choice.finish_reason, spent, _logprobs(choice), started
        )

    return _with_patience(endpoint, ask)


def increments(endpoint: Endpoint, request: Request, index: int) -> Iterator[list[Increment]]:
    """Streams the answer to one request, whose index the increments carry; the last one brings the whole answer.

    While nothing arrives, an increment without text comes ten times a second. A stream that breaks before its first
    text is tried again; after that it can't be, since what was shown can't be taken back. Raises EndpointError,
    ChatError.
    """
    asked = _asked(endpoint, request)
    arrived = SimpleQueue[Increment | EndpointError]()
    stopped = Event()
    Thread(target=_stream_into, args=(arrived, stopped, endpoint, asked, request, index), daemon=True).start()
    try:
        while True:
            try:
                new = arrived.get(timeout=_HEARTBEAT)
            except Empty:
                yield [Increment(index, "", None)]
                continue
            if isinstance(new, EndpointError):
                raise new
            yield [new]
            if new.answer is not None:
                return
    finally:
        stopped.set()


def _stream_into(
    arrived: "SimpleQueue[Increment | EndpointError]",
    stopped: Event,
    endpoint: Endpoint,
    asked: dict[str, Any],
    request: Request,
    index: int,
) -> None:
    """In a thread of its own: puts the increments of an answer, or the error that ended it."""

    def ask() -> tuple[Any, Any, float]:
        """Opens the stream and waits for its first piece: so long, trying again is possible."""
        started = time.perf_counter()
        options = {"include_usage": True}
        opened = _client(endpoint).chat.completions.create(**asked, stream=True, stream_options=options)
        return opened, next(opened, None), started

    try:
        pieces, piece, started = _with_patience(endpoint, ask)
        text, shown, finish, spent, logprobs = "", "", "", None, list[float]()
        while piece is not None and not stopped.is_set():
            spent = piece.usage or spent
            for choice in piece.choices[:1]:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
                logprobs += _logprobs(choice)
            # white space at either end is no part of an answer, so that at the end is held back
            new, shown = text.strip()[len(shown) :], text.strip()
            if new:
                arrived.put(Increment(index, new, None))
            piece = next(pieces, None)
        pieces.close()
        if stopped.is_set():
            return
        if not finish:
            raise EndpointError(f"{endpoint} broke off its answer after {len(text)} characters; see the server's log")
        arrived.put(Increment(index, "", _answer(endpoint, request, text, finish, spent, logprobs, started)))
    except EndpointError as error:
        arrived.put(error)
    except Exception as error:  # whatever it is must reach the thread that waits
        arrived.put(_explained(endpoint, error))


def _asked(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": endpoint.model,
        "messages": alternating(request.messages),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "max_tokens": request.max_new_tokens,
    }
    return asked | {"logprobs": True} if request.logprobs else asked


def _answer(
    endpoint: Endpoint, request: Request, text: str, finish: str, spent: Any, logprobs: list[float], started: float
) -> Answer:
    if finish not in _FINISHES:
        raise WithheldAnswerError(f"{endpoint} ended its answer by {finish!r}; expected {' or '.join(_FINISHES)}")
    if spent is None:
        raise EndpointError(f"{endpoint} doesn't say how many tokens it spent (usage); use a server that does")
    if request.logprobs and not logprobs:
        raise EndpointError(f"{endpoint} gives no log-probabilities; ask without them, or use a server that does")
    return Answer(
        text.strip(),
        _FINISHES[finish],
        spent.prompt_tokens,
        spent.completion_tokens,
        time.perf_counter() - started,
        logprobs=tuple(logprobs) if request.logprobs else None,
    )


def _only_choice(endpoint: Endpoint, completion: Any) -> Any:
    """A server of another protocol may answer anything: a page of HTML, a list, an object without choices."""
    if choices := getattr(completion, "choices", None):
        return choices[0]
    raise EndpointError(
        f"{endpoint} doesn't speak the chat completions protocol: it answered {str(completion)[:200]!r}; check the "
        "URL, which usually ends in /v1"
    )


def _logprobs(choice: Any) -> list[float]:
    listed = choice.logprobs.content if choice.logprobs else None
    return [token.logprob for token in listed or []]


def _with_patience(endpoint: Endpoint, ask: Callable[[], _Result]) -> _Result:
    """Tries until it works, the endpoint's attempts are spent, or trying again can't help. Raises EndpointError."""
    for attempt in range(1, endpoint.attempts + 1):
        try:
            return ask()
        except EndpointError:
            raise
        except Exception as error:  # every failure of the client's is explained
            if attempt == endpoint.attempts or not _may_pass(error):
                raise _explained(endpoint, error, attempt) from error
            time.sleep(_pause(endpoint, error, attempt))
    raise AssertionError("attempts is at least 1")


def _may_pass(error: Exception) -> bool:
    """Whether trying again can help: the server is busy, failing or out of reach, and didn't refuse."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError | httpx2.TransportError)


def _pause(endpoint: Endpoint, error: Exception, attempt: int) -> float:
    """Seconds to wait: doubling, with chance in it so that many requests don't come back at once."""
    pause = endpoint.first_pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
    if isinstance(error, openai.APIStatusError):
        with suppress(ValueError):  # a date: the doubling pause will do
            pause = max(pause, float(error.response.headers.get("retry-after", 0)))
    return min(pause, _LONGEST_PAUSE)


def _explained(endpoint: Endpoint, error: Exception, attempts: int = 1) -> EndpointError:
    tried = f" after {attempts} attempts" if attempts > 1 else ""
    if isinstance(error, openai.APIStatusError):
        said = _said(error)
        if error.status_code in (400, 413, 422) and any(sign in f"{error.code} {said}".lower() for sign in _TOO_LONG):
            return ContextTooLongError(
                f"{endpoint}: the dialogue and its answer don't fit into the model's context. The server said: {said}. "
                "Shorten the dialogue or lower max_new_tokens"
            )
        return EndpointError(
            f"{endpoint} answered {error.status_code}{tried}: {said}. {_advice(endpoint, error.status_code)}"
        )
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return EndpointError(
            f"{endpoint} sent nothing for {endpoint.timeout:g} seconds{tried}; see whether the server is overloaded"
        )
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError):
        reason = error.__cause__ or error
        return EndpointError(
            f"{endpoint} is out of reach or broke the connection{tried} ({reason}); check the URL and see whether the "
            "server runs"
        )
    return EndpointError(
        f"{endpoint} answered something that can't be read ({type(error).__name__}: {error}); check that the URL is "
        "that of a chat completions server and see its log"
    )


def _said(error: openai.APIStatusError) -> str:
    body: Any = error.body
    said = body.get("message") if isinstance(body, dict) else body
    return " ".join(str(said or error.message).split())[:300].rstrip(".")


def _advice(endpoint: Endpoint, status: int) -> str:
    if status in (401, 403):
        variable = endpoint.key_variable or "none: register the model with --key-variable"
        return f"Check the key in the worker's environment variable ({variable})"
    if status == 404:
        return "Check the URL, which usually ends in /v1, and the server's name for the model"
    if status == 429:
        return "Try again later, or raise the server's limit"
    if status >= 500:
        return "See the server's log"
    return "Ask with settings that the server takes"


def _client(endpoint: Endpoint) -> Any:
    """The library's client, untyped: what servers answer is checked here, not believed."""
    key = "none"  # the library wants one; a server that asks for none ignores it
    if endpoint.key_variable:
        key = os.environ.get(endpoint.key_variable) or _keyless(endpoint)
    return _made_client(endpoint.base_url, key, endpoint.timeout)


@lru_cache(maxsize=8)
def _made_client(base_url: str, key: str, timeout: float) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key=key, timeout=timeout, max_retries=0)


def _keyless(endpoint: Endpoint) -> NoReturn:
    raise EndpointError(
        f"{endpoint} needs a key, and the environment variable {endpoint.key_variable} is not set; set it where the "
        "worker runs"
    )
