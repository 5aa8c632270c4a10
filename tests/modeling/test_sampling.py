import math
from collections import Counter

import pytest
import torch

from modeling.chat import Message, encode_prompt
from modeling.checkpoints import Policy
from modeling.drawing import draw_tokens
from modeling.sampling import (
    Answer,
    Request,
    SamplingError,
    _Text,
    answer_seed,
    sample_batch,
    stream,
)


def asked(content: str) -> list[Message]:
    return [Message(role="user", content=content)]


def streamed(policy: Policy, *requests: Request) -> tuple[list[str], list[Answer]]:
    """The joined increments and the finished answers, by request."""
    texts = ["" for _ in requests]
    answers: dict[int, Answer] = {}
    for index, text, answer in stream([(policy, request) for request in requests]):
        texts[index] += text
        if answer is not None:
            answers[index] = answer
    return texts, [answers[index] for index in range(len(requests))]


def draw(probabilities: list[float], uniform: float, temperature: float = 1.0, top_p: float = 1.0) -> int:
    logits = torch.tensor([probabilities]).log()
    return int(draw_tokens(logits, torch.tensor([temperature]), torch.tensor([top_p]), torch.tensor([uniform])))


def test_a_token_is_drawn_by_inverting_the_cumulative_distribution() -> None:
    # in the order of the vocabulary: token 0 covers 0 to 0.2, token 1 to 0.7, token 2 to 1
    assert [draw([0.2, 0.5, 0.3], u) for u in (0.0, 0.19, 0.21, 0.69, 0.71, 0.999)] == [0, 0, 1, 1, 2, 2]


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    # 0.5 and 0.3 together reach 0.7, so token 0 is out; rescaled, token 1 covers 0 to 0.625
    assert [draw([0.2, 0.5, 0.3], u, top_p=0.7) for u in (0.62, 0.63, 0.999)] == [1, 2, 2]
    assert {draw([0.2, 0.5, 0.3], u, top_p=0.01) for u in (0.0, 0.5, 0.999)} == {1}


def test_temperature_divides_the_logits() -> None:
    # at temperature 2 the probabilities go as their roots: 0.9, 0.1 become 0.75, 0.25
    assert [draw([0.9, 0.1], u, temperature=2.0) for u in (0.74, 0.76)] == [0, 1]
    assert [draw([0.9, 0.1], u) for u in (0.89, 0.91)] == [0, 1]
    assert {draw([0.3, 0.4, 0.3], u, temperature=0.0) for u in (0.0, 0.5, 0.999)} == {1}


def test_drawn_tokens_follow_the_distribution() -> None:
    n = 20_000
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(n, 3)
    uniform = torch.rand(n, generator=torch.Generator().manual_seed(0))
    counts = Counter(draw_tokens(logits, torch.ones(n), torch.ones(n), uniform).tolist())
    for token, share in enumerate([0.5, 0.3, 0.2]):
        # four standard errors of a share at n = 20,000
        assert counts[token] / n == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(policy: Policy) -> None:
    def texts(seed: int) -> list[str]:
        return streamed(policy, Request(asked("the sky"), seed=seed, max_new_tokens=12))[0]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_the_streamed_text_is_the_text_of_the_answer(policy: Policy) -> None:
    requests = [Request(asked("the sky"), seed=seed, max_new_tokens=20) for seed in range(8)]
    texts, answers = streamed(policy, *requests)
    assert texts == [answer.text for answer in answers]
    assert any(texts)


def test_an_answer_does_not_depend_on_what_else_is_in_the_batch(policy: Policy) -> None:
    requests = [
        Request(asked("the sky"), temperature=0.7, seed=3, max_new_tokens=9),
        Request(asked("how do I plant a tree in the garden today"), top_p=0.8, seed=4, max_new_tokens=14),
        Request(asked("hot"), temperature=0.0, max_new_tokens=5),
    ]
    together, _ = streamed(policy, *requests)
    assert together == [streamed(policy, request)[0][0] for request in requests]


