"""Several processes train as one does: the same curve, and checkpoints that either goes on from.

The reward model's recipe stands here for what all share; every other recipe's own tests hold it to the curve of one.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from modeling.checkpoints import is_whole, load_policy, load_reward_model, save
from modeling.reward_config import RewardConfig
from modeling.sft_config import SFTConfig
from modeling.training_config import load_config, save_config
from tests.modeling.conftest import preference, write_jsonl
from tests.modeling.ranks import Forked, Torchrun, assert_same_curve, curve, run_ranks, run_ranks_until

REWARD = "modeling.train_reward"


def reward_run(run: Path, base: Path) -> None:
    """32 steps on 15 pairs of different lengths; an epoch's last batch is odd, so that the shares differ."""
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
            epochs=8,
            checkpoint_every=2,
        )
    )


Prepared = Callable[..., Path]


@pytest.fixture
def prepared(tmp_path: Path, base: Path) -> Prepared:
    """Makes a reward model's run in a folder of this name, with other settings where they are given."""

    def make(name: str, **changes: Any) -> Path:
        run = tmp_path / name
        reward_run(run, base)
        change(run, **changes)
        return run

    return make


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """A reward model's run of 32 steps that one process made without a break."""
    run = tmp_path_factory.mktemp("alone")
    reward_run(run, base)
    run_ranks(REWARD, run, ranks=1)
    return run


def change(run: Path, **settings: Any) -> None:
    """Changes a reward model's run to other settings."""
    if settings:
        save_config(replace(load_config(RewardConfig, run / "config.yaml"), **settings))


def assert_same_weights(run: Path, expected: Path) -> None:
    """The models are the same, but for what AdamW's division makes of the rounding of small gradients."""
    weights, others = (load_reward_model(each / "model").model.state_dict() for each in (run, expected))
    assert weights.keys() == others.keys()
    for name, tensor in others.items():
        torch.testing.assert_close(weights[name], tensor, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_two_processes_give_the_curve_and_the_model_of_one(prepared: Prepared, alone: Path) -> None:
    two = prepared("two")
    assert_same_curve(run_ranks(REWARD, two), curve(alone))
    assert_same_weights(two, alone)


@pytest.mark.slow
def test_two_processes_under_torchrun_stop_and_resume_to_the_same_weights_bit_for_bit(prepared: Prepared) -> None:
    whole, stopped = (prepared(name) for name in ("whole", "stopped"))
    run_ranks(REWARD, whole)
    output = run_ranks_until(3, REWARD, stopped, launch=Torchrun)  # which passes the signal on
    assert "stopped as asked; start the run again to go on" in output
    assert is_whole(stopped / "checkpoints" / f"step-{len(curve(stopped))}")
    assert_same_curve(run_ranks(REWARD, stopped), curve(whole), within=0)
    assert (stopped / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_with_two(prepared: Prepared, alone: Path) -> None:
    grown = prepared("grown")
    run_ranks_until(3, REWARD, grown, ranks=1)
    assert_same_curve(run_ranks(REWARD, grown, ranks=2), curve(alone))
    assert_same_weights(grown, alone)


@pytest.mark.slow
def test_sharded_processes_give_the_curve_and_the_model_of_one(prepared: Prepared, alone: Path) -> None:
    sharded = prepared("sharded", sharded=True)
    assert_same_curve(run_ranks(REWARD, sharded), curve(alone))
    assert_same_weights(sharded, alone)


@pytest.mark.slow
def test_sharded_and_whole_processes_go_on_from_each_others_checkpoints(prepared: Prepared, alone: Path) -> None:
    run = prepared("changing", sharded=True)
    run_ranks_until(3, REWARD, run)
    change(run, sharded=False)
    run_ranks_until(len(curve(run)) + 3, REWARD, run)
    change(run, sharded=True)
    assert_same_curve(run_ranks(REWARD, run), curve(alone))
    assert_same_weights(run, alone)


@pytest.mark.slow
def test_adapters_in_sharded_processes_give_the_curve_and_the_model_of_one(prepared: Prepared) -> None:
    one = prepared("one", epochs=2, lora_rank=4)
    sharded = prepared("sharded", epochs=2, lora_rank=4, sharded=True)
    assert_same_curve(run_ranks(REWARD, sharded), run_ranks(REWARD, one, ranks=1))
    assert_same_weights(sharded, one)


@pytest.mark.slow
def test_sharded_processes_hold_a_part_of_the_weights_each(prepared: Prepared) -> None:
    status, output = Forked("tests.modeling.shards", prepared("run", sharded=True), ranks=2).finish()
    assert status == 0, output
    counts = json.loads(output.splitlines()[-1])
    assert sum(counts["held"]) == counts["whole"]
    assert max(counts["held"]) < 0.55 * counts["whole"]  # halves, but for the head's single row


@pytest.mark.slow
def test_weights_that_are_tied_are_saved_once_by_sharded_processes(tmp_path: Path, base: Path) -> None:
    policy = load_policy(base)
    policy.model.config.tie_word_embeddings = True
    policy.model.tie_weights()
    save(policy.model, policy.tokenizer, tmp_path / "tied")
    models = []
    for ranks in (1, 2):
        run = tmp_path / f"ranks-{ranks}"
        rows = [preference(number, "you dig a hole", "") for number in range(6)]
        write_jsonl(run / "data" / "train.jsonl", [{"messages": row["prompt"] + row["chosen"]} for row in rows])
        save_config(
            SFTConfig(run_dir=run, base=tmp_path / "tied", max_length=64, batch_size=2, epochs=1, sharded=ranks > 1)
        )
        run_ranks("modeling.train_sft", run, ranks)
        models.append(load_file(run / "model" / "model.safetensors"))
    assert models[0].keys() == models[1].keys()
    for name, tensor in models[0].items():
        torch.testing.assert_close(models[1][name], tensor, atol=1e-5, rtol=0)
