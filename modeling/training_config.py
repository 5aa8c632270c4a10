"""The settings that every training recipe has, and how a run's config.yaml is read and written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from modeling.configuration import ConfigError, configure, read_settings

CONFIGS = Path(__file__).parent / "configs"
LARGE = 50_000_000
"""Parameters from which a model takes the paper's settings; below, those found by trial on a CPU."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One run's settings. The defaults are the paper's, where it names them."""

    run_dir: Path
    """The run's folder; with the command, the folder of config.yaml."""
    base: Path
    """Folder of the checkpoint that training starts from."""
    batch_size: int
    """Examples per optimizer step, over all processes."""
    learning_rate: float
    """Peak learning rate."""
    max_length: int = 4096
    """Longest dialogue in tokens; one that is longer, or longer than the base can read, loses its oldest tokens."""
    floor: float = 0.1
    """Share of the peak at which the cosine schedule ends."""
    warmup_share: float = 0.03
    """Share of the steps over which the learning rate rises."""
    warmup_least: int = 5
    """Least number of warm-up steps (in a run of few steps, at most a third of them)."""
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
    lora_rank: int = 0
    """Rank of low-rank adapters on every linear layer (Hu et al. 2021); 0 trains all weights. The model that is saved
    has them merged."""
    lora_alpha: float = 16.0
    """Scale of the adapters, over their rank."""
    sharded: bool = False
    """Shards weights, gradients and optimizer over the processes (FSDP) for models that one GPU can't hold."""
    seed: int = 0
    """Seed of everything that is drawn: orders, samples, and dropout, if the model has any."""
    log_every: int = 1
    """Steps between lines of metrics.jsonl."""
    checkpoint_every: int = 50
    """Steps between checkpoints to resume from."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "warmup_least", "max_length", "token_budget", "log_every", "checkpoint_every"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(0 < self.learning_rate < 1, "learning_rate", "above 0 and below 1", self.learning_rate)
        for name in ("floor", "warmup_share", "weight_decay"):
            require(0 <= getattr(self, name) <= 1, name, "between 0 and 1", getattr(self, name))
        require(self.gradient_clip > 0, "gradient_clip", "above 0", self.gradient_clip)
        require(self.precision in ("float32", "bfloat16"), "precision", "float32 or bfloat16", self.precision)
        require(self.lora_rank >= 0, "lora_rank", "0 or more", self.lora_rank)
        require(self.lora_alpha > 0, "lora_alpha", "above 0", self.lora_alpha)
        require(0 <= self.seed < 2**31, "seed", "between 0 and 2**31 - 1", self.seed)


AnyConfig = TypeVar("AnyConfig", bound=TrainingConfig)


def load_config(kind: type[AnyConfig], path: Path) -> AnyConfig:
    """The config of a run's folder. Raises ConfigError."""
    return configure(kind, {"run_dir": path.resolve().parent, **read_settings(path)})


def save_config(config: TrainingConfig) -> None:
    """Writes run_dir/config.yaml, whole or not at all, one line per setting. It doesn't name the folder that it is in:
    a run may be moved to another machine."""
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(config).items()}
    del settings["run_dir"]
    draft = config.run_dir / ".config.yaml.partial"
    draft.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    draft.replace(config.run_dir / "config.yaml")


def preset_for(recipe: str, parameter_count: int) -> dict[str, Any]:
    """The shipped settings of a recipe (the name before the _ in configs/) for a model of this size, without run_dir
    and the models' folders."""
    return read_settings(CONFIGS / f"{recipe}_{'paper' if parameter_count >= LARGE else 'small'}.yaml")


def require(valid: bool, name: str, expected: str, value: Any) -> None:
    """Raises ConfigError naming the setting, what was expected and what it got."""
    if not valid:
        raise ConfigError(f"{name} must be {expected}, got {value!r}")
