"""The training recipes as this installation starts them: the module that each is, the models and data that it needs,
and the settings that people change most. Loads no torch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from modeling.registry.models import ModelVersion, Run
from modeling.training_config import preset_for

if TYPE_CHECKING:
    from modeling.training_config import TrainingConfig

MARGINS = ("small", "large", "none")
"""The scales of the ranking loss's margin (section 3.2.2)."""
MIXES = ("none", "helpfulness", "safety")
"""The data mixes of the reward models (section 3.2.2): each its own dimension's pairs and a share of the others'."""


class Data(Enum):
    """What a recipe reads, out of projects or files."""

    PAIRS = "preference pairs"
    DEMONSTRATIONS = "demonstrations"
    PROMPTS = "prompts"
    SAFETY_PROMPTS = "adversarial prompts"
    DIALOGUES = "dialogues"
    REFUSALS = "labelled refusals"


def numbers(text: str) -> list[float]:
    """0.7, 1.0 as a list. Raises ValueError, which names the word that is none."""
    return [float(word) for word in text.replace(",", " ").split()]


@dataclass(frozen=True)
class Setting:
    """A setting that has a flag and a field of its own; the recipe's config class says what it means in full."""

    name: str
    kind: type[int] | type[float] | type[str] | type[list[float]]
    """list[float] is written as numbers with commas between them."""
    help: str
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    label: str = ""
    default: Any = None
    """The config class's own, where the presets leave it to that."""

    @property
    def read(self) -> Callable[[str], Any]:
        """Turns what was typed into the value. Raises ValueError."""
        return self.kind if isinstance(self.kind, type) else numbers

    def from_json(self, value: Any) -> Any:
        """A value out of a JSON body, of the setting's own type. Raises ValidationError, also out of its range."""
        numbers = value if isinstance(value, list) and self.read is not self.kind else [value]
        wanted = (int, float) if self.kind is not int else int
        if self.kind is not str and not all(isinstance(n, wanted) and not isinstance(n, bool) for n in numbers):
            kind = {int: "a whole number", float: "a number"}.get(self.kind, "a list of numbers")
            raise ValidationError(f"{self.name} must be {kind}, got {value!r}")
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raises ValidationError for a value out of its range."""
        if self.choices:
            if value not in self.choices:
                raise ValidationError(f"{self.name} must be one of {', '.join(self.choices)}, got {value!r}")
            return
        for number in value if isinstance(value, list) else [value]:
            if not self.least <= number <= self.most:  # put so that nan is refused too
                raise ValidationError(f"{self.name} must be between {self.least} and {self.most}, got {number}")


@dataclass(frozen=True)
class Recipe:
    """One kind of training run."""

    kind: Run.Kind
    command: str
    """Of manage.py."""
    title: str
    purpose: str
    """One sentence for the command's help and the form's head."""
    module: str
    """`python -m` this, with the run's config.yaml."""
    config: str
    """Module and class of its settings."""
    preset: str
    data: Data
    settings: tuple[Setting, ...]
    models: tuple[str, ...] = ("base",)
    """Settings that name a model which has to be there."""
    optional_models: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """What may come from a file instead of a project: the flag, and the file's name in the run's data folder."""

    @property
    def all_models(self) -> tuple[str, ...]:
        return (*self.models, *self.optional_models)

    def setting(self, name: str) -> Setting | None:
        return next((setting for setting in self.settings if setting.name == name), None)

    def shipped_for(self, base: ModelVersion | None) -> dict[str, Any]:
        """The settings that are shipped for a model of the base's size; the smallest's where there is no base."""
        return preset_for(self.preset, base.parameters or 0 if base else 0)

    def config_class(self) -> "type[TrainingConfig]":
        """The dataclass of its settings; loads torch."""
        module, _, name = self.config.rpartition(".")
        found: type[TrainingConfig] = getattr(import_module(module), name)
        return found


MODEL_KINDS: dict[str, tuple[str, ...]] = {
    "base": (ModelVersion.Kind.POLICY,),
    "policy": (ModelVersion.Kind.POLICY,),
    "helpfulness_reward": (ModelVersion.Kind.HELPFULNESS_REWARD,),
    "safety_reward": (ModelVersion.Kind.SAFETY_REWARD,),
}
"""What kind of model each setting takes; a reward model's base may also be a reward model of its dimension."""
MODEL_HELP = {
    "base": "Training starts from it.",
    "policy": "Answers are sampled from it.",
    "helpfulness_reward": "Scores how helpful an answer is.",
    "safety_reward": "Scores how safe an answer is.",
}

