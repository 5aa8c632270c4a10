import pytest
import torch
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    MistralConfig,
    MistralForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForSequenceClassification,
)

from modeling.checkpoints import RewardModel, save
from modeling.lean_forward import ends_alone
from modeling.shared_prefix import Row, by_length, end_scores, pack, shared_row

ROWS = [
    Row([1, 20, 21, 22, 23], [[30, 31, 2], [40, 41, 42, 43, 2]]),
    Row([1, 50], [[60, 2], [2]]),
    Row([], [[1, 70, 71, 2], [72, 2]]),
]

Family = tuple[type[PreTrainedModel], type[PretrainedConfig]]
QWEN: Family = (Qwen2ForSequenceClassification, Qwen2Config)
MISTRAL: Family = (MistralForSequenceClassification, MistralConfig)


def alone(reward_model: RewardModel, ids: list[int]) -> Tensor:
    """The score of one sequence by transformers' own forward pass, without padding or sharing."""
    with torch.no_grad():
        return reward_model.model(input_ids=torch.tensor([ids])).logits[0, 0]


def test_a_shared_beginning_scores_as_separate_passes_do(reward_model: RewardModel) -> None:
    with torch.no_grad():
        scores = end_scores(reward_model.model, pack(ROWS, pad_token_id=0))
    expected = [[alone(reward_model, row.prefix + tail) for tail in row.tails] for row in ROWS]
    torch.testing.assert_close(scores, torch.tensor(expected), atol=1e-5, rtol=0)
    assert scores.std() > 0.1


def test_a_score_does_not_depend_on_padding_or_on_the_batch(reward_model: RewardModel) -> None:
    with torch.no_grad():
        together = end_scores(reward_model.model, pack(ROWS, pad_token_id=0))
        other_padding = end_scores(reward_model.model, pack(ROWS, pad_token_id=99))
        single = torch.cat([end_scores(reward_model.model, pack([row], pad_token_id=0)) for row in ROWS])
    torch.testing.assert_close(together, single, atol=1e-5, rtol=0)
    torch.testing.assert_close(together, other_padding, atol=1e-5, rtol=0)


def test_gradients_equal_those_of_separate_passes(reward_model: RewardModel) -> None:
    model = reward_model.model
    end_scores(model, pack(ROWS, pad_token_id=0)).sum().backward()
    shared = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    for row in ROWS:
        for tail in row.tails:
            model(input_ids=torch.tensor([row.prefix + tail])).logits.sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(shared[name], parameter.grad, atol=1e-4, rtol=1e-4)
    model.zero_grad()


def test_transformers_reads_the_saved_model_and_gives_the_same_scores(
    reward_model: RewardModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(reward_model.model, reward_model.tokenizer, folder)
    loaded = AutoModelForSequenceClassification.from_pretrained(folder)
    sequences = [[1, 20, 21, 2], [1, 50, 2]]
    padded = torch.tensor([sequences[0], [*sequences[1], loaded.config.pad_token_id]])
    with torch.no_grad():
        theirs = loaded(input_ids=padded, attention_mask=torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])).logits
        ours = end_scores(reward_model.model, pack([Row([], [ids]) for ids in sequences], pad_token_id=0))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_a_row_shares_the_longest_common_beginning() -> None:
    assert shared_row([[1, 5, 6, 7, 2], [1, 5, 6, 8, 9, 2]], 100) == Row([1, 5, 6], [[7, 2], [8, 9, 2]])


def test_each_tail_keeps_at_least_its_last_token() -> None:
    assert shared_row([[1, 5, 2], [1, 5, 2]], 100) == Row([1, 5], [[2], [2]])
    assert shared_row([[1, 5, 2]], 100) == Row([1, 5], [[2]])


def test_both_answers_lose_the_same_oldest_tokens() -> None:
    row = shared_row([[1, 4, 5, 6, 7, 2], [1, 4, 5, 6, 8, 9, 2]], 5, bos_token_id=1)
    assert row == Row([1, 6], [[7, 2], [8, 9, 2]])


def test_an_answer_that_is_too_long_keeps_the_end_of_its_turn() -> None:
    assert shared_row([[1, 5, 6, 7, 8, 2], [1, 9, 2]], 3, bos_token_id=1) == Row([], [[5, 6, 2], [9, 2]])


def test_groups_are_of_like_length_and_stay_within_the_budget() -> None:
    rows = [Row([1] * length, [[2]]) for length in (9, 1, 4, 8, 30, 2)]
    groups = by_length(rows, token_budget=20)
    assert groups == [[4], [0, 3], [2, 5, 1]]


def test_the_last_layer_computed_for_the_ends_alone_gives_what_the_whole_layer_gives(reward_model: RewardModel) -> None:
    model, watched = reward_model.model, []
    assert ends_alone(model)
    ends = end_scores(model, pack(ROWS, pad_token_id=0))
    # whoever hooks into a layer sees all of its states
    hook = model.base_model.layers[-1].register_forward_hook(lambda module, args, output: watched.append(output))
    try:
        whole = end_scores(model, pack(ROWS, pad_token_id=0))
    finally:
        hook.remove()
    assert watched[0].shape[:2] == (len(ROWS), max(map(len, ROWS)))
    torch.testing.assert_close(ends, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("architecture", [QWEN, MISTRAL])
def test_reward_models_of_other_families_score_as_separate_passes_do(architecture: Family, key_heads: int) -> None:
    torch.manual_seed(5)
    kind, settings = architecture
    shape = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes = {"vocab_size": 100, "num_key_value_heads": key_heads, "num_labels": 1, "initializer_range": 0.2}
    model = kind(settings(**shape, **sizes, sliding_window=None, pad_token_id=0)).eval()
    assert ends_alone(model)
    with torch.no_grad():
        scores = end_scores(model, pack(ROWS, pad_token_id=0))
        expected = [[model(torch.tensor([row.prefix + tail])).logits[0, 0] for tail in row.tails] for row in ROWS]
    torch.testing.assert_close(scores, torch.tensor(expected), atol=1e-5, rtol=0)
    assert scores.std() > 0.1
