"""Slices of a campaign's items by length: of the prompt, of a model's answer, and of what it is longer by."""

import re

import numpy as np
from numpy.typing import NDArray

from evaluation.judging import Ballots
from evaluation.statistics.arrays import IntArray
from evaluation.wording import MINUS, number

QUARTERS = (0.25, 0.5, 0.75)
FEWEST = 8
"""Items below which quarters are not worth telling apart."""


def length_labels(ballots: Ballots, model: str) -> dict[str, NDArray[np.str_]]:
    """By kind, the quarter (n,) that each item of the model falls into, named by its shortest and longest.

    Lengths are words. Empty on items without the model, and a kind is missing where its items are too few or alike.
    """
    own = (ballots.first == model) | (ballots.second == model)
    is_first = ballots.first == model
    answer = np.where(is_first, ballots.words[:, 0], ballots.words[:, 1])
    other = np.where(is_first, ballots.words[:, 1], ballots.words[:, 0])
    kinds = {
        "prompt length": ("prompt of {} words", ballots.prompt_words),
        "response length": ("answer of {} words", answer),
        "length difference": ("{} words more than the other", answer - other),
    }
    found = {kind: quarters(values, own, name) for kind, (name, values) in kinds.items()}
    return {kind: labels for kind, labels in found.items() if len(np.unique(labels[labels != ""])) > 1}


def quarters(values: IntArray, chosen: NDArray[np.bool_], name: str) -> NDArray[np.str_]:
    """The label (n,) of each chosen value's quarter among the chosen; quarters that would be empty are left out."""
    labels = np.full(len(values), "", dtype=object)
    if chosen.sum() < FEWEST:
        return labels.astype(np.str_)
    edges = np.unique(np.quantile(values[chosen], QUARTERS, method="inverted_cdf"))
    bins = np.searchsorted(edges, values, side="left")
    for place in np.unique(bins[chosen]).tolist():
        inside = chosen & (bins == place)
        low, high = int(values[inside].min()), int(values[inside].max())
        span = number(low, 0) if low == high else f"{number(low, 0)} to {number(high, 0)}"
        labels[inside] = name.format(span)
    return labels.astype(np.str_)


def from_the_shortest(labels: list[str]) -> list[str]:
    """Labels of quarters of one kind, in the order of the lengths that they name."""
    return sorted(labels, key=_shortest)


def _shortest(label: str) -> int:
    """The first length that a label names."""
    found = re.search(rf"{MINUS}?\d+", label)
    return int(found.group().replace(MINUS, "-")) if found else 0