EPOCHS = Setting("epochs", int, "Passes over the data.", 1, 100)
BATCH_SIZE = Setting("batch_size", int, "Examples per optimizer step.", 1, 65_536)
LEARNING_RATE = Setting("learning_rate", float, "Peak of the schedule.", 1e-8, 0.1)
MAX_LENGTH = Setting("max_length", int, "In tokens.", 8, 1_048_576, label="Longest dialogue")
SEED = Setting("seed", int, "Of everything that is drawn.", 0, 2**31 - 1, default=0)

SFT = Recipe(
    kind=Run.Kind.SFT,
    command="train_sft",
    title="Fine-tune on demonstrations",
    purpose="Supervised fine-tuning on demonstrations, or on the answers that people preferred (section 3.1).",
    module="modeling.train_sft",
    config="modeling.sft_config.SFTConfig",
    preset="sft",
    data=Data.DEMONSTRATIONS,
    settings=(EPOCHS, BATCH_SIZE, LEARNING_RATE, MAX_LENGTH, SEED),
    files=(("data", "train.jsonl"), ("test_data", "test.jsonl")),
)
REWARD_MODEL = Recipe(
    kind=Run.Kind.REWARD_MODEL,
    command="train_reward_model",
    title="Train a reward model",
    purpose="A model that scores answers, from a project's preferences, with the margin ranking loss (section 3.2.2).",
    module="modeling.train_reward",
    config="modeling.reward_config.RewardConfig",
    preset="reward",
    data=Data.PAIRS,
    settings=(
        Setting("epochs", int, "Passes over the pairs; the paper found that two overfit.", 1, 100),
        Setting("batch_size", int, "Pairs per optimizer step.", 1, 65_536),
        LEARNING_RATE,
        Setting("margin", str, "Of the ranking loss: small is 1, 2/3, 1/3, 0; large is 3, 2, 1, 0.", choices=MARGINS),
        Setting("safety_weight", float, "Of the auxiliary loss on safe and unsafe labels.", 0, 100),
        Setting(
            "mix", str, "Data of the other stream and open data, by the paper's shares.", choices=MIXES, default="none"
        ),
        MAX_LENGTH,
        SEED,
    ),
)
DPO = Recipe(
    kind=Run.Kind.DPO,
    command="train_dpo",
    title="Direct preference optimization",
    purpose="A policy learns from preference pairs without a reward model (DPO): what PPO is compared with.",
    module="modeling.train_dpo",
    config="modeling.dpo_config.DPOConfig",
    preset="dpo",
    data=Data.PAIRS,
    settings=(
        EPOCHS,
        Setting("batch_size", int, "Pairs per optimizer step.", 1, 65_536),
        LEARNING_RATE,
        Setting("beta", float, "How strongly the policy is held to its base.", 1e-4, 10),
        MAX_LENGTH,
        SEED,
    ),
)
REJECTION_SAMPLING = Recipe(
    kind=Run.Kind.REJECTION_SAMPLING,
    command="rejection_sample",
    title="Rejection sampling",
    purpose="Sample answers to each prompt, keep the best by the reward models, fine-tune the base on those "
    "(section 3.2.3).",
    module="modeling.rejection_sampling",
    config="modeling.rejection_config.RejectionConfig",
    preset="rejection",
    data=Data.PROMPTS,
    settings=(
        Setting(
            "k",
            int,
            "Of which the best is kept. 0 samples none and learns from earlier runs' candidates alone.",
            0,
            10_000,
            label="Answers per prompt (K)",
        ),
        Setting("temperatures", list[float], "The best of these is found first, with commas between them.", 0.01, 2),
        Setting("max_new_tokens", int, "In tokens.", 1, 65_536, label="Longest answer"),
        Setting("steps", int, "Optimizer steps of the fine-tuning.", 1, 1_000_000),
        BATCH_SIZE,
        LEARNING_RATE,
        SEED,
    ),
    models=("base", "policy", "helpfulness_reward"),
    optional_models=("safety_reward",),
    files=(("prompts", "prompts.jsonl"), ("held_out", "held_out.jsonl")),
)
PPO = Recipe(
    kind=Run.Kind.PPO,
    command="train_ppo",
    title="PPO",
    purpose="Proximal policy optimization against the reward models, held to the base by a KL penalty (section 3.2.3).",
    module="modeling.train_ppo",
    config="modeling.ppo_config.PPOConfig",
    preset="ppo",
    data=Data.PROMPTS,
    settings=(
        Setting("iterations", int, "Of one batch of answers each; 200 to 400 in the paper.", 1, 1_000_000),
        Setting("batch_size", int, "Answers per iteration.", 1, 65_536),
        Setting("mini_batch_size", int, "Answers per gradient step.", 1, 65_536),
        Setting("learning_rate", float, "Constant.", 1e-8, 0.1),
        Setting("beta", float, "Weight of the KL penalty that holds the policy to its base.", 0, 10),
        Setting("max_new_tokens", int, "In tokens.", 1, 65_536, label="Longest answer"),
        Setting("evaluate_every", int, "Iterations between looks at the held-out prompts.", 1, 100_000),
        SEED,
    ),
    models=("base", "helpfulness_reward"),
    optional_models=("safety_reward",),
    files=(("prompts", "prompts.jsonl"), ("held_out", "held_out.jsonl")),
)
GHOST_ATTENTION = Recipe(
    kind=Run.Kind.GHOST_ATTENTION,
    command="ghost_attention",
    title="Ghost attention",
    purpose="A policy learns to keep to an instruction over many turns (section 3.3).",
    module="modeling.ghost_attention",
    config="modeling.ghost_config.GhostAttentionConfig",
    preset="ghost",
    data=Data.DIALOGUES,
    settings=(
        Setting("most_turns", int, "User turns of a dialogue to train on, at most.", 2, 1000),
        Setting("must_keep", str, "Which sampled answers must keep it.", choices=("nothing", "last", "every")),
        EPOCHS,
        Setting("temperature", float, "Of the sampled answers.", 0, 2),
        Setting("max_new_tokens", int, "In tokens.", 1, 65_536, label="Longest answer"),
        BATCH_SIZE,
        LEARNING_RATE,
        SEED,
    ),
    files=(("prompts", "prompts.jsonl"), ("held_out", "held_out.jsonl"), ("constraints", "constraints.jsonl")),
)
CONTEXT_DISTILLATION = Recipe(
    kind=Run.Kind.CONTEXT_DISTILLATION,
    command="distill_context",
    title="Safety context distillation",
    purpose="A policy learns to answer adversarial prompts as it does behind a safety pre-prompt, where the safety "
    "reward model finds that better (section 4.2.4).",
    module="modeling.distill_context",
    config="modeling.context_config.ContextDistillationConfig",
    preset="context",
    data=Data.SAFETY_PROMPTS,
    settings=(
        Setting("answers_per_kind", int, "Answers to each prompt with each kind of pre-prompt.", 1, 1000),
        Setting("gate_margin", float, "An answer is kept where it scores this much above the plain one.", 0, 100),
        EPOCHS,
        Setting("temperature", float, "Of the sampled answers.", 0, 2),
        Setting("max_new_tokens", int, "In tokens.", 1, 65_536, label="Longest answer"),
        BATCH_SIZE,
        LEARNING_RATE,
        SEED,
    ),
    models=("base", "safety_reward"),
    files=(("prompts", "prompts.jsonl"), ("held_out", "held_out.jsonl")),
)
REFUSAL_CLASSIFIER = Recipe(
    kind=Run.Kind.REFUSAL_CLASSIFIER,
    command="train_refusal_classifier",
    title="Train a refusal classifier",
    purpose="A classifier that tells refusals from answers, for the rate of false refusals (section 4.2.3); without a "
    "base it learns the answers' n-grams, within seconds on a CPU.",
    module="modeling.train_refusal",
    config="modeling.refusal_config.RefusalConfig",
    preset="refusal",
    data=Data.REFUSALS,
    settings=(
        Setting(
            "counted",
            str,
            "What is a refusal: any (full and partial ones), or full ones alone.",
            choices=("any", "full"),
            default="any",
        ),
        Setting(
            "folds", int, "Without a base: the error is measured by so many-fold cross-validation.", 2, 100, default=5
        ),
        Setting("epochs", int, "Passes over the examples, with a base.", 1, 100),
        BATCH_SIZE,
        LEARNING_RATE,
        MAX_LENGTH,
        SEED,
    ),
    models=(),
    optional_models=("base",),
    files=(("data", "train.jsonl"), ("test_data", "test.jsonl")),
)
RECIPES: dict[str, Recipe] = {
    recipe.kind: recipe
    for recipe in (
        SFT,
        REWARD_MODEL,
        REJECTION_SAMPLING,
        PPO,
        DPO,
        GHOST_ATTENTION,
        CONTEXT_DISTILLATION,
        REFUSAL_CLASSIFIER,
    )
}
FROM_PROJECTS = {kind: recipe for kind, recipe in RECIPES.items() if recipe.data is not Data.REFUSALS}
"""Those whose data projects collect: what pages and the API start. The others learn from files alone."""


def check_settings(recipe: Recipe, settings: dict[str, Any]) -> None:
    """Raises ValidationError for a setting out of its range; those without a range are the config class's to check."""
    for name, value in settings.items():
        if (setting := recipe.setting(name)) is not None:
            setting.check(value)


def model_kinds(recipe: Recipe, setting: str) -> Sequence[str]:
    """The kinds of model that a recipe's setting takes."""
    if recipe is REWARD_MODEL:
        return (*MODEL_KINDS[setting], ModelVersion.Kind.HELPFULNESS_REWARD, ModelVersion.Kind.SAFETY_REWARD)
    return MODEL_KINDS[setting]
