"""The engine reads what transformers reads: cohorts, shared prefills and windows change no probability."""

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from modeling import decoding
from modeling.chat import Message, encode_prompt
from modeling.checkpoints import Policy
from modeling.decoding import prefill
from modeling.sampling import Answer, Request, SamplingError, sample_requests

LENGTHS = (3, 12, 5, 9)
PROMPTS = ("the sky", "how do I plant a tree in the garden today", "hot", "the sky", "water the tree")
SHAPE = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
}


def mistral(vocabulary: int, window: int | None) -> PreTrainedModel:
    return MistralForCausalLM(MistralConfig(vocab_size=vocabulary, sliding_window=window, **SHAPE))


def qwen(vocabulary: int) -> PreTrainedModel:
    """Its first layer sees everything, its second a window of 6 tokens."""
    window = {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, **window, **SHAPE))


def asked() -> list[Request]:
    return [
        Request([Message(role="user", content=text)], seed=seed, max_new_tokens=length, logprobs=True)
        for seed, (text, length) in enumerate((text, length) for text in PROMPTS for length in LENGTHS)
    ]


def expect_the_models_own_probabilities(policy: Policy, requests: list[Request], answers: dict[int, Answer]) -> None:
    """Against one plain forward over each prompt with its answer."""
    assert sorted(answers) == list(range(len(requests)))
    for index, answer in answers.items():
        prompt = encode_prompt(policy.tokenizer, requests[index].messages)
        with torch.no_grad():
            logits = policy.model(torch.tensor([[*prompt, *answer.token_ids]])).logits[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(answer.token_ids).unsqueeze(1)).squeeze(1)
        assert answer.logprobs == pytest.approx(expected.tolist(), abs=1e-4)


@pytest.mark.parametrize("rows", [1, 3, 8, 64])
def test_places_of_finished_rows_are_taken_and_every_answer_stays_the_models_own(policy: Policy, rows: int) -> None:
    sizes: list[int] = []
    hook = policy.model.lm_head.register_forward_hook(lambda module, args, output: sizes.append(len(output)))
    try:
        answers = dict(sample_requests(policy, asked(), rows=rows))
    finally:
        hook.remove()
    expect_the_models_own_probabilities(policy, asked(), answers)
    assert max(sizes) <= rows
    if rows == 3:
        # 20 answers of 3 to 12 tokens: had each three waited for their slowest, there would be more forwards
        assert len(sizes) < sum(LENGTHS) * len(PROMPTS) / 2


@pytest.mark.parametrize("architecture", ["mistral", "mistral with a window", "qwen with a window in one layer"])
def test_other_architectures_keep_their_own_attention(policy: Policy, architecture: str) -> None:
    torch.manual_seed(3)
    vocabulary = policy.model.config.vocab_size
    models = {
        "mistral": lambda: mistral(vocabulary, None),
        "mistral with a window": lambda: mistral(vocabulary, 6),
        "qwen with a window in one layer": lambda: qwen(vocabulary),
    }
    other = Policy(models[architecture]().eval(), policy.tokenizer)
    before = other.model.config._attn_implementation
    answers = dict(sample_requests(other, asked(), rows=8))
    assert other.model.config._attn_implementation == before
    expect_the_models_own_probabilities(other, asked(), answers)


def test_a_prefill_of_prompts_of_any_length_gives_transformers_own_logits(policy: Policy) -> None:
    prompts = [encode_prompt(policy.tokenizer, [Message(role="user", content=text)]) for text in PROMPTS]
    with torch.no_grad():
        _, logits = prefill(policy, prompts)
        alone = torch.stack([policy.model(torch.tensor([prompt])).logits[0, -1] for prompt in prompts])
    torch.testing.assert_close(logits, alone, atol=1e-5, rtol=1e-5)


