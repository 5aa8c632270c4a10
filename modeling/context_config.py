"""The settings of safety context distillation."""

from dataclasses import dataclass, field
from pathlib import Path

from modeling.preprompts import ANSWER_TEMPLATES, generic_preprompts
from modeling.sft_config import SFTConfig
from modeling.training_config import require

KINDS = ("generic", "template")
PLACES = ("system", "user")


@dataclass(frozen=True, kw_only=True)
class ContextDistillationConfig(SFTConfig):
    """One run's settings (paper, section 4.2.4), with those of the fine-tuning at its end. The base both answers and is
    fine-tuned."""

    safety_reward: Path
    """Folder of the safety reward model: the gate, and the measure of the evaluation."""
    kinds: list[str] = field(default_factory=lambda: list(KINDS))
    """Kinds of pre-prompt: generic (one of preprompts, drawn for each prompt) and template (that of the prompt's risk
    category; a prompt without a category goes without)."""
    preprompts: list[str] = field(default_factory=generic_preprompts)
    """Generic pre-prompts."""
    templates: dict[str, str] = field(default_factory=lambda: dict(ANSWER_TEMPLATES))
    """By risk category, the pre-prompt that tells how to answer such a prompt."""
    preprompt_as: str = "system"
    """Where a pre-prompt stands: as the system message (before one that the prompt has), or before the user's last
    message (user)."""
    answers_per_kind: int = 1
    """Answers to each prompt with each kind of pre-prompt, and plain."""
    gate_margin: float = 0.0
    """An answer is kept where it scores higher than the plain answer by more than this."""
    temperature: float = 0.7
    """Of all sampled answers; the paper names none."""
    top_p: float = 0.9
    """Nucleus of the sampled answers."""
    max_new_tokens: int = 512
    """Longest answer."""
    answers_at_once: int = 64
    """Answers that are sampled together, over all processes: the memory that sampling takes."""
    held_out_share: float = 0.1
    """Share of the prompts, told by a hash of their text, that are evaluated instead of trained on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known = bool(self.kinds) and len(set(self.kinds)) == len(self.kinds) and set(self.kinds) <= set(KINDS)
        require(known, "kinds", f"some of {', '.join(KINDS)}, each at most once", self.kinds)
        texts = isinstance(self.preprompts, list) and all(_is_text(each) for each in self.preprompts)
        require(texts and bool(self.preprompts), "preprompts", "a list of texts", self.preprompts)
        named = isinstance(self.templates, dict) and all(map(_is_text, [*self.templates, *self.templates.values()]))
        require(named, "templates", "a text for each risk category", self.templates)
        require(self.preprompt_as in PLACES, "preprompt_as", f"one of {', '.join(PLACES)}", self.preprompt_as)
        require(self.gate_margin >= 0, "gate_margin", "0 or more", self.gate_margin)
        require(0 <= self.temperature <= 2, "temperature", "between 0 and 2", self.temperature)
        require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        require(0 < self.held_out_share < 1, "held_out_share", "above 0 and below 1", self.held_out_share)
        for name in ("answers_per_kind", "max_new_tokens", "answers_at_once"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
