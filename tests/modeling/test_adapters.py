"""Low-rank adapters: what they leave alone, and the plain checkpoint that a run with them ends in."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from modeling.adapters import add_adapters, merged
from modeling.checkpoints import load_reward_model, new_reward_model
from modeling.recipe import Progress
from modeling.reward_config import RewardConfig
from modeling.train_reward import train
from tests.modeling.conftest import preference

MakeRun = Callable[..., Path]


def data(numbers: range) -> list[dict[str, object]]:
    return [preference(number, "you dig a hole", "the hot stove") for number in numbers]


def settings(run: Path, base: Path) -> RewardConfig:
    return RewardConfig(
        run_dir=run, base=base, batch_size=4, learning_rate=1e-2, max_length=100, lora_rank=4, checkpoint_every=1
    )


def test_the_merged_weights_are_the_plain_models_plus_the_adapters_product() -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=32, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    )
    plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    add_adapters(model, rank=2, alpha=3)
    adapter = model.model.layers[0].mlp.down_proj
    torch.nn.init.constant_(adapter.lora_A["default"].weight, 0.1)
    torch.nn.init.constant_(adapter.lora_B["default"].weight, 0.2)
    together = merged(model, model.state_dict())
    assert together.keys() == plain.keys()
    # alpha / rank * B A = 3 / 2 * (2 * 0.2 * 0.1) in every place
    name = "model.layers.0.mlp.down_proj.weight"
    torch.testing.assert_close(together[name], plain[name] + 0.06)
    del together[name], plain[name]
    for other, tensor in plain.items():
        torch.testing.assert_close(together[other], tensor, msg=other)


def test_the_merged_model_answers_as_the_adapted_one_did() -> None:
    torch.manual_seed(0)
    shape = LlamaConfig(vocab_size=32, hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2)
    model, plain = LlamaForCausalLM(shape).eval(), LlamaForCausalLM(shape).eval()
    add_adapters(model, rank=2, alpha=16)
    model.eval()
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    plain.load_state_dict(merged(model, model.state_dict()))
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.no_grad():
        torch.testing.assert_close(plain(ids).logits, model(ids).logits, atol=1e-5, rtol=0)


def test_adapters_and_the_head_learn_and_all_else_stays(make_run: MakeRun, base: Path) -> None:
    result = train(settings(make_run(data(range(24)), data(range(24, 30))), base))
    trained = load_reward_model(result.model).model.state_dict()
    start = new_reward_model(base).model.state_dict()
    assert trained.keys() == start.keys()
    changed = {name for name, tensor in start.items() if not torch.equal(tensor, trained[name])}
    assert changed == {name for name in start if "proj" in name or name == "score.weight"}
    assert result.report["accuracy"]["accuracy"] == 1.0
    assert result.report["parameters"] == sum(tensor.numel() for tensor in start.values())


def test_an_adapters_change_has_its_rank(make_run: MakeRun, base: Path) -> None:
    result = train(replace(settings(make_run(data(range(24))), base), lora_rank=2))
    name = "model.layers.0.self_attn.q_proj.weight"
    change = load_reward_model(result.model).model.state_dict()[name] - new_reward_model(base).model.state_dict()[name]
    spectrum = torch.linalg.svdvals(change)
    assert spectrum[1] > 1e-4 > 1e-5 > spectrum[2]


class Killed(BaseException):
    """Stands for a process that ends without a chance to clean up."""


def test_a_killed_run_with_adapters_resumes_to_the_same_weights(make_run: MakeRun, base: Path) -> None:
    whole, killed = (settings(make_run(data(range(24)), name=name), base) for name in ("whole", "killed"))
    train(whole)

    def kill(progress: Progress) -> None:
        if progress.step == 3:
            raise Killed

    with pytest.raises(Killed):
        train(killed, kill)
    state = torch.load(killed.run_dir / "checkpoints" / "step-2" / "training.pt", weights_only=True)
    assert all("lora_" in name or "score" in name for name in state["model"])  # what doesn't learn isn't kept
    train(killed)
    assert (killed.run_dir / "model/model.safetensors").read_bytes() == (
        whole.run_dir / "model/model.safetensors"
    ).read_bytes()


def test_adapters_train_with_gradient_checkpointing_to_the_same_weights(make_run: MakeRun, base: Path) -> None:
    plain = settings(make_run(data(range(24))), base)
    first = load_reward_model(train(plain).model).model.state_dict()
    shutil.rmtree(plain.run_dir)
    again = replace(settings(make_run(data(range(24))), base), gradient_checkpointing=True)
    for name, tensor in load_reward_model(train(again).model).model.state_dict().items():
        torch.testing.assert_close(tensor, first[name], atol=1e-5, rtol=0)
