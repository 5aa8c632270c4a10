"""The composition of the reward models' training data (paper, section 3.2.2 "Data Composition").

Every pair carries its source: ``helpfulness`` or ``safety``, the stream in which it was collected, or ``open`` for
public helpfulness data. Public harmlessness data (Anthropic Harmless) is safety data, as in the paper.
"""

from collections.abc import Sequence

import torch

from modeling.json_lines import DataError
from modeling.preference_data import PreferencePair

MIXES = ("none", "helpfulness", "safety")
OTHERS_SHARE = {"helpfulness": 1 / 2, "safety": 1 / 10}
"""The part of a mix that is drawn from the other sources: equal parts, and 90/10."""


def mixed(pairs: Sequence[PreferencePair], mix: str, seed: int) -> list[PreferencePair]:
    """The pairs to train on, in the order in which they came: all of the mix's own source, and of the others as many,
    drawn uniformly without replacement, as make up their share; all of them where there are fewer. Mix "none" is all.

    Raises DataError where a pair has no source, or none has the mix's own.
    """
    if mix == "none":
        return list(pairs)
    if (unknown := next((pair for pair in pairs if pair.source is None), None)) is not None:
        raise DataError(
            f"training pair {unknown.id} has no source, by which mix {mix} draws; expected helpfulness, safety or "
            "open. Export the data with its sources, or set mix to none"
        )
    own = [index for index, pair in enumerate(pairs) if pair.source == mix]
    others = [index for index, pair in enumerate(pairs) if pair.source != mix]
    if not own:
        raise DataError(f"no training pair has source {mix}, of which mix {mix} takes all; set mix to none")
    share = OTHERS_SHARE[mix]
    count = min(len(others), round(len(own) * share / (1 - share)))
    order = torch.randperm(len(others), generator=torch.Generator().manual_seed(seed))
    drawn = [others[place] for place in order[:count].tolist()]
    return [pairs[index] for index in sorted([*own, *drawn])]
