"""Whether a reward model's scores mean what they say: as a preference's probability, and as an answer's quality.

Quality ratings come from a run's data/ratings.jsonl, one answer per line: ``{"messages": [messages that end with the
user's], "answer": text, "rating": 1 to 7}`` (paper, section 3.4.1: 7-point Likert, higher is better).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from scipy import stats

from modeling.chat import ChatError, Message, alternating
from modeling.json_lines import DataError, read_lines
from modeling.metrics import accuracy

RATINGS = range(1, 8)
BINS = 5
"""Bins of the probability of the likelier answer, which lies between 1/2 and 1."""


@dataclass(frozen=True)
class RatedAnswer:
    """An answer and the quality that people saw in it."""

    messages: list[Message]
    answer: str
    rating: int


def read_ratings(path: Path) -> list[RatedAnswer]:
    """Every line of the file, none where there is no file. Raises DataError with the line that can't be used."""
    if not path.exists():
        return []
    return read_lines(path, _rated, what="ratings", fields="messages, answer and rating", may_be_empty=True)


def by_rating(scores: Sequence[float], ratings: Sequence[int]) -> dict[str, Any]:
    """Mean score per quality rating with Student's 95 % interval, Spearman's rank correlation of the two, and whether
    the means rise with the rating, as a calibrated model's do (paper, section 3.4.1, figure 29).

    ``falls`` names the neighbouring ratings between which the mean falls. Figures that too few answers leave undefined
    are None: an interval takes two, a correlation two different scores and ratings.
    """
    groups: dict[int, list[float]] = {rating: [] for rating in sorted(set(ratings))}
    for score, rating in zip(scores, ratings, strict=True):
        groups[rating].append(score)
    means = {rating: sum(group) / len(group) for rating, group in groups.items()}
    falls = [[lower, higher] for lower, higher in pairwise(means) if means[higher] < means[lower]]
    varied = len(set(scores)) > 1 and len(means) > 1
    return {
        "n": len(scores),
        "by_rating": {str(rating): _mean(group) for rating, group in groups.items()},
        "spearman": float(stats.spearmanr(scores, ratings).statistic) if varied else None,
        "monotone": not falls,
        "falls": falls,
    }


def reliability(differences: Sequence[float]) -> dict[str, Any]:
    """Whether sigmoid(r(chosen) - r(rejected)) is the probability that people choose so (paper, section 3.2.2: the
    Bradley-Terry model behind the ranking loss).

    differences: score of the chosen answer minus that of the rejected one, of held-out pairs. The likelier answer's
    probability, sigmoid(|difference|), is binned; per bin its mean (predicted) stands beside the share of pairs in
    which people did choose that answer (observed, with its Wilson interval; equal scores count as wrong).
    expected_calibration_error is the mean gap between the two over the pairs. A model that was trained with a margin
    tells answers further apart than the data do: its temperature says by how much.
    """
    values = torch.tensor(differences, dtype=torch.float64)
    confidence = torch.sigmoid(values.abs())
    places = ((confidence - 0.5) * 2 * BINS).long().clamp(max=BINS - 1)
    bins, gap = [], 0.0
    for place in range(BINS):
        inside = places == place
        observed = accuracy((values[inside] > 0).tolist())
        predicted = float(confidence[inside].mean()) if observed.n else None
        if predicted is not None and observed.accuracy is not None:
            gap += observed.n * abs(predicted - observed.accuracy)
        edges = {"from": 0.5 + place / (2 * BINS), "to": 0.5 + (place + 1) / (2 * BINS)}
        bins.append({**edges, "predicted": predicted, "observed": observed._asdict()})
    count = len(values)
    return {
        "n": count,
        "bins": bins,
        "expected_calibration_error": gap / count if count else None,
        "log_loss": float(-torch.nn.functional.logsigmoid(values).mean()) if count else None,
        "temperature": temperature(differences),
    }


def temperature(differences: Sequence[float]) -> float | None:
    """The T that gives sigmoid(difference / T) the least log loss (Guo et al. 2017, temperature scaling): above 1 the
    scores are too sure of themselves, below 1 not sure enough. None where no T is best: the model orders no pair
    wrongly, or on the whole no better than a coin.
    """
    values = torch.tensor(differences, dtype=torch.float64)
    if len(values) == 0 or bool((values >= 0).all()) or float(values.sum()) <= 0:
        return None

    def slope(scale: float) -> float:
        """The log loss's derivative by 1 / T: it rises from below 0 at scale 0 to above 0."""
        return float(-(values * torch.sigmoid(-scale * values)).sum())

    low, high = 0.0, 1.0
    while slope(high) < 0:
        low, high = high, 2 * high
    for _ in range(60):  # halved to the last digit of a double
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 2 / (low + high)


def _mean(values: list[float]) -> dict[str, float | int | None]:
    count, sample = len(values), torch.tensor(values, dtype=torch.float64)
    mean = float(sample.mean())
    if count < 2:
        return {"n": count, "mean": mean, "low": None, "high": None}
    half = float(stats.t.ppf(0.975, count - 1)) * float(sample.std()) / count**0.5
    return {"n": count, "mean": mean, "low": mean - half, "high": mean + half}


def _rated(row: dict[str, Any], where: str) -> RatedAnswer:
    if missing := [field for field in ("messages", "answer", "rating") if field not in row]:
        raise DataError(f"{where}: field {missing[0]} is missing")
    answer, rating = row["answer"], row["rating"]
    if not isinstance(answer, str):
        raise DataError(f"{where}: answer must be text, got {answer!r}")
    if isinstance(rating, bool) or rating not in RATINGS:
        raise DataError(f"{where}: rating must be a whole number from 1 to 7, got {rating!r}")
    try:
        dialogue = alternating(row["messages"])
    except ChatError as error:
        raise DataError(f"{where}: {error}") from error
    if dialogue[-1]["role"] != "user":
        raise DataError(f"{where}: messages must end with the user's, got the {dialogue[-1]['role']}'s")
    return RatedAnswer(dialogue, answer, int(rating))