def test_greedy_answers_are_those_of_transformers(policy: Policy) -> None:
    answer = streamed(policy, Request(asked("the sky is"), temperature=0, max_new_tokens=10))[1][0]
    prompt = policy.tokenizer.apply_chat_template(
        asked("the sky is"),
        chat_template="{{ bos_token }}[INST] {{ messages[0].content }} [/INST]",
        return_tensors="pt",
    )
    theirs = policy.model.generate(**prompt, do_sample=False, max_new_tokens=10, pad_token_id=0)
    expected = policy.tokenizer.decode(theirs[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert answer.text == expected.strip()


def test_an_answer_ends_at_the_end_of_the_turn_or_at_its_limit(policy: Policy) -> None:
    answer = streamed(policy, Request(asked("the sky"), seed=1, max_new_tokens=3))[1][0]
    assert (answer.finish_reason, answer.answer_tokens) == ("length", 3)

    bias = torch.zeros(policy.model.config.vocab_size)
    bias[policy.tokenizer.eos_token_id] = 1e4
    hook = policy.model.lm_head.register_forward_hook(lambda module, args, output: output + bias)
    try:
        answer = streamed(policy, Request(asked("the sky"), max_new_tokens=3))[1][0]
    finally:
        hook.remove()
    assert (answer.finish_reason, answer.answer_tokens, answer.text) == ("stop", 0, "")


def test_finished_rows_leave_the_batch(policy: Policy) -> None:
    sizes: list[int] = []
    hook = policy.model.lm_head.register_forward_hook(lambda module, args, output: sizes.append(len(output)))
    try:
        streamed(
            policy,
            *(Request(asked("the sky"), seed=5, max_new_tokens=length) for length in (2, 4)),
        )
    finally:
        hook.remove()
    # one prefill of the prompt that both share, then two rows until the first is done
    assert sizes == [1, 2, 1, 1]


def test_two_policies_stream_side_by_side(policy: Policy) -> None:
    other = Policy(type(policy.model)(policy.model.config).eval(), policy.tokenizer)
    request = Request(asked("the sky"), temperature=0, max_new_tokens=30)
    increments = list(stream([(policy, request), (other, request)]))
    finished = [increment.request for increment in increments if increment.answer]
    assert sorted(finished) == [0, 1]
    order = [increment.request for increment in increments]
    assert order != sorted(order)


def test_half_a_character_is_never_shown(policy: Policy) -> None:
    tokenizer = policy.tokenizer
    text = _Text(tokenizer)
    shown = [text.add(token) for token in tokenizer.encode("é ☂ 🙂 tree", add_special_tokens=False)]
    shown.append(text.finish())
    assert "".join(shown) == "é ☂ 🙂 tree"
    assert not any("\N{REPLACEMENT CHARACTER}" in part for part in shown)
    assert len([part for part in shown if part]) > 1


def test_an_answer_cut_within_a_character_still_streams_its_own_text(policy: Policy) -> None:
    text = _Text(policy.tokenizer)
    shown = [text.add(token) for token in policy.tokenizer.encode("tree 🙂", add_special_tokens=False)[:-1]]
    shown.append(text.finish())
    assert "".join(shown) == text.text()
    assert text.text().startswith("tree")


def test_a_batch_answers_every_prompt_n_times(policy: Policy) -> None:
    prompts = [asked("the sky"), asked("how do I plant a tree"), asked("hot")]
    answers = dict(sample_batch(policy, prompts, n=3, seed=7, max_new_tokens=8, rows=4))
    assert sorted(answers) == [0, 1, 2]
    assert all(len(drawn) == 3 for drawn in answers.values())
    assert len({answer.text for drawn in answers.values() for answer in drawn}) > 3


def test_answers_of_a_batch_do_not_depend_on_its_order_or_size(policy: Policy) -> None:
    prompts = [asked("the sky"), asked("how do I plant a tree"), asked("hot")]

    def texts(order: list[int], rows: int) -> dict[int, list[str]]:
        sampled = sample_batch(policy, [prompts[i] for i in order], n=2, seed=7, max_new_tokens=8, rows=rows)
        return {order[index]: [answer.text for answer in drawn] for index, drawn in sampled}

    assert texts([0, 1, 2], rows=64) == texts([2, 0, 1], rows=2)


def test_answers_equal_those_that_are_streamed_with_their_seed(policy: Policy) -> None:
    [(_, [_, second])] = sample_batch(policy, [asked("the sky")], n=2, seed=7, max_new_tokens=8)
    seed = answer_seed(7, asked("the sky"), 1)
    assert streamed(policy, Request(asked("the sky"), seed=seed, max_new_tokens=8))[0] == [second.text]


def test_a_prompt_beyond_the_context_loses_its_oldest_tokens(policy: Policy) -> None:
    long = Request(asked("the sky is blue " * 40), max_new_tokens=8, temperature=0)
    answer = streamed(policy, long)[1][0]
    assert answer.prompt_tokens == 128 - 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 3.5}, "temperature must be between 0 and 2, got 3.5"),
        ({"temperature": float("nan")}, "temperature must be between 0 and 2, got nan"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, got 1.1"),
        ({"seed": -1}, "seed must be between 0 and 2\\*\\*63 - 1, got -1"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"max_new_tokens": 128}, "max_new_tokens must be below the model's 128 positions, got 128"),
    ],
)
def test_a_parameter_out_of_range_is_named(policy: Policy, settings: dict[str, float], message: str) -> None:
    with pytest.raises(SamplingError, match=message):
        streamed(policy, Request(asked("the sky"), **{"max_new_tokens": 4, **settings}))  # type: ignore[arg-type]
    with pytest.raises(SamplingError, match=message):
        list(sample_batch(policy, [asked("the sky")], **{"max_new_tokens": 4, **settings}))  # type: ignore[arg-type]


