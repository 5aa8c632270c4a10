"""The settings of Ghost Attention."""

from dataclasses import dataclass

from modeling.sft_config import SFTConfig
from modeling.training_config import require

PLACES = ("user", "system")
MUST_KEEP = ("nothing", "last", "every")


@dataclass(frozen=True, kw_only=True)
class GhostAttentionConfig(SFTConfig):
    """One run's settings (paper, section 3.3), with those of the fine-tuning at its end. The base, the newest tuned
    model, both answers and is fine-tuned."""

    instruction_as: str = "user"
    """Where the instruction stands in training and evaluation, once: before the first user turn's text (user), or as
    the system message (system). While the answers are sampled it stands before every user turn."""
    short_share: float = 0.5
    """How often an instruction is put in few words."""
    least_turns: int = 2
    """Fewest user turns of a dialogue to train on. How many it has is drawn between this and most_turns: it is cut
    there, or goes on with the turns of the dialogues that follow it."""
    most_turns: int = 8
    """Most user turns of a dialogue to train on."""
    instructions_per_dialogue: int = 1
    """How often each dialogue is taken, each time with another instruction."""
    must_keep: str = "nothing"
    """Which of its sampled answers must keep the instruction for a dialogue to be trained on: nothing (the paper names
    no such filter), last (the one that is learned), or every."""
    temperature: float = 0.7
    """Of the sampled answers, and of the answers that are evaluated; the paper names none for either."""
    top_p: float = 0.9
    """Nucleus of the sampled answers."""
    max_new_tokens: int = 256
    """Longest answer."""
    dialogues_at_once: int = 64
    """Dialogues that are sampled together, over all processes: the memory that sampling takes, and what a run that was
    interrupted does again at most."""
    held_out_share: float = 0.1
    """Share of the dialogues, told by a hash of their first question, that are evaluated instead of trained on."""
    evaluation_dialogues: int = 100
    """Dialogues to evaluate, each with an instruction of its own."""
    evaluation_turns: int = 20
    """User turns of each of them, taken from held-out dialogues one after the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.instruction_as in PLACES, "instruction_as", f"one of {', '.join(PLACES)}", self.instruction_as)
        require(self.must_keep in MUST_KEEP, "must_keep", f"one of {', '.join(MUST_KEEP)}", self.must_keep)
        require(0 <= self.short_share <= 1, "short_share", "between 0 and 1", self.short_share)
        require(0 < self.held_out_share < 1, "held_out_share", "above 0 and below 1", self.held_out_share)
        require(0 <= self.temperature <= 2, "temperature", "between 0 and 2", self.temperature)
        require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        for name in ("least_turns", "instructions_per_dialogue", "max_new_tokens", "dialogues_at_once"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("evaluation_dialogues", "evaluation_turns"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(
            self.most_turns >= self.least_turns,
            "most_turns",
            f"least_turns ({self.least_turns}) or more",
            self.most_turns,
        )
