from dataclasses import dataclass
from pathlib import Path

import pytest

from modeling.configuration import ConfigError, configure, read_settings
from modeling.reward_config import RewardConfig
from modeling.training_config import CONFIGS, load_config, preset_for, save_config

PLACES = {"run_dir": Path("run"), "base": Path("base")}


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("reward_*.yaml")))
def test_every_shipped_config_is_valid(name: str) -> None:
    configure(RewardConfig, {**PLACES, **read_settings(CONFIGS / name)})


def test_the_paper_config_holds_the_numbers_of_the_paper() -> None:
    config = configure(RewardConfig, {**PLACES, **read_settings(CONFIGS / "reward_paper.yaml")})
    assert (config.epochs, config.learning_rate, config.floor, config.batch_size) == (1, 1e-5, 0.1, 512)
    assert (config.warmup_share, config.warmup_least, config.margin) == (0.03, 5, "small")


def test_a_small_model_gets_the_small_preset_and_a_large_one_the_papers() -> None:
    assert preset_for("reward", 2_200_000) == read_settings(CONFIGS / "reward_small.yaml")
    assert preset_for("reward", 7_000_000_000) == read_settings(CONFIGS / "reward_paper.yaml")


def test_a_config_survives_writing_and_reading(tmp_path: Path) -> None:
    config = RewardConfig(run_dir=tmp_path, base=Path("base"), learning_rate=3e-5, margin="large")
    save_config(config)
    assert load_config(RewardConfig, tmp_path / "config.yaml") == config


def test_a_run_that_was_moved_reads_its_own_folder(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    save_config(RewardConfig(run_dir=here, base=Path("base"), seed=3))
    here.rename(there)
    assert load_config(RewardConfig, there / "config.yaml") == RewardConfig(run_dir=there, base=Path("base"), seed=3)


def test_the_run_is_the_folder_of_its_config(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("base: some/checkpoint\nlearning_rate: 1e-4\n")
    config = load_config(RewardConfig, tmp_path / "config.yaml")
    assert config.run_dir == tmp_path
    assert config.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rat: 1e-5", "unknown setting learning_rat; known are run_dir, base, batch_size"),
        ("margin: none", "setting base is missing"),
        ("base: b\nlearning_rate: fast", "learning_rate must be float, got 'fast'"),
        ("base: b\nbatch_size: 1.5", "batch_size must be int, got 1.5"),
        ("base: b\nbatch_size: 0", "batch_size must be at least 1, got 0"),
        ("base: b\nlearning_rate: 2", "learning_rate must be above 0 and below 1, got 2.0"),
        ("base: b\nmargin: huge", "margin must be one of small, large, none, got 'huge'"),
        ("base: b\nprecision: int8", "precision must be float32 or bfloat16, got 'int8'"),
        ("base: b\nfloor: -0.1", "floor must be between 0 and 1, got -0.1"),
        ("base: b\ngradient_checkpointing: 1", "gradient_checkpointing must be bool, got 1"),
        ("base: b\nseed: null", "seed must be int, got None"),
        ("base: [", "is not valid YAML"),
        ("just text", "must hold `key: value` lines"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(RewardConfig, tmp_path / "config.yaml")


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(RewardConfig, tmp_path / "config.yaml")


def test_a_config_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes("base: \xe9".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not valid YAML: 'utf-8' codec can't decode"):
        load_config(RewardConfig, tmp_path / "config.yaml")


@dataclass(frozen=True)
class Optional:
    model: Path | None = None
    limit: float | None = None


def test_a_setting_that_may_be_null_is_brought_to_its_type_where_it_is_not() -> None:
    assert configure(Optional, {"model": "here", "limit": "1e-3"}) == Optional(Path("here"), 0.001)
    assert configure(Optional, {"model": None, "limit": None}) == Optional(None, None)
    with pytest.raises(ConfigError, match="limit must be float, got 'much'"):
        configure(Optional, {"limit": "much"})


def test_a_setting_that_may_be_absent_is_null_or_of_its_type() -> None:
    @dataclass
    class Judges:
        safety: Path | None = None

    assert configure(Judges, {"safety": None}) == Judges(None)
    assert configure(Judges, {"safety": "some/folder"}) == Judges(Path("some/folder"))
