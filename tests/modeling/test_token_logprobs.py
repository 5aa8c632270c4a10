"""The log-probabilities of the tokens that are asked for are those of the whole logits, in every architecture."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from modeling import token_logprobs
from modeling.token_logprobs import Batch, logprobs_of

SHAPE: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.3,
    "pad_token_id": 0,
}
MODELS = {
    "a head of its own": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=False)),
    "a head tied to the embeddings": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=True)),
    "capped logits": lambda: Gemma2ForCausalLM(Gemma2Config(**SHAPE, head_dim=16, final_logit_softcapping=2.0)),
    "scaled logits": lambda: CohereForCausalLM(CohereConfig(**SHAPE, logit_scale=0.25)),
    "divided logits": lambda: GraniteForCausalLM(GraniteConfig(**SHAPE, logits_scaling=4.0)),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(0)
    return MODELS[request.param]().eval()


def batch() -> Batch:
    ids = torch.arange(24).reshape(2, 12) * 7 % 60
    return Batch({"input_ids": ids}, torch.tensor([0, 0, 1, 1]), torch.tensor([3, 7, 2, 2]), torch.tensor([9, 8, 7, 6]))


def whole(model: PreTrainedModel) -> Tensor:
    asked = batch()
    logprobs = model(**asked.inputs).logits.float().log_softmax(dim=-1)
    return logprobs[asked.rows, asked.places, asked.ids]


def test_they_are_those_of_the_whole_logits(model: PreTrainedModel) -> None:
    with torch.no_grad():
        found = logprobs_of(model)(model, batch())
        torch.testing.assert_close(found, whole(model), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("chunk", [60, 120, 10_000])
def test_their_gradients_are_too_in_chunks_of_any_size(
    model: PreTrainedModel, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_logprobs, "CHUNK", chunk)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0])
    (weights * logprobs_of(model)(model, batch())).sum().backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    (weights * whole(model)).sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, atol=1e-5, rtol=1e-4)


def test_no_logits_are_made_but_those_asked_for() -> None:
    model = MODELS["a head of its own"]()
    logprobs = logprobs_of(model)
    seen: list[int] = []
    model.get_output_embeddings().register_forward_hook(lambda *call: seen.append(call[2].shape[:-1].numel()))
    logprobs(model, batch())
    assert seen == [4]
