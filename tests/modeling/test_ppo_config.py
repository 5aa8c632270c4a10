from pathlib import Path
from typing import Any

import pytest

from modeling.configuration import ConfigError, configure, read_settings
from modeling.ppo_config import PPOConfig
from modeling.training_config import CONFIGS, preset_for

PLACES = {"run_dir": Path("run"), "base": Path("base"), "helpfulness_reward": Path("reward")}


@pytest.mark.parametrize("name", ["ppo_paper.yaml", "ppo_small.yaml"])
def test_every_shipped_config_is_valid(name: str) -> None:
    configure(PPOConfig, {**PLACES, **read_settings(CONFIGS / name)})


def test_the_paper_config_holds_the_numbers_of_the_paper() -> None:
    config = configure(PPOConfig, {**PLACES, **preset_for("ppo", 7_000_000_000)})
    assert (config.batch_size, config.mini_batch_size, config.clip, config.beta) == (512, 64, 0.2, 0.01)
    assert (config.learning_rate, config.floor, config.weight_decay, config.gradient_clip) == (1e-6, 1.0, 0.1, 1.0)
    assert 200 <= config.iterations <= 400
    assert config.safety_threshold == 0.15


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 500}, r"batch_size must be a multiple of mini_batch_size \(64\), got 500"),
        ({"clip": 0.0}, "clip must be above 0, got 0"),
        ({"beta": -1.0}, "beta must be 0 or more, got -1"),
        ({"gae_lambda": 1.5}, "gae_lambda must be between 0 and 1, got 1.5"),
        ({"max_new_tokens": 4096}, r"max_new_tokens must be below max_length \(4096\), got 4096"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure(PPOConfig, {**PLACES, **changes})
