"""A campaign while it runs: where each pair of models stands, by intervals that hold at every look, and what to do.

A pair's prompts count when all their judgements of the pair are there, in the order in which that was so: what is asked
of half-judged prompts would depend on who is quick.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Max

from annotation.models import Assignment, Item
from evaluation.judging import Ballots, collect
from evaluation.models import Campaign
from evaluation.progress import SUBMITTED
from evaluation.statistics.estimates import check_confidence
from evaluation.statistics.preferences import ITEM_RULES
from evaluation.statistics.sequential import Advice, Outlook, Sequence, outlook

MARGIN = 0.05
CONFIDENCE = 0.95


@dataclass(frozen=True)
class PairMonitor:
    """`first` against `second`: prompts that are judged in full, those to come, and what they recommend."""

    first: str
    second: str
    prompts: int
    left: int
    sequence: Sequence
    outlook: Outlook

    @property
    def is_over(self) -> bool:
        """Whether more judgements of the pair are not asked for."""
        return self.outlook.advice not in (Advice.WAIT, Advice.GO_ON)


@dataclass(frozen=True)
class Monitoring:
    """All pairs of a campaign. confidence: of all intervals together, at all looks; each has its part (Bonferroni)."""

    campaign: str
    confidence: float
    margin: float
    pairs: tuple[PairMonitor, ...]

    @property
    def all_over(self) -> bool:
        return bool(self.pairs) and all(pair.is_over for pair in self.pairs)


def monitor(campaign: Campaign, margin: float = MARGIN, confidence: float = CONFIDENCE) -> Monitoring:
    """As the campaign stands now. Raises ValueError for a margin or a confidence that can't be."""
    check_confidence(confidence)
    ballots = collect(campaign).ballots
    done = _completed(campaign)
    pairs = sorted(set(zip(ballots.first.tolist(), ballots.second.tolist(), strict=True)))
    each = 1 - (1 - confidence) / max(len(pairs), 1)
    return Monitoring(
        campaign.slug,
        confidence,
        margin,
        tuple(_pair(first, second, ballots.between(first, second), done, margin, each) for first, second in pairs),
    )


def _pair(
    first: str, second: str, ballots: Ballots, done: dict[frozenset[int], float], margin: float, confidence: float
) -> PairMonitor:
    """A prompt's value is the mean over its items of the majorities, 1 for the first model, 1/2 for a tie."""
    sides = (ITEM_RULES["majority"](ballots.sides) + 1) / 2
    items: dict[int, list[tuple[float, float]]] = defaultdict(list)
    open_prompts = set()
    for prompt, side, responses in zip(
        ballots.prompts.tolist(), sides.tolist(), ballots.responses.tolist(), strict=True
    ):
        when = done.get(frozenset(responses))
        if when is None:
            open_prompts.add(prompt)
        elif not np.isnan(side):  # all said that both are unusable: the prompt compares nothing
            items[prompt].append((when, side))
    whole = [
        (max(when for when, _ in judged), prompt, float(np.mean([side for _, side in judged])))
        for prompt, judged in items.items()
        if prompt not in open_prompts
    ]
    values = [value for _, _, value in sorted(whole)]
    found, said = outlook(values, len(open_prompts), margin, confidence)
    return PairMonitor(first, second, len(values), len(open_prompts), found, said)


def _completed(campaign: Campaign) -> dict[frozenset[int], float]:
    """When each item, named by its two responses, had all of its judgements; items with open places are not there."""
    places = Assignment.objects.filter(item__project=campaign.project, item__gold=None)
    rows = (
        places.exclude(status=Assignment.Status.REJECTED)
        .values("item")
        .annotate(places=Count("pk"), submitted=Count("pk", filter=SUBMITTED), last=Max("submitted_at"))
        .values_list("item", "places", "submitted", "last")
    )
    whole = {item: last.timestamp() if last else 0.0 for item, wanted, given, last in rows if wanted == given}
    stored = Item.objects.filter(project=campaign.project)
    return {
        frozenset((response_1, response_2)): whole[item]
        for item, response_1, response_2 in stored.values_list("pk", "response_1", "response_2")
        if item in whole
    }


# In words -------------------------------------------------------------------------------------------------------------


def advice(pair: PairMonitor, margin: float) -> str:
    """What to do about a pair, in a sentence or two."""
    said = pair.outlook
    low, _ = pair.sequence.interval
    if said.advice == Advice.DECIDED:
        better, worse = (pair.first, pair.second) if low > 0.5 else (pair.second, pair.first)
        small = f", though by less than the {100 * margin:g} points that matter" if said.difference_is_small else ""
        return f"Decided: {better} is better than {worse}{small}. More judgements of this pair are not needed."
    if said.advice == Advice.EQUAL:
        return f"Practically equal: whatever the difference, it is below {100 * margin:g} points. It can stop here."
    if said.advice == Advice.OPEN_AT_THE_END:
        return "Open: every prompt is judged, and neither a difference nor practical equality is shown."
    if said.advice == Advice.FUTILE:
        return (
            f"Futile: the {pair.left:,} prompts left settle it with a chance of {_percent(said.chance)}. Stop here, or "
            "add prompts."
        )
    if said.advice == Advice.WAIT:
        return "Wait: no prompt of this pair has all its judgements yet."
    chance = _percent(said.chance)
    if said.more is None:
        return f"Go on: the {pair.left:,} prompts left settle it with a chance of {chance}."
    return f"Go on with about {said.more:,} more prompts; the {pair.left:,} left settle it with a chance of {chance}."


def _percent(chance: float | None) -> str:
    share = round(100 * (chance or 0.0))
    return "below 1 %" if share < 1 else "above 99 %" if share > 99 else f"{share} %"


CAVEAT = (
    "These intervals hold at every look, all pairs together: look as often as you like, and stop when you like. That "
    "makes them wider than those of the report, which are for one look at the end. They ask that the prompts come in "
    "random order."
)
