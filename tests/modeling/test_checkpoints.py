import shutil
from pathlib import Path

import pytest
import torch

from modeling.chat import LLAMA2_TEMPLATE
from modeling.checkpoints import (
    CheckpointError,
    Policy,
    RewardModel,
    digest,
    is_whole,
    load_policy,
    load_reward_model,
    new_reward_model,
    parameter_count,
    save,
    written_whole,
)


@pytest.fixture
def copied(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "copied"))


def test_a_saved_reward_model_is_loaded_with_the_same_weights(reward_model: RewardModel, tmp_path: Path) -> None:
    save(reward_model.model, reward_model.tokenizer, tmp_path / "model")
    loaded = load_reward_model(tmp_path / "model")
    for name, weights in reward_model.model.state_dict().items():
        assert torch.equal(weights, loaded.model.state_dict()[name])
    assert loaded.tokenizer.encode("the sky") == reward_model.tokenizer.encode("the sky")


def test_a_checkpoint_is_saved_with_the_format_that_it_was_used_with(base: Path, tmp_path: Path) -> None:
    model, tokenizer = load_policy(base)
    assert tokenizer.chat_template is None
    save(model, tokenizer, tmp_path / "without")
    assert load_policy(tmp_path / "without").tokenizer.chat_template == LLAMA2_TEMPLATE
    tokenizer.chat_template = "{{ messages[0].content }}"
    save(model, tokenizer, tmp_path / "own")
    assert load_policy(tmp_path / "own").tokenizer.chat_template == "{{ messages[0].content }}"


def test_a_new_reward_model_scores_zero_and_keeps_the_body(base: Path, policy: Policy) -> None:
    model = new_reward_model(base).model
    assert model(input_ids=torch.tensor([[1, 20, 2]])).logits.item() == 0
    assert torch.equal(model.model.norm.weight, policy.model.model.norm.weight)
    assert torch.equal(model.model.embed_tokens.weight, policy.model.model.embed_tokens.weight)


def test_a_reward_model_as_base_keeps_its_head(reward_model: RewardModel, tmp_path: Path) -> None:
    save(reward_model.model, reward_model.tokenizer, tmp_path / "earlier")
    assert torch.equal(new_reward_model(tmp_path / "earlier").model.score.weight, reward_model.model.score.weight)


def test_parameters_are_counted_from_the_headers(base: Path, policy: Policy) -> None:
    assert parameter_count(base) == sum(parameter.numel() for parameter in policy.model.parameters())


def test_the_digest_follows_weights_configuration_and_tokenizer(copied: Path, base: Path) -> None:
    assert digest(copied) == digest(base)
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        before = digest(copied)
        file = copied / name
        file.write_bytes(file.read_bytes() + b" ")
        assert digest(copied) != before
    (copied / "README.md").write_text("no part of the model")
    before = digest(copied)
    (copied / "README.md").unlink()
    assert digest(copied) == before


def test_a_folder_that_is_no_checkpoint_is_explained(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a folder"):
        load_policy(tmp_path / "nowhere")
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled, convert them to safetensors"):
        load_policy(copied)
    (copied / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        load_policy(copied)
    (copied / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load_policy(copied)


def test_weights_that_were_cut_short_are_not_loaded(copied: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    for load in (load_policy, new_reward_model, parameter_count):
        with pytest.raises(CheckpointError, match="damaged or incomplete"):
            load(copied)


def test_a_chat_model_is_not_taken_for_a_reward_model(base: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a reward model"):
        load_reward_model(base)


def test_a_write_that_fails_leaves_the_earlier_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with written_whole(folder) as partial:
        (partial / "weights").write_text("first")
    with pytest.raises(OSError, match="disk is full"), written_whole(folder) as partial:
        (partial / "weights").write_text("sec")
        raise OSError("disk is full")
    assert (folder / "weights").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert is_whole(folder)


def test_a_second_write_replaces_the_first(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with written_whole(tmp_path / "model") as partial:
            (partial / "weights").write_text(content)
    assert (tmp_path / "model" / "weights").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_a_missing_or_changed_byte_is_not_whole(tmp_path: Path) -> None:
    with written_whole(tmp_path / "step-1") as partial:
        (partial / "state").write_text("content")
    (tmp_path / "step-1" / "state").write_text("contenT")
    assert not is_whole(tmp_path / "step-1")
    (tmp_path / "step-1" / "state").unlink()
    assert not is_whole(tmp_path / "step-1")
    assert not is_whole(tmp_path / "step-2")
