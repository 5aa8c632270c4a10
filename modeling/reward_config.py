"""The settings of the reward model's recipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modeling.configuration import ConfigError, configure, read_settings
from modeling.losses import MARGINS

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class RewardConfig:
    """One run's settings. The defaults are the paper's (sections 2.2 and 3.2.2)."""

    run_dir: Path
    """The run's folder; with the command, the folder of config.yaml."""
    base: Path
    """Folder of the chat checkpoint, or of an earlier reward model, that training starts from."""
    epochs: int = 1
    """Passes over the pairs; the paper found that two overfit."""
    batch_size: int = 512
    """Pairs per optimizer step."""
    learning_rate: float = 1e-5
    """Peak learning rate; the paper takes 5e-6 at 70B."""
    floor: float = 0.1
    """Share of the peak at which the cosine schedule ends."""
    warmup_share: float = 0.03
    """Share of the steps over which the learning rate rises."""
    warmup_least: int = 5
    """Least number of warm-up steps (in a run of few steps, at most a third of them)."""
    margin: str = "small"
    """Scale of the ranking loss's margin: small (1, 2/3, 1/3, 0), large (3, 2, 1, 0) or none."""
    safety_weight: float = 1.0
    """Weight of the auxiliary safe/unsafe loss on the responses that carry a safety label; 0 leaves it out."""
    max_length: int = 4096
    """Longest dialogue in tokens; one that is longer, or longer than the base can read, loses its oldest tokens."""
    weight_decay: float = 0.1
    """AdamW's weight decay, on matrices alone."""
    gradient_clip: float = 1.0
    """Largest norm of the gradient."""
    token_budget: int = 16384
    """Padded tokens per forward pass: the memory that a batch takes, whatever its size."""
    precision: str = "float32"
    """float32, or bfloat16 for mixed precision (weights and optimizer stay float32)."""
    gradient_checkpointing: bool = False
    """Recomputes activations in the backward pass: less memory, a third more time."""
    seed: int = 0
    """Seed of the order of the pairs and of dropout, if the model has any."""
    log_every: int = 1
    """Steps between lines of metrics.jsonl."""
    checkpoint_every: int = 50
    """Steps between checkpoints to resume from."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "warmup_least", "max_length", "token_budget", "log_every"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(self.checkpoint_every >= 1, "checkpoint_every", "at least 1", self.checkpoint_every)
        _require(0 < self.learning_rate < 1, "learning_rate", "above 0 and below 1", self.learning_rate)
        for name in ("floor", "warmup_share", "weight_decay"):
            _require(0 <= getattr(self, name) <= 1, name, "between 0 and 1", getattr(self, name))
        _require(self.safety_weight >= 0, "safety_weight", "0 or more", self.safety_weight)
        _require(self.gradient_clip > 0, "gradient_clip", "above 0", self.gradient_clip)
        _require(self.margin in MARGINS, "margin", f"one of {', '.join(MARGINS)}", self.margin)
        _require(self.precision in ("float32", "bfloat16"), "precision", "float32 or bfloat16", self.precision)


def load_config(path: Path) -> RewardConfig:
    """The config of a run's folder. Raises ConfigError."""
    return configure(RewardConfig, {"run_dir": path.resolve().parent, **read_settings(path)})


def save_config(config: RewardConfig) -> None:
    """Writes run_dir/config.yaml, whole or not at all, one line per setting. It doesn't name the folder that it is in:
    a run may be moved to another machine."""
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(config).items()}
    del settings["run_dir"]
    draft = config.run_dir / ".config.yaml.partial"
    draft.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    draft.replace(config.run_dir / "config.yaml")


def preset_for(parameter_count: int) -> dict[str, Any]:
    """The shipped settings for a model of this size, without run_dir and base. From 50 million parameters they are the
    paper's; below, those found by trial for a few million parameters on a CPU."""
    return read_settings(CONFIGS / ("reward_paper.yaml" if parameter_count >= 50_000_000 else "reward_small.yaml"))


def _require(valid: bool, name: str, expected: str, value: Any) -> None:
    if not valid:
        raise ConfigError(f"{name} must be {expected}, got {value!r}")
