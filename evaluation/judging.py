"""What raters and reward models said about a campaign's items, as arrays that the statistics take.

Every vote is oriented alike: above 0 for the model whose name comes first in the alphabet, below 0 for the other,
whichever side an annotator saw it on. So it does not matter in which order an item stores its two responses.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from django.db.models import Count, F, Q
from numpy.typing import NDArray

from annotation.models import Assignment, Item, Preference, Prompt
from annotation.models.prompts import Messages
from evaluation.campaigns import responses_of
from evaluation.models import Campaign, Score
from evaluation.statistics.arrays import FloatArray, IntArray

SEVEN_POINTS = 7
NOBODY = -1


@dataclass(frozen=True, eq=False)
class Ballots:
    """n items that compare two models each, with at most r votes on each."""

    first: NDArray[np.str_]
    """(n,) the models whose names come first in the alphabet."""
    second: NDArray[np.str_]
    """(n,) the other models."""
    responses: IntArray
    """(n, 2) keys of the first and of the second model's response."""
    prompts: IntArray
    """(n,) keys of the prompts, to cluster by."""
    labels: Mapping[str, NDArray[np.str_]]
    """(n,) each: what the prompts can be told apart by , empty where unknown."""
    votes: FloatArray
    """(n, r) points from the middle of the scale, 3 to -3 on seven points, or 1, 0, -1; NaN where missing."""
    raters: IntArray
    """(n, r) keys of the users, NOBODY where a vote is missing."""
    first_on_left: NDArray[np.bool_]
    """(n, r) whether the first model's response stood on the left, as A."""
    seconds: FloatArray
    """(n, r) from both answers being there to submission; NaN where no time was taken."""
    words: IntArray
    """(n, 2) of the first and of the second model's response: what blanks separate."""
    prompt_words: IntArray
    """(n,) of the whole prompt, earlier turns included."""

    def __len__(self) -> int:
        return len(self.first)

    @property
    def sides(self) -> FloatArray:
        """(n, r) the votes without their strength: 1, 0, -1, NaN where missing."""
        return np.sign(self.votes)

    @property
    def cast(self) -> NDArray[np.bool_]:
        """(n, r) where there is a vote."""
        return ~np.isnan(self.votes)

    def where(self, chosen: NDArray[np.bool_]) -> "Ballots":
        """The items (n,) that are chosen."""
        arrays = {field.name: getattr(self, field.name)[chosen] for field in fields(self) if field.name != "labels"}
        return replace(self, **arrays, labels={kind: labels[chosen] for kind, labels in self.labels.items()})

    def between(self, model: str, other: str) -> "Ballots":
        low, high = sorted((model, other))
        return self.where((self.first == low) & (self.second == high))

    def of(self, model: str) -> "Ballots":
        return self.where((self.first == model) | (self.second == model))

    def towards(self, model: str) -> FloatArray:
        """(n,) the sign that turns votes on items `of` this model into votes for it."""
        return np.where(self.first == model, 1.0, -1.0)


@dataclass(frozen=True, eq=False)
class Collected:
    """The ballots of a campaign, and what is to be known about them."""

    ballots: Ballots
    graded: bool
    """Whether every vote has its strength on seven points; otherwise votes are sides alone."""
    unusable: int
    """Answers "both unusable": they prefer nothing and are no votes."""
    left_out: int
    """Items that do not compare two different, named models."""
    imported: bool
    """Whether a file, and not chance, set the sides."""
    places: int
    """Judgements wanted in all."""
    complete: int
    """Items whose places are all submitted."""


class _Row(NamedTuple):
    """A current preference, as it is read from the database."""

    item: int
    rater: int
    response_a: int
    choice: str
    points: int | None
    scale: int
    seconds: float | None
    source: str


