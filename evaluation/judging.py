"""What raters and reward models said about a campaign's items, as arrays that the statistics take.

Every vote is oriented alike: above 0 for the model whose name comes first in the alphabet, below 0 for the other,
whichever side an annotator saw it on. So it does not matter in which order an item stores its two responses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any

import numpy as np
from django.db.models import Count, F, Q, QuerySet
from numpy.typing import NDArray

from annotation.models import Assignment, Item, Preference, Prompt
from annotation.models.prompts import Messages
from evaluation.campaigns import responses_of
from evaluation.models import Campaign, Score
from evaluation.statistics.arrays import FloatArray, IntArray

SEVEN_POINTS = 7
NOBODY = -1
UNUSABLE = 2
SIDE_OF = {
    Preference.Choice.A: 1,
    Preference.Choice.B: -1,
    Preference.Choice.TIE: 0,
    Preference.Choice.NEITHER: UNUSABLE,
}
CHUNK = 20_000  # rows


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

    def where(self, chosen: NDArray[np.bool_] | IntArray) -> "Ballots":
        """The items that are chosen, by a mask (n,) or by their places."""
        arrays = {field.name: getattr(self, field.name)[chosen] for field in fields(self) if field.name != "labels"}
        return replace(self, **arrays, labels={kind: labels[chosen] for kind, labels in self.labels.items()})

    def meet(self, model: str, other: str) -> NDArray[np.bool_]:
        """(n,) where an item compares these two."""
        low, high = sorted((model, other))
        return (self.first == low) & (self.second == high)

    def has(self, model: str) -> NDArray[np.bool_]:
        """(n,) where an item compares this model with another."""
        return (self.first == model) | (self.second == model)

    def between(self, model: str, other: str) -> "Ballots":
        return self.where(self.meet(model, other))

    def of(self, model: str) -> "Ballots":
        return self.where(self.has(model))

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


def collect(campaign: Campaign, pair: tuple[str, str] | None = None) -> Collected:
    """Everything that raters said about the campaign's items, in five queries whatever its size.

    pair: only items that compare these two models; places and complete items are the whole campaign's all the same.
    """
    chosen = Item.objects.filter(project=campaign.project)
    if pair:
        chosen = chosen.filter(comparing(*pair))
    items, left_out = _compared_items(chosen)
    said = _preferences(campaign, chosen if pair else None)
    said = said.where(np.isin(said.item, items.keys))
    rows = said.where(said.side != UNUSABLE)
    graded = len(rows) > 0 and not np.isnan(rows.points).any() and bool((rows.scale == SEVEN_POINTS).all())
    index = np.searchsorted(items.keys, rows.item)
    # Rows come by item: how far one stands behind the first of its item is its place among the item's votes.
    slot = np.arange(len(rows)) - np.searchsorted(rows.item, rows.item)
    shape = (len(items), int(slot.max()) + 1 if len(rows) else 0)
    on_left = items.responses[index, 0] == rows.response_a
    votes = ((rows.scale + 1) / 2 - rows.points if graded else rows.side.astype(np.float64)) * np.where(on_left, 1, -1)
    labels, prompt_words = _of_prompts(campaign, items.prompts)
    ballots = Ballots(
        first=items.first,
        second=items.second,
        responses=items.responses,
        prompts=items.prompts,
        labels=labels,
        votes=_laid_out(votes, index, slot, shape, np.nan),
        raters=_laid_out(rows.rater, index, slot, shape, NOBODY),
        first_on_left=_laid_out(on_left, index, slot, shape, False),
        seconds=_laid_out(rows.seconds, index, slot, shape, np.nan),
        words=_words(campaign, items.responses),
        prompt_words=prompt_words,
    )
    places, complete = _places(campaign)
    return Collected(ballots, graded, len(said) - len(rows), left_out, bool(rows.imported.any()), places, complete)


def _laid_out(
    values: NDArray[Any], index: IntArray, slot: IntArray, shape: tuple[int, int], missing: float
) -> NDArray[Any]:
    """Values (k,) at their items and their places among the item's votes: a table of this shape."""
    table = np.full(shape, missing, dtype=values.dtype)
    table[index, slot] = values
    return table


@dataclass(frozen=True, eq=False)
class _Items:
    """n items that compare two named models, by key; their models and responses in the order of the models' names."""

    keys: IntArray
    prompts: IntArray
    first: NDArray[np.str_]
    second: NDArray[np.str_]
    responses: IntArray

    def __len__(self) -> int:
        return len(self.keys)


