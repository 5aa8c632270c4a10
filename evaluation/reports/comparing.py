"""Two models against each other, wherever they met: across campaigns, prompts and judges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models.functions import Length

from annotation.models import Item, Prompt, Response
from evaluation.campaigns import campaign_of, pairwise_projects
from evaluation.judging import Ballots, Collected, collect, comparing
from evaluation.models import Campaign, Score
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import SEVEN_POINT_SCALE, SIDES, Reliability
from evaluation.reports.sections.histogram import Bin
from evaluation.statistics.agreement import gwet
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.preferences import WinRate, majority_side, win_rate


@dataclass(frozen=True)
class Meeting:
    """The two models in one campaign."""

    campaign: str
    name: str
    items: int
    prompts: int
    votes: int
    by_item: WinRate
    reliability: Reliability


@dataclass(frozen=True)
class Part:
    """The prompts that share a label; kind: turns, category, risk category, length."""

    kind: str
    label: str
    prompts: int
    by_item: WinRate


@dataclass(frozen=True)
class Verdict:
    """A reward model in the raters' place. with_majority: how often it sides with them where both prefer one."""

    judge: str
    by_item: WinRate
    with_majority: Estimate
    compared: int


@dataclass(frozen=True)
class ModelComparison:
    """`first` against `second`. prompts: different ones; the same prompt in two campaigns is one.

    histogram: empty where not every vote has its strength.
    """

    first: str
    second: str
    items: int
    prompts: int
    votes: int
    by_item: WinRate
    by_median: WinRate
    by_vote: WinRate
    campaigns: tuple[Meeting, ...]
    slices: tuple[Part, ...]
    histogram: tuple[Bin, ...]
    judges: tuple[Verdict, ...]


def compare(first: str, second: str) -> ModelComparison:
    """Two models by their names; without a meeting its counts are 0 and its figures say why they are undefined."""
    pair = first, second
    found = [(campaign, collect(campaign, pair)) for campaign in campaigns_with(first, second)]
    everything = [_Votes(collected.ballots, first) for _, collected in found]
    votes, prompts = _stacked([each.votes for each in everything]), _prompts([each.ballots for each in everything])
    cast = ~np.isnan(votes)
    graded = bool(found) and all(collected.graded for _, collected in found)
    return ModelComparison(
        first=first,
        second=second,
        items=len(votes),
        prompts=len(np.unique(prompts[cast.any(axis=1)])),
        votes=int(cast.sum()),
        by_item=win_rate(votes, prompts),
        by_median=win_rate(votes, prompts, rule="median"),
        by_vote=win_rate(votes, prompts, rule="vote"),
        campaigns=tuple(_meeting(campaign, collected, first) for campaign, collected in found),
        slices=tuple(_slices([each.ballots for each in everything], votes, prompts, pair)),
        histogram=tuple(Bin(s, int(np.sum(votes == s))) for s in reversed(SEVEN_POINT_SCALE)) if graded else (),
        judges=tuple(_verdicts([each.ballots for each in everything], votes, prompts, first)),
    )


def campaigns_with(first: str, second: str) -> list[Campaign]:
    """Campaigns, and imported pairwise projects, with an item that compares the two; the oldest first."""
    projects = Item.objects.filter(comparing(first, second)).order_by().values("project").distinct()
    return [
        campaign_of(project) for project in pairwise_projects().filter(pk__in=projects).order_by("created_at", "pk")
    ]


class _Votes:
    """A campaign's ballots with their votes (n, r) turned towards `first`."""

    def __init__(self, ballots: Ballots, first: str) -> None:
        self.ballots = ballots
        self.votes = ballots.votes * ballots.towards(first)[:, None]


def _stacked(tables: Sequence[FloatArray]) -> FloatArray:
    """Tables (n, r) one under the other, as wide as the widest."""
    width = max((table.shape[1] for table in tables), default=0)
    padded = [np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=np.nan) for table in tables]
    return np.concatenate(padded) if padded else np.zeros((0, 0))


def _prompts(ballots: Sequence[Ballots]) -> np.ndarray:
    """(n,) the digest of each item's prompt: campaigns keep copies of the same prompt."""
    keys = np.concatenate([each.prompts for each in ballots]) if ballots else np.zeros(0, dtype=np.int64)
    digests = dict(Prompt.objects.filter(pk__in=np.unique(keys).tolist()).values_list("pk", "digest"))
    return np.array([digests[key] for key in keys.tolist()], dtype=np.str_)


