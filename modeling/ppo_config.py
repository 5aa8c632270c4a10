"""The settings of the PPO recipe."""

from dataclasses import dataclass
from pathlib import Path

from modeling.combined_reward import UNSAFE_BELOW
from modeling.training_config import TrainingConfig, require


@dataclass(frozen=True, kw_only=True)
class PPOConfig(TrainingConfig):
    """One run's settings (paper, section 3.2.3). The base is both where the policy starts and, frozen, pi_0."""

    helpfulness_reward: Path
    """Folder of the helpfulness reward model."""
    safety_reward: Path | None = None
    """Folder of the safety reward model; without one the helpfulness model decides everywhere."""
    iterations: int = 400
    """Most iterations, of one batch each; the paper trains for 200 to 400."""
    batch_size: int = 512
    """Answers per iteration, over all processes."""
    mini_batch_size: int = 64
    """Answers per gradient step, over all processes; each answer is in one gradient step of its iteration."""
    learning_rate: float = 1e-6
    """Constant, unless floor and warm-up say otherwise."""
    floor: float = 1.0
    """Share of the learning rate at which the run ends: 1 keeps it constant, as the paper does; less decays it."""
    warmup_share: float = 0.0
    """Share of the iterations over which the learning rate rises; the paper has no warm-up."""
    warmup_least: int = 1
    beta: float = 0.01
    """Weight of the KL penalty; the paper takes 0.01 for 7B and 13B, 0.005 for 34B and 70B."""
    clip: float = 0.2
    """How far a token's probability ratio counts beyond 1."""
    value_clip: float = 0.2
    """How far a value counts beyond the one it had when its answer was sampled."""
    value_weight: float = 0.1
    """Weight of the value loss beside the policy loss. The paper tells none; Ziegler et al. (2019) take 0.1."""
    gamma: float = 1.0
    """Discount: an answer is rewarded at its end, and its first token is no less responsible than its last."""
    gae_lambda: float = 0.95
    """Lambda of the advantages (Schulman et al. 2016), as in Stiennon et al. (2020)."""
    safety_threshold: float = UNSAFE_BELOW
    """Safety probability under which safety alone decides the reward."""
    truncation_penalty: float = 0.0
    """Taken from the whitened reward of an answer that didn't end within max_new_tokens. The paper names none: by
    default the reward models judge the answer as far as it goes, like any other."""
    max_new_tokens: int = 1024
    """Longest answer in tokens."""
    max_length: int = 4096
    """Longest prompt with its answer in tokens. A prompt that leaves no room for max_new_tokens within this, or within
    the base's context, is left out, and counted in the report."""
    sampling_rows: int = 64
    """Answers that a process samples at a time."""
    evaluate_every: int = 10
    """Iterations between evaluations on the held-out prompts; the first is before training, the last at its end."""
    patience: int = 5
    """Evaluations without a better held-out reward after which the run stops; 0 never stops early."""
    kl_limit: float = 100.0
    """Mean KL(pi || pi_0) per answer, in nats, that stops the run as an explosion: there (sqrt(KL) = 10) Gao et al.
    (2023) end their curves, far beyond where the true reward turns down."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("iterations", "mini_batch_size", "max_new_tokens", "sampling_rows", "evaluate_every"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        divides = self.batch_size % self.mini_batch_size == 0
        require(divides, "batch_size", f"a multiple of mini_batch_size ({self.mini_batch_size})", self.batch_size)
        for name in ("beta", "value_weight", "truncation_penalty", "patience"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("clip", "value_clip", "kl_limit"):
            require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in ("gamma", "gae_lambda", "safety_threshold"):
            require(0 <= getattr(self, name) <= 1, name, "between 0 and 1", getattr(self, name))
        room = self.max_length - self.max_new_tokens
        require(room >= 1, "max_new_tokens", f"below max_length ({self.max_length})", self.max_new_tokens)