def comparing(model: str, other: str) -> Q:
    """Items that compare these two models, in either order."""
    one, two = "response_1__model_version__name", "response_2__model_version__name"
    return Q(**{one: model, two: other}) | Q(**{one: other, two: model})


def _compared_items(chosen: QuerySet[Item]) -> tuple[_Items, int]:
    """The items, and how many others compare no two different named models."""
    stored = (
        chosen.filter(gold=None)  # everybody judges a gold item: it measures people
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
    rows = list(stored.iterator(chunk_size=CHUNK))
    named = [row for row in rows if row[4] and row[5] and row[4] != row[5]]
    keys = np.array([row[:4] for row in named], dtype=np.int64).reshape(-1, 4)
    models = np.array([row[4:] for row in named], dtype=np.str_).reshape(-1, 2)
    turned = models[:, 0] > models[:, 1]
    first, second = (np.where(turned, models[:, 1 - side], models[:, side]) for side in (0, 1))
    responses = np.where(turned[:, None], keys[:, [3, 2]], keys[:, [2, 3]])
    return _Items(keys[:, 0], keys[:, 1], first, second, responses), len(rows) - len(named)


@dataclass(frozen=True, eq=False)
class _Said:
    """Current preferences, by item, rater and key, so that a report comes out the same each time."""

    item: IntArray
    rater: IntArray
    response_a: IntArray
    side: IntArray
    """1 for A, -1 for B, 0 for a tie, UNUSABLE."""
    points: FloatArray
    scale: FloatArray
    seconds: FloatArray
    imported: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.item)

    def where(self, chosen: NDArray[np.bool_] | IntArray) -> "_Said":
        return _Said(*(getattr(self, field.name)[chosen] for field in fields(self)))


def _preferences(campaign: Campaign, chosen: QuerySet[Item] | None) -> _Said:
    """Read in pieces, so that a million rows are never Python objects at the same time."""
    current = Preference.objects.filter(comparison__project=campaign.project, current=True)
    if chosen is not None:
        current = current.filter(comparison__assignment__item__in=chosen)
    rated = current.annotate(
        item=F("comparison__assignment__item"), rater=F("comparison__assignment__annotator")
    ).exclude(item=None)
    columns = rated.order_by().values_list(
        "pk", "item", "rater", "comparison__response_a", "choice", "points", "scale", "seconds", "comparison__source"
    )
    pieces = [_piece([])]
    rows = columns.iterator(chunk_size=CHUNK)
    while piece := list(islice(rows, CHUNK)):
        pieces.append(_piece(piece))
    keys, *values = (np.concatenate(column) for column in zip(*pieces, strict=True))
    said = _Said(*values)
    return said.where(np.lexsort((keys, said.rater, said.item)))


def _piece(rows: list[tuple[Any, ...]]) -> tuple[NDArray[Any], ...]:
    pk, item, rater, response_a, choice, points, scale, seconds, source = zip(*rows, strict=True) if rows else [()] * 9
    return (
        *(np.array(keys, dtype=np.int64) for keys in (pk, item, rater, response_a)),
        np.array([SIDE_OF[name] for name in choice], dtype=np.int64),
        *(np.array(numbers, dtype=np.float64) for numbers in (points, scale, seconds)),  # None becomes NaN
        np.array([bool(name) for name in source], dtype=np.bool_),
    )


def _words(campaign: Campaign, responses: IntArray) -> IntArray:
    """(n, 2) how many words each response has; its text is let go at once, as there may be very many."""
    known, index = np.unique(responses, return_inverse=True)
    texts = responses_of(campaign.project).values_list("pk", "text")
    counted = {pk: len(text.split()) for pk, text in texts.iterator(chunk_size=2000)}
    return np.array([counted[pk] for pk in known.tolist()], dtype=np.int64)[index].reshape(-1, 2)


def _of_prompts(campaign: Campaign, prompts: IntArray) -> tuple[dict[str, NDArray[np.str_]], IntArray]:
    """The labels (n,) of the prompts, and how many words each has."""
    stored = {
        pk: (category, risk_category, turns_of(messages), _words_of(messages))
        for pk, category, risk_category, messages in Prompt.objects.filter(
            pk__in=Item.objects.filter(project=campaign.project).values("prompt")
        ).values_list("pk", "category", "risk_category", "messages")
    }
    known, index = np.unique(prompts, return_inverse=True)
    rows = [stored[pk] for pk in known.tolist()]
    table = np.array([row[:3] for row in rows], dtype=np.str_).reshape(-1, 3)[index]
    words = np.array([row[3] for row in rows], dtype=np.int64)[index]
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
