"""PPO in several processes gives the curve of one, sharded or not, and goes on where it was stopped or killed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.checkpoints import RewardModel, load_policy, save
from modeling.ppo_config import PPOConfig
from modeling.training_config import load_config, save_config
from tests.modeling.conftest import SENTENCES, write_jsonl
from tests.modeling.ranks import Forked, assert_same_curve, curve, kill_once, run_ranks, run_ranks_until

PPO = "modeling.train_ppo"

pytestmark = pytest.mark.slow


@pytest.fixture
def prepared(tmp_path: Path, base: Path, reward_model: RewardModel) -> Callable[..., Path]:
    """Makes a run's folder: three iterations of seven answers, so that the shares differ, evaluated after each."""
    rewarding = tmp_path / "rewarding"
    save(reward_model.model, reward_model.tokenizer, rewarding)

    def make(name: str, **changes: Any) -> Path:
        run = tmp_path / name
        for part, numbers in (("prompts", range(9)), ("held_out", range(20, 25))):
            rows = [
                {"messages": [{"role": "user", "content": f"{SENTENCES[number % 5]} {number}"}], "tag": "safety"}
                for number in numbers
            ]
            write_jsonl(run / "data" / f"{part}.jsonl", rows)
        config = PPOConfig(
            run_dir=run,
            base=base,
            helpfulness_reward=rewarding,
            safety_reward=rewarding,
            iterations=3,
            batch_size=14,
            mini_batch_size=7,
            learning_rate=1e-3,
            beta=0.1,
            max_new_tokens=6,
            max_length=60,
            token_budget=80,
            evaluate_every=1,
            checkpoint_every=2,
        )
        save_config(replace(config, **changes))
        return run

    return make


def assert_same_weights(run: Path, expected: Path) -> None:
    weights, others = (load_policy(each / "model").model.state_dict() for each in (run, expected))
    assert weights.keys() == others.keys()
    for name, tensor in others.items():
        torch.testing.assert_close(weights[name], tensor, atol=1e-4, rtol=0)


def test_two_processes_give_the_curve_of_one(prepared: Callable[..., Path]) -> None:
    one, two = prepared("one"), prepared("two")
    assert_same_curve(run_ranks(PPO, two), run_ranks(PPO, one, ranks=1))
    assert_same_weights(two, one)


def test_two_processes_resume_to_the_curve_of_a_run_without_a_break(prepared: Callable[..., Path]) -> None:
    whole, stopped = (prepared(name, iterations=6) for name in ("whole", "stopped"))
    run_ranks(PPO, whole)
    output = run_ranks_until(2, PPO, stopped)
    assert "stopped as asked; start the run again to go on" in output
    assert_same_curve(run_ranks(PPO, stopped), curve(whole), within=0)
    assert (stopped / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


def test_sharded_processes_give_the_curve_and_the_model_of_one(prepared: Callable[..., Path]) -> None:
    one, sharded = prepared("one"), prepared("sharded", sharded=True)
    assert_same_curve(run_ranks(PPO, sharded), run_ranks(PPO, one, ranks=1))
    assert_same_weights(sharded, one)
    report = json.loads((sharded / "report.json").read_text())
    assert report["parameters"] == sum(each.numel() for each in load_policy(one / "model").model.parameters())


def test_adapters_in_sharded_processes_give_the_curve_and_the_model_of_one(prepared: Callable[..., Path]) -> None:
    one, sharded = prepared("one", lora_rank=4), prepared("sharded", lora_rank=4, sharded=True)
    assert_same_curve(run_ranks(PPO, sharded), run_ranks(PPO, one, ranks=1))
    assert_same_weights(sharded, one)


def test_a_sharded_run_goes_on_from_the_checkpoint_of_one_process(prepared: Callable[..., Path]) -> None:
    whole, grown = (prepared(name, iterations=6) for name in ("whole", "grown"))
    run_ranks(PPO, whole, ranks=1)
    run_ranks_until(2, PPO, grown, ranks=1)
    save_config(replace(load_config(PPOConfig, grown / "config.yaml"), sharded=True))
    assert_same_curve(run_ranks(PPO, grown), curve(whole))
    assert_same_weights(grown, whole)


def test_a_process_killed_with_signal_9_resumes_to_the_same_weights(prepared: Callable[..., Path]) -> None:
    whole, killed = (prepared(name, iterations=8) for name in ("whole", "killed"))
    run_ranks(PPO, whole, ranks=1)
    kill_once((killed / "checkpoints" / "step-2").exists, Forked(PPO, killed, ranks=1))
    assert not (killed / "report.json").exists()
    assert_same_curve(run_ranks(PPO, killed, ranks=1), curve(whole), within=0)
    assert (killed / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()
