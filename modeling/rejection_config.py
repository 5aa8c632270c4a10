"""The settings of rejection sampling fine-tuning."""

from dataclasses import dataclass, field
from pathlib import Path

from modeling.combined_reward import UNSAFE_BELOW
from modeling.sft_config import SFTConfig
from modeling.training_config import require


@dataclass(frozen=True, kw_only=True)
class RejectionConfig(SFTConfig):
    """One run's settings (paper, section 3.2.3). The base is the model that fine-tuning starts from, the same one in
    every iteration; batch_size, learning_rate and what SFTConfig has beside them are the fine-tuning's."""

    policy: Path | None = None
    """Folder of the model that is sampled: the newest one, or a larger one, whose best answers the base is to learn
    from (distillation). Needed unless k is 0."""
    helpfulness_reward: Path | None = None
    """Folder of the newest helpfulness reward model. Needed unless k is 0 and rescore_earlier is off."""
    safety_reward: Path | None = None
    """Folder of the newest safety reward model; without one, helpfulness decides everywhere."""
    steps: int = 400
    """Optimizer steps of the fine-tuning, in every iteration the same; 0 leaves it to epochs."""
    k: int = 16
    """Answers per prompt. 0 samples none: the base is fine-tuned on the bag in data/candidates.jsonl alone, which may
    be another model's (distillation)."""
    temperatures: list[float] = field(default_factory=lambda: [0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5])
    """The temperatures among which the best is looked for (the paper's figure 8); one alone is taken without looking.
    """
    sweep_prompts: int = 100
    """Prompts on which the temperatures are compared."""
    sweep_k: int = 16
    """Answers per prompt and temperature in that comparison."""
    top_p: float = 1.0
    """Nucleus that answers are drawn from."""
    max_new_tokens: int = 512
    """Longest answer in tokens; one that is cut off there is never the best."""
    safety_threshold: float = UNSAFE_BELOW
    """Probability of being safe under which an answer is scored by its safety alone."""
    reward_floor: float | None = None
    """Least score (the logit of the combined reward) of an answer to fine-tune on; a prompt whose best scores lower is
    left out. Null takes every prompt's best."""
    agreement: float = 0.0
    """What the logarithm of how often an answer was drawn, over all iterations, adds to its score when the best is
    chosen: a hold on what the policies find likely, for a reward model that can't tell which of several plausible
    answers is true. The paper chooses by the score alone: 0."""
    rescore_earlier: bool = True
    """Whether the reward models score the earlier iterations' candidates again. Their own scores were given by older
    reward models, and scores are comparable within one model alone: without this, an earlier candidate may win or lose
    against a new one by no more than a shift of the scale."""
    measured_prompts: int = 100
    """Prompts on which the mean reward is measured before and after: of data/held_out.jsonl where it is there, else of
    those that are trained on. Before means the policy, or the base where there is none."""
    chunk_prompts: int = 32
    """Prompts that are sampled and scored between two points that an interrupted run goes on from."""
    sampling_rows: int = 64
    """Answers that are sampled at a time: the memory of their caches."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sweep_prompts", "sweep_k", "max_new_tokens", "chunk_prompts", "sampling_rows"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(self.measured_prompts >= 0, "measured_prompts", "0 or more", self.measured_prompts)
        require(self.k >= 0, "k", "0 or more", self.k)
        require(self.agreement >= 0, "agreement", "0 or more", self.agreement)
        expected = "a list of one number or more, each above 0, at most 2, and there once"
        require(_are_temperatures(self.temperatures), "temperatures", expected, self.temperatures)
        require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        require(0 <= self.safety_threshold <= 1, "safety_threshold", "between 0 and 1", self.safety_threshold)
        needed = "the folder of a model, unless k is 0"
        require(self.policy is not None or self.k == 0, "policy", needed, self.policy)
        needed += " and rescore_earlier is false"
        judged = self.helpfulness_reward is not None or (self.k == 0 and not self.rescore_earlier)
        require(judged, "helpfulness_reward", needed, self.helpfulness_reward)


def _are_temperatures(values: object) -> bool:
    if not isinstance(values, list) or not values:
        return False
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return are_numbers and all(0 < value <= 2 for value in values) and len(set(values)) == len(values)
