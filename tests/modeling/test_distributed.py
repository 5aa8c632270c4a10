"""Several processes train as one does, whatever the recipe: the same curve, and checkpoints that either goes on from.

A recipe joins by one line in RECIPES: its module, and the function that fills a run's folder for it.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.checkpoints import is_whole, load_reward_model
from modeling.reward_config import RewardConfig
from modeling.training_config import load_config, save_config
from tests.modeling.conftest import preference, write_jsonl
from tests.modeling.ranks import Prepare, assert_same_curve, curve, run_ranks, run_ranks_until

REWARD = "modeling.train_reward"


def reward_run(run: Path, base: Path) -> None:
    """Eight steps on 15 pairs of different lengths; an epoch's last batch is odd, so that the shares differ."""
    good = ("you dig a hole", "water the tree every day", "the sky is blue and the sun is bright today")
    rows = [
        preference(number, good[number % 3], "the hot stove", rating="better", chosen_safe=True if number % 2 else None)
        for number in range(19)
    ]
    write_jsonl(run / "data" / "train.jsonl", rows[:15])
    write_jsonl(run / "data" / "test.jsonl", rows[15:])
    save_config(
        RewardConfig(
            run_dir=run,
            base=base,
            batch_size=4,
            learning_rate=3e-3,
            max_length=100,
            token_budget=80,
            epochs=2,
            checkpoint_every=2,
        )
    )


RECIPES = [
    pytest.param(REWARD, reward_run, id="train_reward"),
]


@pytest.fixture
def prepared(tmp_path: Path, base: Path) -> Callable[..., Path]:
    """Makes a run's folder by a recipe's function, with other settings where they are given."""

    def make(prepare: Prepare, name: str, **changes: Any) -> Path:
        run = tmp_path / name
        prepare(run, base)
        if changes:
            save_config(replace(load_config(RewardConfig, run / "config.yaml"), **changes))
        return run

    return make


def assert_same_weights(run: Path, expected: Path) -> None:
    """The models are the same to the rounding that AdamW's division makes of small gradients' rounding."""
    weights, others = (load_reward_model(each / "model").model.state_dict() for each in (run, expected))
    assert weights.keys() == others.keys()
    for name, tensor in others.items():
        torch.testing.assert_close(
            weights[name], tensor, atol=1e-4, rtol=0, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.slow
@pytest.mark.parametrize(("module", "prepare"), RECIPES)
def test_two_processes_give_the_curve_of_one(module: str, prepare: Prepare, prepared: Callable[..., Path]) -> None:
    one = run_ranks(module, prepared(prepare, "one"), ranks=1)
    two = run_ranks(module, prepared(prepare, "two"), ranks=2)
    assert_same_curve(two, one)


@pytest.mark.slow
def test_two_processes_resume_to_the_curve_and_the_weights_of_a_run_without_a_break(
    prepared: Callable[..., Path],
) -> None:
    whole, stopped = (prepared(reward_run, name, epochs=15) for name in ("whole", "stopped"))
    run_ranks(REWARD, whole)
    output = run_ranks_until(5, REWARD, stopped)
    assert "stopped as asked; start the run again to go on" in output
    (newest, *_) = sorted((stopped / "checkpoints").iterdir(), key=lambda path: -int(path.name.removeprefix("step-")))
    assert is_whole(newest)
    assert_same_curve(run_ranks(REWARD, stopped), curve(whole), within=0)
    assert (stopped / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_with_two(prepared: Callable[..., Path]) -> None:
    whole, grown = (prepared(reward_run, name, epochs=15) for name in ("whole", "grown"))
    run_ranks(REWARD, whole, ranks=1)
    run_ranks_until(5, REWARD, grown, ranks=1)
    assert_same_curve(run_ranks(REWARD, grown, ranks=2), curve(whole))
    assert_same_weights(grown, whole)


@pytest.mark.slow
def test_sharded_processes_give_the_curve_and_the_model_of_one(prepared: Callable[..., Path]) -> None:
    one, sharded = prepared(reward_run, "one"), prepared(reward_run, "sharded", sharded=True)
    assert_same_curve(run_ranks(REWARD, sharded), run_ranks(REWARD, one, ranks=1))
    assert_same_weights(sharded, one)


@pytest.mark.slow
def test_a_sharded_run_and_an_unsharded_one_go_on_from_each_others_checkpoints(
    prepared: Callable[..., Path],
) -> None:
    whole = prepared(reward_run, "whole", epochs=15)
    run_ranks(REWARD, whole, ranks=1)
    for first, second in ((True, False), (False, True)):
        changed = prepared(reward_run, f"from-{first}", epochs=15, sharded=first)
        run_ranks_until(3, REWARD, changed)
        save_config(replace(load_config(RewardConfig, changed / "config.yaml"), sharded=second))
        assert_same_curve(run_ranks(REWARD, changed), curve(whole))
        assert_same_weights(changed, whole)


@pytest.mark.slow
def test_adapters_in_sharded_processes_give_the_curve_and_the_model_of_one(prepared: Callable[..., Path]) -> None:
    one = prepared(reward_run, "one", lora_rank=4)
    sharded = prepared(reward_run, "sharded", lora_rank=4, sharded=True, epochs=2)
    assert_same_curve(run_ranks(REWARD, sharded), run_ranks(REWARD, one, ranks=1))
    assert_same_weights(sharded, one)
