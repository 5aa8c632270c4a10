"""Which settings of rejection sampling are taken, and how one that can't be is named."""

from pathlib import Path
from typing import Any

import pytest

from modeling.configuration import ConfigError, configure, read_settings
from modeling.rejection_config import RejectionConfig
from modeling.training_config import CONFIGS, load_config, preset_for, save_config

MODELS: dict[str, Any] = {"base": Path("base"), "policy": Path("policy"), "helpfulness_reward": Path("helpful")}
PLACES = {"run_dir": Path("run"), **MODELS}


@pytest.mark.parametrize("name", ["rejection_paper.yaml", "rejection_small.yaml"])
def test_every_shipped_config_is_valid(name: str) -> None:
    configure(RejectionConfig, {**PLACES, **read_settings(CONFIGS / name)})


def test_the_paper_config_holds_the_numbers_of_the_paper() -> None:
    config = configure(RejectionConfig, {**PLACES, **preset_for("rejection", 7_000_000_000)})
    assert config.temperatures == [0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5]
    assert (config.learning_rate, config.batch_size, config.weight_decay, config.max_length) == (2e-5, 64, 0.1, 4096)
    assert (config.safety_threshold, config.rescore_earlier) == (0.15, True)


def test_a_config_survives_writing_and_reading(tmp_path: Path) -> None:
    config = RejectionConfig(run_dir=tmp_path, **MODELS, temperatures=[1, 0.5], reward_floor=-1.5)
    save_config(config)
    assert load_config(RejectionConfig, tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": -1}, "k must be 0 or more, got -1"),
        ({"temperatures": []}, r"temperatures must be a list of one number or more, .*, got \[\]"),
        ({"temperatures": 0.7}, "temperatures must be a list of one number or more, .*, got 0.7"),
        ({"temperatures": ["hot"]}, "temperatures must be a list .* got .'hot'"),
        ({"temperatures": [0.0, 1.0]}, "each above 0, at most 2, and there once, got"),
        ({"temperatures": [1.0, 1.0]}, "each above 0, at most 2, and there once, got"),
        ({"sweep_k": 0}, "sweep_k must be at least 1, got 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0"),
        ({"safety_threshold": 1.5}, r"safety_threshold must be between 0 and 1, got 1\.5"),
        ({"policy": None}, "policy must be the folder of a model, unless k is 0, got None"),
        (
            {"k": 0, "policy": None, "helpfulness_reward": None},
            "helpfulness_reward must be the folder of a model, unless",
        ),
        ({"reward_floor": "low"}, "reward_floor must be float, got 'low'"),
    ],
)
def test_a_setting_out_of_its_range_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure(RejectionConfig, {**PLACES, **changes})


def test_a_bag_alone_needs_no_policy_and_no_reward_model() -> None:
    config = RejectionConfig(run_dir=Path("run"), base=Path("base"), k=0, rescore_earlier=False)
    assert (config.policy, config.helpfulness_reward) == (None, None)