def test_token_ids_and_log_probabilities_are_those_of_one_forward_over_the_whole_text(policy: Policy) -> None:
    prompts = [asked("the sky"), asked("how do I plant a tree in the garden today")]
    batch = dict(
        sample_batch(policy, prompts, n=2, seed=3, max_new_tokens=9, temperature=0.7, top_p=0.8, logprobs=True)
    )
    for index, messages in enumerate(prompts):
        prompt = encode_prompt(policy.tokenizer, messages)
        for answer in batch[index]:
            assert answer.logprobs is not None
            with torch.no_grad():
                logits = policy.model(torch.tensor([[*prompt, *answer.token_ids]])).logits[0, len(prompt) - 1 : -1]
            expected = logits.log_softmax(-1).gather(1, torch.tensor(answer.token_ids).unsqueeze(1)).squeeze(1)
            assert answer.logprobs == pytest.approx(expected.tolist(), abs=1e-5)
            assert len(answer.token_ids) == answer.answer_tokens + (answer.finish_reason == "stop")


def test_the_end_of_the_turn_is_among_the_token_ids_and_only_those_who_ask_get_log_probabilities(
    policy: Policy,
) -> None:
    end = policy.tokenizer.eos_token_id
    bias = torch.zeros(policy.model.config.vocab_size)
    bias[end] = 1e4
    hook = policy.model.lm_head.register_forward_hook(lambda module, args, output: output + bias)
    try:
        _, [with_them, without] = streamed(
            policy, *(Request(asked("the sky"), max_new_tokens=5, logprobs=wish) for wish in (True, False))
        )
    finally:
        hook.remove()
    assert (with_them.token_ids, with_them.logprobs) == ((end,), (0.0,))
    assert (without.token_ids, without.logprobs) == ((end,), None)