def collect(campaign: Campaign) -> Collected:
    """Everything that raters said about the campaign's items, in five queries whatever its size."""
    items, left_out = _compared_items(campaign)
    position = {pk: index for index, pk in enumerate(items)}
    said = [row for row in _preferences(campaign) if row.item in position]
    rows = [row for row in said if row.choice != Preference.Choice.NEITHER]
    graded = bool(rows) and all(row.points is not None and row.scale == SEVEN_POINTS for row in rows)
    prompts = np.array([item.prompt for item in items.values()], dtype=np.int64)
    shape = (len(items), _most_votes(rows))
    votes, seconds = np.full(shape, np.nan), np.full(shape, np.nan)
    raters, on_left = np.full(shape, NOBODY, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    filled = [0] * len(items)
    for row in rows:
        index = position[row.item]
        place = index, filled[index]
        filled[index] += 1
        on_left[place] = items[row.item].responses[0] == row.response_a
        votes[place] = _vote(row, graded) * (1 if on_left[place] else -1)
        raters[place] = row.rater
        seconds[place] = np.nan if row.seconds is None else row.seconds
    labels, prompt_words = _of_prompts(campaign, prompts)
    words = _words(campaign)
    ballots = Ballots(
        first=np.array([item.models[0] for item in items.values()], dtype=np.str_),
        second=np.array([item.models[1] for item in items.values()], dtype=np.str_),
        responses=np.array([item.responses for item in items.values()], dtype=np.int64).reshape(-1, 2),
        prompts=prompts,
        labels=labels,
        votes=votes,
        raters=raters,
        first_on_left=on_left,
        seconds=seconds,
        words=np.array([[words[key] for key in item.responses] for item in items.values()], dtype=np.int64).reshape(
            -1, 2
        ),
        prompt_words=prompt_words,
    )
    places, complete = _places(campaign)
    imported = any(row.source for row in rows)
    return Collected(ballots, graded, len(said) - len(rows), left_out, imported, places, complete)


class _ComparedItem(NamedTuple):
    prompt: int
    models: tuple[str, str]
    responses: tuple[int, int]


def _compared_items(campaign: Campaign) -> tuple[dict[int, _ComparedItem], int]:
    """Items by key, each with its models in the order of their names; and how many compare no two named models."""
    stored = (
        Item.objects.filter(project=campaign.project, gold=None)  # everybody judges a gold item: it measures people
        .order_by("pk")
        .values_list(
            "pk",
            "prompt",
            "response_1",
            "response_2",
            "response_1__model_version__name",
            "response_2__model_version__name",
        )
    )
    items: dict[int, _ComparedItem] = {}
    left_out = 0
    for pk, prompt, response_1, response_2, model_1, model_2 in stored:
        if not model_1 or not model_2 or model_1 == model_2:
            left_out += 1
        elif model_1 < model_2:
            items[pk] = _ComparedItem(prompt, (model_1, model_2), (response_1, response_2))
        else:
            items[pk] = _ComparedItem(prompt, (model_2, model_1), (response_2, response_1))
    return items, left_out


def _preferences(campaign: Campaign) -> list[_Row]:
    """By item and then by rater, so that a report comes out the same each time."""
    current = Preference.objects.filter(comparison__project=campaign.project, current=True)
    rated = current.annotate(
        item=F("comparison__assignment__item"), rater=F("comparison__assignment__annotator")
    ).exclude(item=None)
    columns = rated.order_by("item", "rater", "pk").values_list(
        "item", "rater", "comparison__response_a", "choice", "points", "scale", "seconds", "comparison__source"
    )
    return [_Row(*values) for values in columns]


def _most_votes(rows: Sequence[_Row]) -> int:
    return max(Counter(row.item for row in rows).values(), default=0)


def _vote(row: _Row, graded: bool) -> float:
    """Above 0 for the response on the left, A."""
    if graded and row.points is not None:
        return (row.scale + 1) / 2 - row.points
    return {Preference.Choice.A.value: 1.0, Preference.Choice.B.value: -1.0}.get(row.choice, 0.0)


def _words(campaign: Campaign) -> dict[int, int]:
    """Of each response, how many words it has; its text is let go at once, as there may be very many."""
    texts = responses_of(campaign.project).values_list("pk", "text")
    return {pk: len(text.split()) for pk, text in texts.iterator(chunk_size=2000)}


def _of_prompts(campaign: Campaign, prompts: IntArray) -> tuple[dict[str, NDArray[np.str_]], IntArray]:
    """The labels (n,) of the prompts, and how many words each has."""
    stored = {
        pk: (category, risk_category, turns_of(messages), _words_of(messages))
        for pk, category, risk_category, messages in Prompt.objects.filter(
            pk__in=Item.objects.filter(project=campaign.project).values("prompt")
        ).values_list("pk", "category", "risk_category", "messages")
    }
    table = np.array([stored[pk][:3] for pk in prompts.tolist()], dtype=np.str_).reshape(-1, 3)
    words = np.array([stored[pk][3] for pk in prompts.tolist()], dtype=np.int64)
    return {"turns": table[:, 2], "category": table[:, 0], "risk category": table[:, 1]}, words


def _words_of(messages: Messages) -> int:
    return sum(len(str(message["content"]).split()) for message in messages)


def turns_of(messages: Messages) -> str:
    """The turn type of section 3.4.2: whether an assistant has answered before."""
    return "multi-turn" if any(message["role"] == "assistant" for message in messages) else "single-turn"


def _places(campaign: Campaign) -> tuple[int, int]:
    """How many places the items have, rejected ones aside, and how many items have all of theirs submitted."""
    submitted = Count("pk", filter=Q(status__in=(Assignment.Status.SUBMITTED, Assignment.Status.RETURNED)))
    rows = Assignment.objects.filter(item__project=campaign.project, item__gold=None)
    counts = list(
        rows.exclude(status=Assignment.Status.REJECTED)
        .values("item")
        .annotate(places=Count("pk"), submitted=submitted)
        .values_list("places", "submitted")
    )
    return sum(places for places, _ in counts), sum(places == done for places, done in counts)


def scores_by_judge(campaign: Campaign) -> dict[str, dict[int, float]]:
    """By reward model, the score that it gave to each response; reward models that scored none are not there."""
    scores: dict[str, dict[int, float]] = {}
    stored = Score.objects.filter(response__in=responses_of(campaign.project)).order_by("model_version__name")
    for judge, response, value in stored.values_list("model_version__name", "response", "value"):
        scores.setdefault(judge, {})[response] = value
    return scores
