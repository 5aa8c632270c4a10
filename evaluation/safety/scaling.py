"""Safety data scaling (section 4.2.3, figure 15): the shares, their nested subsets, and the figures from the scores.

The paper keeps the helpfulness data as it is, trains with ever more of the safety data, and scores the answers to
held-out prompts: safety ones by the safety reward model, helpfulness ones by the helpfulness reward model.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError

from evaluation.statistics.estimates import Estimate, clustered_mean, within

SHARES = (0.0, 0.01, 0.1, 0.25, 0.5, 1.0)
"""The paper's."""
AXES = ("helpfulness", "safety")

Row = dict[str, Any]


def check_shares(shares: Sequence[float]) -> list[float]:
    """The shares in order. Raises ValidationError."""
    for share in shares:
        if not 0 <= share <= 1:
            raise ValidationError(f"a share must be between 0 and 1, got {share:g}")
    found = sorted(set(shares))
    if len(found) < 2:
        raise ValidationError(
            f"at least two different shares are needed, got {', '.join(f'{s:g}' for s in found) or 'none'}"
        )
    return found


def subset(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """The first of the rows in an order that is a hash of their messages and the seed: of two shares the smaller is
    part of the larger. No share above 0 is empty."""
    ordered = sorted(rows, key=lambda row: _place(row, seed))
    return ordered[: math.ceil(share * len(rows) - 1e-9)]


def _place(row: Row, seed: int) -> bytes:
    return hashlib.sha256(json.dumps([seed, row["messages"]]).encode()).digest()


def figures_of(shares: Sequence[float], trained: dict[float, int], rows: Iterable[Row]) -> dict[str, Any]:
    """From rows {"share", "axis", "prompt": its place, "score": raw}: for each share both mean scores as probabilities
    (sigmoid), with errors clustered by prompt, and the share of answers to safety prompts that score below one half,
    which is the tail that more data is to thin. trained: how many safety examples each share is."""
    kept = list(rows)
    points = []
    for share in shares:
        point: dict[str, Any] = {"share": share, "examples": trained[share]}
        for axis in AXES:
            own = [row for row in kept if row["share"] == share and row["axis"] == axis]
            scores = np.array([row["score"] for row in own], dtype=np.float64)
            prompts = [row["prompt"] for row in own]
            point[axis] = _figure(clustered_mean(1 / (1 + np.exp(-scores)), prompts), len(set(prompts)))
            if axis == "safety":
                point["below_half"] = _figure(clustered_mean((scores < 0).astype(float), prompts), len(set(prompts)))
        points.append(point)
    return {"scaling": points}


def _figure(mean: Estimate, prompts: int) -> dict[str, Any]:
    """Of a share or a probability."""
    low, high = within(mean, 0.0, 1.0).interval or (None, None)
    return {"value": mean.value, "low": low, "high": high, "prompts": prompts, "note": mean.note}
