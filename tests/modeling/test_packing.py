"""Dialogues share a sequence without seeing each other: to each it is as if it were alone."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM, PreTrainedModel

from modeling.checkpoints import Policy
from modeling.packing import Example, fill, keeps_apart, pad
from modeling.token_logprobs import logprobs_of


def example(ids: list[int], trained: list[int]) -> Example:
    return Example(torch.tensor(ids, dtype=torch.int32), torch.tensor(trained, dtype=torch.bool))


EXAMPLES = [
    example([1, 20, 21, 22, 30, 31, 2], [0, 0, 0, 0, 1, 1, 1]),
    example([1, 40, 41, 2, 1, 42, 43, 44, 2], [0, 0, 1, 1, 0, 0, 0, 1, 1]),
    example([1, 50, 2], [0, 0, 1]),
]


def alone(model: PreTrainedModel, each: Example) -> Tensor:
    """Transformers' own logits of one dialogue by itself, and from them the sum of its trained tokens' losses."""
    ids = each.ids.long()
    losses = cross_entropy(model(input_ids=ids[None]).logits[0, :-1], ids[1:], reduction="none")
    return (losses * each.trained[1:]).sum()


def gradients(model: PreTrainedModel, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad()
    return found


def assert_same(gradients: dict[str, Tensor], others: dict[str, Tensor]) -> None:
    assert gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, others[name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sequences", [[[0, 1, 2]], [[2, 0], [1]], [[0], [1], [2]], [[1, 2, 0]]])
def test_losses_and_gradients_are_those_of_each_dialogue_alone(policy: Policy, sequences: list[list[int]]) -> None:
    model = policy.model
    packed = -logprobs_of(model)(model, pad([[EXAMPLES[i] for i in each] for each in sequences], 0)).sum()
    single = torch.stack([alone(model, each) for each in EXAMPLES]).sum()
    torch.testing.assert_close(packed, single, atol=1e-5, rtol=1e-5)
    assert_same(gradients(model, packed), gradients(model, single))


def test_a_dialogue_does_not_depend_on_its_neighbours_or_on_padding(policy: Policy) -> None:
    model = policy.model
    logprobs = logprobs_of(model)
    other = example([1, 90, 91, 92, 93, 94, 2], [0, 0, 0, 0, 0, 0, 0])
    expected = gradients(model, -logprobs(model, pad([[EXAMPLES[1]]], 0)).sum())
    for sequences in ([[other, EXAMPLES[1]]], [[EXAMPLES[1], other]], [[EXAMPLES[1]], [other, other]]):
        for padding in (0, 77):
            found = logprobs(model, pad(sequences, padding))
            torch.testing.assert_close(-found.sum(), alone(model, EXAMPLES[1]), atol=1e-5, rtol=1e-5)
            assert_same(gradients(model, -found.sum()), expected)


def test_a_sliding_window_slides_within_the_dialogue() -> None:
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=3,
        initializer_range=0.3,
    )
    model = MistralForCausalLM(config).eval()
    with torch.no_grad():
        packed = -logprobs_of(model)(model, pad([EXAMPLES], 0)).sum()
        single = torch.stack([alone(model, each) for each in EXAMPLES]).sum()
    torch.testing.assert_close(packed, single, atol=1e-5, rtol=1e-5)


def test_a_model_that_carries_a_state_across_dialogues_is_found_out(policy: Policy) -> None:
    torch.manual_seed(0)
    shape = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.3}
    assert keeps_apart(policy.model)
    assert not keeps_apart(MambaForCausalLM(MambaConfig(**shape, state_size=4)))


def test_positions_begin_anew_and_only_trained_tokens_are_asked_for() -> None:
    batch = pad([[EXAMPLES[2], EXAMPLES[0]], [EXAMPLES[2]]], pad_token_id=9)
    assert batch.inputs["input_ids"].tolist() == [
        [1, 50, 2, 1, 20, 21, 22, 30, 31, 2],
        [1, 50, 2, 9, 9, 9, 9, 9, 9, 9],
    ]
    assert batch.inputs["position_ids"][0].tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6]
    # token 2 (the end of the turn) after place 1; 30, 31 and 2 after places 6, 7 and 8; and the second row's
    assert batch.rows.tolist() == [0, 0, 0, 0, 1]
    assert batch.places.tolist() == [1, 6, 7, 8, 1]
    assert batch.ids.tolist() == [2, 30, 31, 2, 2]


def test_every_dialogue_is_in_one_sequence_and_none_is_too_long() -> None:
    lengths = [1 + (7 * number) % 40 for number in range(500)]
    sequences = fill(lengths, max_length=64, seed=3)
    assert sorted(index for members in sequences for index in members) == list(range(500))
    totals = [sum(lengths[index] for index in members) for members in sequences]
    assert max(totals) <= 64
    assert sum(totals) / (64 * len(sequences)) > 0.95  # nearly full: one dialogue per sequence would fill 0.32
    assert len(fill([64, 64, 64], 64, seed=0)) == 3


def test_the_seed_decides_who_shares_a_sequence() -> None:
    lengths = [10] * 50
    assert fill(lengths, 30, seed=1) == fill(lengths, 30, seed=1) != fill(lengths, 30, seed=2)
    assert [len(members) for members in fill(lengths, 30, seed=1)] == [3] * 16 + [2]
