"""The formats of preference data that can be imported, by the name that a person gives."""

from collections.abc import Callable
from dataclasses import dataclass

from annotation.importing import alpaca_eval, hh, pandalm, trl
from annotation.importing.rows import LeftOut, Pair, Row
from annotation.models import Project


@dataclass(frozen=True)
class Format:
    """How a format's rows are read, and what they become."""

    name: str
    label: str
    read: Callable[[Row], Pair | LeftOut]
    rules: str
    """How the rating comes about, for people."""
    task_type: str = Project.TaskType.PREFERENCE
    raters: tuple[str, ...] = ()
    """Usernames of the people who judged every pair; empty where the file doesn't tell people apart."""

    @property
    def draws_sides(self) -> bool:
        """Whether the sides are drawn; where people judged, they stay as these people saw them."""
        return not self.raters


FORMATS = {
    known.name: known
    for known in (
        Format("trl", "TRL preferences", trl.read, trl.RULES),
        Format("hh", "Anthropic HH", hh.read, hh.RULES),
        Format("alpaca_eval", "AlpacaEval annotations", alpaca_eval.read, alpaca_eval.RULES),
        Format(
            "pandalm",
            "PandaLM human test set",
            pandalm.read,
            pandalm.RULES,
            task_type=Project.TaskType.PAIRWISE_EVALUATION,
            raters=pandalm.RATERS,
        ),
    )
}
