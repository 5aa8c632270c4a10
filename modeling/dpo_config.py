"""The settings of direct preference optimization."""

from dataclasses import dataclass

from modeling.training_config import TrainingConfig, require


@dataclass(frozen=True, kw_only=True)
class DPOConfig(TrainingConfig):
    """One run's settings (Rafailov et al. 2023, appendix B). The base is the policy that training starts from and, as
    a frozen copy, the reference."""

    epochs: int = 1
    """Passes over the pairs."""
    batch_size: int = 64
    learning_rate: float = 1e-6
    floor: float = 1.0
    """1: the learning rate stays at its peak after the warm-up."""
    warmup_share: float = 0.0
    warmup_least: int = 150
    weight_decay: float = 0.0
    beta: float = 0.1
    """Strength of the pull towards the reference: the smaller, the further the policy may go from it."""
    label_smoothing: float = 0.0
    """Share of the preferences taken to be wrong way round (Mitchell 2023, conservative DPO); 0 trusts them all."""
    nll_weight: float = 0.0
    """Weight of the chosen answer's mean loss per token beside DPO's (Pang et al. 2024), against answers that both
    become unlikely; 0 leaves it out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.beta > 0, "beta", "above 0", self.beta)
        require(0 <= self.label_smoothing < 0.5, "label_smoothing", "at least 0 and below 0.5", self.label_smoothing)
        require(self.nll_weight >= 0, "nll_weight", "0 or more", self.nll_weight)
