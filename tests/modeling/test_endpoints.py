"""A served model is asked through a real HTTP server on this machine that speaks the chat completions protocol."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from modeling.chat import Message
from modeling.endpoints import ContextTooLongError, Endpoint, EndpointError
from modeling.sampling import Answer, Request, SamplingError, answer_seed, sample_batch, sample_requests, stream
from tests.serving import Asked, Reply, Server, fails, hangs, says, serving, streams

SKY = [Message(role="user", content="the sky")]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def endpoint_of(server: Server, **settings: Any) -> Endpoint:
    return Endpoint(server.url, "llama", **{"first_pause": 0.01, "attempts": 3, **settings})


def answered(server: Server, request: Request | None = None, **settings: Any) -> Answer:
    [(_, answer)] = sample_requests(endpoint_of(server, **settings), [request or Request(SKY)])
    return answer


def streamed(server: Server, **settings: Any) -> tuple[str, Answer]:
    increments = list(stream([(endpoint_of(server, **settings), Request(SKY))]))
    answer = increments[-1].answer
    assert answer is not None
    return "".join(increment.text for increment in increments), answer


def test_a_request_is_passed_on_with_all_its_settings(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARBOUR_KEY", "secret")
    request = Request(SKY, temperature=0.7, top_p=0.9, seed=2**63 - 1, max_new_tokens=50)
    answer = answered(server, request, key_variable="HARBOUR_KEY")
    assert (answer.text, answer.finish_reason) == ("blue", "stop")
    assert (answer.prompt_tokens, answer.answer_tokens, answer.token_ids) == (11, 3, ())
    [(path, authorization, body)] = server.asked
    assert (path, authorization) == ("/v1/chat/completions", "Bearer secret")
    assert body.pop("messages") == SKY
    assert not body.pop("stream", False)
    expected = {"model": "llama", "temperature": 0.7, "top_p": 0.9, "seed": 2**63 - 1, "max_tokens": 50}
    assert body == expected


def test_a_batch_gets_the_same_seeds_as_a_policy_would(server: Server) -> None:
    prompts = [SKY, [Message(role="user", content="the sea")]]
    answers = dict(sample_batch(endpoint_of(server), prompts, n=2, seed=5))
    assert {index: len(drawn) for index, drawn in answers.items()} == {0: 2, 1: 2}
    seeds = {body["seed"] for _, _, body in server.asked}
    assert seeds == {answer_seed(5, prompt, draw) for prompt in prompts for draw in range(2)}


def test_several_requests_of_a_batch_are_sent_at_a_time(server: Server) -> None:
    both = threading.Barrier(2, timeout=60)

    def together(asked: Asked) -> None:
        both.wait()
        says("blue")(asked)

    server.otherwise = together
    assert len(list(sample_requests(endpoint_of(server, in_flight=2), [Request(SKY)] * 4))) == 4


def test_log_probabilities_are_asked_for_and_read(server: Server) -> None:
    listed: list[dict[str, Any]] = [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}]
    server.replies = [says("a", logprobs={"content": listed, "refusal": None})]
    assert answered(server, Request(SKY, logprobs=True)).logprobs == (-0.5,)
    assert server.asked[0][2]["logprobs"] is True
    with pytest.raises(EndpointError, match="gives no log-probabilities"):
        answered(server, Request(SKY, logprobs=True))


def test_an_answer_that_was_cut_says_so_and_one_that_was_withheld_is_an_error(server: Server) -> None:
    server.replies = [says("bl", finish="length"), says("", finish="content_filter")]
    assert answered(server).finish_reason == "length"
    with pytest.raises(EndpointError, match="ended its answer by 'content_filter'; expected stop or length"):
        answered(server)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_or_failing_is_asked_again(server: Server, status: int) -> None:
    server.replies = [fails(status), fails(status)]
    assert answered(server).text == "blue"
    assert len(server.asked) == 3


def test_a_server_that_keeps_failing_is_given_up_and_named(server: Server) -> None:
    server.otherwise = fails(500, "no memory left")
    with pytest.raises(EndpointError) as caught:
        answered(server)
    assert str(caught.value) == (
        f'"llama" at {server.url} answered 500 after 3 attempts: no memory left. See the server\'s log'
    )
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "advice"),
    [(400, "settings that the server takes"), (401, "HARBOUR_KEY"), (403, "HARBOUR_KEY"), (404, "ends in /v1")],
)
def test_what_a_server_refuses_is_not_asked_again(
    server: Server, status: int, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARBOUR_KEY", "secret")
    server.otherwise = fails(status, "no such thing")
    with pytest.raises(EndpointError, match=rf"answered {status}: no such thing\. .*{advice}") as caught:
        answered(server, key_variable="HARBOUR_KEY")
    assert "secret" not in str(caught.value)
    assert len(server.asked) == 1


def test_the_pauses_double_and_a_server_that_says_when_to_come_back_is_heard(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("modeling.chat_completions.time.sleep", pauses.append)
    server.replies = [fails(500), fails(500), fails(500), fails(429, retry_after="7")]
    answered(server, attempts=5, first_pause=1.0)
    assert 0.5 <= pauses[0] <= 1 <= pauses[1] <= 2 <= pauses[2] <= 4
    assert pauses[3] == pytest.approx(7, abs=1)  # 4 to 8 by doubling, at least 7 by Retry-After


def test_a_silent_server_times_out_and_is_asked_again(server: Server) -> None:
    server.replies = [hangs(4)]
    assert answered(server, timeout=1.5).text == "blue"
    server.replies = [hangs(4), hangs(4)]
    with pytest.raises(EndpointError, match=r"sent nothing for 1\.5 seconds after 2 attempts"):
        answered(server, timeout=1.5, attempts=2)


def test_a_server_that_is_not_there_is_named() -> None:
    gone = Server()
    gone.server_close()
    with pytest.raises(EndpointError, match=rf"at {gone.url} is out of reach .* after 2 attempts .*check the URL"):
        answered(gone, attempts=2)


def test_a_dialogue_beyond_the_context_is_said_to_be_too_long(server: Server) -> None:
    server.otherwise = fails(400, "This model's maximum context length is 128 tokens. However, you requested 130.")
    with pytest.raises(ContextTooLongError, match=r"128 tokens.*Shorten the dialogue or lower max_new_tokens"):
        answered(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize("content", ['{"choices": [', "[]", '{"choices": []}', "{}"])
def test_an_answer_of_another_protocol_is_an_error(server: Server, content: str) -> None:
    server.otherwise = lambda asked: asked.send(200, content)
    with pytest.raises(EndpointError, match=r"can't be read|doesn't speak the chat completions protocol"):
        answered(server)


def test_a_web_page_in_place_of_an_answer_is_an_error(server: Server) -> None:
    server.otherwise = lambda asked: asked.send(200, "<html>Welcome</html>", kind="text/html")
    with pytest.raises(EndpointError, match=r"doesn't speak the chat completions protocol.*Welcome"):
        answered(server)


def test_streamed_pieces_make_up_the_answer(server: Server) -> None:
    server.otherwise = streams("  The", " sky", " ", " is blue. ", "\n")
    text, answer = streamed(server)
    assert text == answer.text == "The sky  is blue."
    assert (answer.finish_reason, answer.prompt_tokens, answer.answer_tokens) == ("stop", 11, 5)
    assert server.asked[0][2]["stream_options"] == {"include_usage": True}


def test_a_stream_is_asked_for_again_until_its_first_piece(server: Server) -> None:
    server.replies = [fails(503), streams(finish=None, then=hangs(4))]
    server.otherwise = streams("blue")
    assert streamed(server, timeout=1.5)[0] == "blue"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (streams("The", " sky", finish=None), "broke off its answer after 7 characters"),
        (streams("The", finish=None, then=hangs(4)), "sent nothing for 1.5 seconds"),
        (streams("The", then=lambda asked: asked.wfile.write(b"data: {oops\n\n")), "can't be read"),
        (streams("The", usage=False), "how many tokens it spent"),
    ],
)
def test_a_broken_stream_is_an_error(server: Server, reply: Reply, message: str) -> None:
    server.otherwise = reply
    with pytest.raises(EndpointError, match=message):
        streamed(server, timeout=1.5)
    assert len(server.asked) == 1


def test_a_slow_stream_lets_its_caller_stop(server: Server) -> None:
    server.otherwise = streams("The", then=hangs(1))
    running = stream([(endpoint_of(server), Request(SKY))])
    seen = [next(running) for _ in range(4)]
    assert [increment.text for increment in seen if increment.text] == ["The"]
    del running


def test_two_endpoints_stream_side_by_side(server: Server) -> None:
    both = threading.Barrier(2, timeout=60)
    server.otherwise = streams("The", " sky", then=lambda asked: both.wait())
    endpoint = endpoint_of(server)
    answers = [increment for increment in stream([(endpoint, Request(SKY))] * 2) if increment.answer]
    assert sorted(increment.request for increment in answers) == [0, 1]


def test_a_key_that_is_not_there_is_named_before_anything_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARBOUR_KEY", raising=False)
    with pytest.raises(EndpointError, match="the environment variable HARBOUR_KEY is not set"):
        answered(server, key_variable="HARBOUR_KEY")
    assert not server.asked


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8000", "like http://host:8000/v1"),
        ("file:///etc/passwd", "like http://host:8000/v1"),
        ("http://me:pass@host/v1", "holds a user name or password"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(SamplingError, match=message) as caught:
        Endpoint(url, "llama")
    assert "pass@" not in str(caught.value)


def test_a_key_given_in_place_of_its_variable_is_refused_and_not_repeated() -> None:
    with pytest.raises(EndpointError, match="must be the name of an environment variable") as caught:
        Endpoint("http://host/v1", "llama", key_variable="sk-123-secret")
    assert "secret" not in str(caught.value)
