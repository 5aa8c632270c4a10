"""The settings of supervised fine-tuning."""

from dataclasses import dataclass

from modeling.training_config import TrainingConfig, require


@dataclass(frozen=True, kw_only=True)
class SFTConfig(TrainingConfig):
    """One run's settings (paper, section 3.1)."""

    epochs: int = 2
    """Passes over the dialogues."""
    steps: int = 0
    """Optimizer steps in all, whatever the number of dialogues (rejection sampling takes a constant number of them);
    0 leaves it to epochs."""
    batch_size: int = 64
    """Sequences per optimizer step, over all processes: dialogues, or with packing sequences full of dialogues."""
    learning_rate: float = 2e-5
    warmup_share: float = 0.0
    warmup_least: int = 1
    packing: bool = True
    """Fills sequences of max_length with dialogues that don't see each other. Without it each dialogue is a sequence
    of its own, and a batch holds fewer tokens."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.steps >= 0, "steps", "0 (by epochs) or more", self.steps)
        require(self.max_length >= 2, "max_length", "at least 2", self.max_length)
