"""The learning rate by step."""

import math


def cosine_with_warmup(step: int, steps: int, warmup: int, floor: float) -> float:
    """Share of the peak learning rate at ``step`` (from 0) of ``steps``: rises in a line over ``warmup`` steps to 1,
    then falls as a cosine to ``floor`` at the last step (paper, sections 2.2 and 3.2.2)."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup + 1) / max(1, steps - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def warmup_steps(steps: int, share: float, least: int) -> int:
    """``share`` of the steps, but at least ``least`` (paper, section 3.2.2: 3 %, at least 5), and never all of a run:
    in a run of few steps the warm-up takes at most a third."""
    return min(max(math.ceil(share * steps), least), max(1, steps // 3))