def test_a_model_with_another_kind_of_attention_is_refused_with_a_way_out(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy.model.config, "layer_types", ["linear_attention", "full_attention"], raising=False)
    with pytest.raises(SamplingError, match="has another kind; serve it with vLLM and register it as an endpoint"):
        list(sample_requests(policy, asked()))


def test_groups_of_any_size_share_their_prompts_while_their_rows_finish_one_by_one(policy: Policy) -> None:
    # 5, 1, 3 and 2 answers, each of another length: groups shrink, close up and leave in turn
    sizes = (5, 1, 3, 2)
    requests = [
        Request([Message(role="user", content=text)], seed=draw, max_new_tokens=2 + (7 * draw) % 11, logprobs=True)
        for text, size in zip(PROMPTS, sizes, strict=False)
        for draw in range(size)
    ]
    expect_the_models_own_probabilities(policy, requests, dict(sample_requests(policy, requests, rows=16)))


def test_a_prompt_with_more_answers_than_rows_is_in_two_cohorts(policy: Policy) -> None:
    requests = [
        Request([Message(role="user", content="the sky")], seed=draw, max_new_tokens=4 + draw, logprobs=True)
        for draw in range(7)
    ]
    expect_the_models_own_probabilities(policy, requests, dict(sample_requests(policy, requests, rows=4)))


def test_a_group_that_lost_its_last_row_leaves_the_other_rows_in_their_slots(policy: Policy) -> None:
    # the longer prompt's group comes first and stays whole; of the second's two rows the last finishes early
    requests = [
        Request([Message(role="user", content=text)], seed=seed, max_new_tokens=length, logprobs=True)
        for seed, (text, length) in enumerate(((PROMPTS[1], 8), (PROMPTS[1], 8), (PROMPTS[2], 8), (PROMPTS[2], 2)))
    ]
    expect_the_models_own_probabilities(policy, requests, dict(sample_requests(policy, requests, rows=4)))


@pytest.mark.parametrize("architecture", ["llama", "mistral with a window", "qwen with a window in one layer"])
def test_the_lean_forward_draws_what_transformers_own_draws(
    policy: Policy, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    vocabulary = policy.model.config.vocab_size
    models = {
        "llama": lambda: policy.model,
        "mistral with a window": lambda: mistral(vocabulary, 6),
        "qwen with a window in one layer": lambda: qwen(vocabulary),
    }
    model = models[architecture]().eval()
    assert decoding.is_lean(model)
    lean = dict(sample_requests(Policy(model, policy.tokenizer), asked(), rows=8))
    monkeypatch.setattr(decoding, "is_lean", lambda model: False)
    usual = dict(sample_requests(Policy(model, policy.tokenizer), asked(), rows=8))
    for index, answer in usual.items():
        assert lean[index].token_ids == answer.token_ids
        assert lean[index].logprobs == pytest.approx(answer.logprobs, abs=1e-5)


def test_whoever_hooks_into_a_layer_is_called_at_every_token(policy: Policy) -> None:
    calls: list[int] = []
    hook = policy.model.model.layers[0].register_forward_hook(lambda *_: calls.append(1))
    try:
        answers = dict(sample_requests(policy, asked()[:1]))
    finally:
        hook.remove()
    # the prefill draws the first token, and the last is not read
    assert len(calls) == len(answers[0].token_ids)


def test_under_autocast_the_answers_are_the_models_own_to_its_precision(policy: Policy) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        answers = dict(sample_requests(policy, asked(), rows=8))
        for index, answer in answers.items():
            prompt = encode_prompt(policy.tokenizer, asked()[index].messages)
            with torch.no_grad():
                logits = policy.model(torch.tensor([[*prompt, *answer.token_ids]])).logits[0, len(prompt) - 1 : -1]
            expected = logits.float().log_softmax(-1).gather(1, torch.tensor(answer.token_ids).unsqueeze(1)).squeeze(1)
            assert answer.logprobs == pytest.approx(expected.tolist(), abs=0.1)
