"""The settings of the refusal classifier's recipe."""

from dataclasses import dataclass
from pathlib import Path

from modeling.refusal_data import COUNTED
from modeling.training_config import TrainingConfig, require


@dataclass(frozen=True, kw_only=True)
class RefusalConfig(TrainingConfig):
    """One run's settings. The paper trains a classifier of refusals (section 4.2.3, measure of false refusal) and does
    not say how."""

    base: Path | None = None  # type: ignore[assignment]
    """A chat checkpoint whose head is replaced by a scalar one, or none: then the n-grams of the answers are learned,
    which takes seconds on a CPU."""
    counted: str = "any"
    """What is a refusal: any (full and partial ones), or full ones alone."""
    folds: int = 5
    """Without a base and without test data: the error is measured on each of so many parts by a classifier that learned
    from the others; the one that is kept learned from all."""
    held_out_share: float = 0.2
    """With a base and without test data: the share of the groups that the error is measured on; nothing learns from
    them."""
    epochs: int = 3
    """Passes over the examples, with a base."""
    batch_size: int = 32
    learning_rate: float = 1e-5
    penalty: float = 0.03
    """Of squared weights, without a base."""
    buckets: int = 2**15
    """Weights that n-grams are hashed into, without a base."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.counted in COUNTED, "counted", f"one of {', '.join(COUNTED)}", self.counted)
        require(self.folds >= 2, "folds", "at least 2", self.folds)
        require(0 < self.held_out_share < 1, "held_out_share", "above 0 and below 1", self.held_out_share)
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.penalty > 0, "penalty", "above 0", self.penalty)
        require(self.buckets >= 2, "buckets", "at least 2", self.buckets)