def _meeting(campaign: Campaign, collected: Collected, first: str) -> Meeting:
    ballots = collected.ballots
    votes = ballots.votes * ballots.towards(first)[:, None]
    categories = SEVEN_POINT_SCALE if collected.graded else SIDES
    return Meeting(
        campaign=campaign.slug,
        name=campaign.name,
        items=len(ballots),
        prompts=len(np.unique(ballots.prompts[ballots.cast.any(axis=1)])),
        votes=int(ballots.cast.sum()),
        by_item=win_rate(votes, ballots.prompts),
        reliability=Reliability(
            ac2=gwet(votes, weights="quadratic", categories=categories),
            ac1=gwet(votes, weights="identity", categories=categories),
        ),
    )


def _slices(
    ballots: Sequence[Ballots], votes: FloatArray, prompts: np.ndarray, pair: tuple[str, str]
) -> Iterator[Part]:
    """By whose answer is longer, and by each kind of label; the largest slice first."""
    if not len(votes):
        return
    kinds = {kind: np.concatenate([each.labels[kind] for each in ballots]) for kind in ballots[0].labels}
    for kind, labels in ({"length": _longer(ballots, *pair)} | kinds).items():
        names, counts = np.unique(labels[labels != ""], return_counts=True)
        if len(names) < 2:
            continue
        for label in names[np.lexsort((names, -counts))].tolist():
            at = labels == label
            yield Part(kind, label, len(np.unique(prompts[at])), win_rate(votes[at], prompts[at]))


def _longer(ballots: Sequence[Ballots], first: str, second: str) -> np.ndarray:
    """(n,) whose answer has more characters."""
    keys = np.concatenate(
        [np.where((each.first == first)[:, None], each.responses, each.responses[:, ::-1]) for each in ballots]
    )
    stored = Response.objects.filter(pk__in=np.unique(keys).tolist()).values_list("pk", Length("text"))
    lengths = dict(stored)
    table = np.array([[lengths[key] for key in row] for row in keys.tolist()])
    longer = [f"{model}'s answer is longer" for model in (first, second)]
    return np.select([table[:, 0] > table[:, 1], table[:, 0] < table[:, 1]], longer, "both are as long")


def _verdicts(ballots: Sequence[Ballots], votes: FloatArray, prompts: np.ndarray, first: str) -> Iterator[Verdict]:
    """Each reward model that scored both answers of some item."""
    if not len(votes):
        return
    keys = np.concatenate(
        [np.where((each.first == first)[:, None], each.responses, each.responses[:, ::-1]) for each in ballots]
    )
    scores: dict[str, dict[int, float]] = {}
    stored = Score.objects.filter(response__in=np.unique(keys).tolist()).order_by("model_version__name")
    for judge, response, value in stored.values_list("model_version__name", "response", "value"):
        scores.setdefault(judge, {})[response] = value
    majority = majority_side(votes)
    for judge, values in scores.items():
        table = np.array([[values.get(key, np.nan) for key in row] for row in keys.tolist()])
        sides = np.sign(table[:, 0] - table[:, 1])
        if np.isnan(sides).all():
            continue
        both = (np.abs(sides) == 1) & (np.abs(majority) == 1)
        agrees = win_rate((sides * majority)[both], prompts[both]).win
        yield Verdict(judge, win_rate(sides, prompts), agrees, int(both.sum()))


def lines(found: ModelComparison) -> Iterator[Line]:
    """A figure a line, as in a campaign's report; `part` names the campaign, or the kind of slice."""
    pair = found.first, found.second
    for name, rates in (("pair", found.by_item), ("pair by median", found.by_median), ("pair by vote", found.by_vote)):
        yield from Subject(RATERS, name, *pair).rates(rates)
    for meeting in found.campaigns:
        subject = Subject(RATERS, "campaign", *pair, meeting.name)
        yield from subject.rates(meeting.by_item)
        yield subject.line("ac2", meeting.reliability.ac2, meeting.votes)
        yield subject.line("ac1", meeting.reliability.ac1, meeting.votes)
    for part in found.slices:
        yield from Subject(RATERS, part.kind, *pair, part.label).rates(part.by_item)
    for bar in found.histogram:
        yield Subject(RATERS, "histogram", *pair, bar.strength).value("votes", bar.votes, found.votes)
    for verdict in found.judges:
        yield from Subject(verdict.judge, "pair", *pair).rates(verdict.by_item)
        yield Subject(verdict.judge, "pair", *pair).line("with_majority", verdict.with_majority, verdict.compared)
