"""The settings of the reward model's recipe."""

from dataclasses import dataclass

from modeling.losses import MARGINS
from modeling.mixing import MIXES
from modeling.training_config import TrainingConfig, require


@dataclass(frozen=True, kw_only=True)
class RewardConfig(TrainingConfig):
    """One run's settings (paper, section 3.2.2). The base is a chat checkpoint or an earlier reward model; the paper
    takes a learning rate of 5e-6 at 70B."""

    epochs: int = 1
    """Passes over the pairs; the paper found that two overfit."""
    batch_size: int = 512
    learning_rate: float = 1e-5
    margin: str = "small"
    """Scale of the ranking loss's margin: small (1, 2/3, 1/3, 0), large (3, 2, 1, 0) or none."""
    safety_weight: float = 1.0
    """Weight of the auxiliary safe/unsafe loss on the responses that carry a safety label; 0 leaves it out."""
    mix: str = "none"
    """What the pairs to train on are drawn as (paper, section 3.2.2, data composition): helpfulness (all helpfulness
    data, and as much again of the other sources), safety (all safety data, nine parts to one of the others), or none
    (all pairs, as they are)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.safety_weight >= 0, "safety_weight", "0 or more", self.safety_weight)
        require(self.mix in MIXES, "mix", f"one of {', '.join(MIXES)}", self.mix)
        require(self.margin in MARGINS, "margin", f"one of {', '.join(MARGINS)}", self.margin)
