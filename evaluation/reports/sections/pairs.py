"""Who wins: every two models that meet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.plots import RATE_TICKS, StackedBar, stacked
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material, Reliability, judged_prompts, meetings
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section
from evaluation.statistics.estimates import FEW_CLUSTERS
from evaluation.statistics.preferences import WinRate, majority_side, median_side, win_rate
from evaluation.wording import is_decided


@dataclass(frozen=True)
class PairReport:
    """`first` against `second`, who stands lower on the leaderboard.

    prompts: those with a vote. by_item: by the majority of an item's votes;
    by_median: by their median, so that a strong vote counts for more where raters differ; by_vote: each vote alone.
    """

    first: str
    second: str
    items: int
    prompts: int
    votes: int
    by_item: WinRate
    by_median: WinRate
    by_vote: WinRate
    reliability: Reliability


def figures(material: Material) -> tuple[PairReport, ...]:
    return tuple(_pairs(material))


def _pairs(material: Material) -> Iterator[PairReport]:
    for first, second, ballots in meetings(material.ballots, material.models):
        votes = ballots.votes * ballots.towards(first)[:, None]
        yield PairReport(
            first=first,
            second=second,
            items=len(ballots),
            prompts=judged_prompts(ballots),
            votes=int(ballots.cast.sum()),
            by_item=win_rate(votes, ballots.prompts),
            by_median=win_rate(votes, ballots.prompts, rule="median"),
            by_vote=win_rate(votes, ballots.prompts, rule="vote", annotators=ballots.raters),
            reliability=material.reliability(votes),
        )


def read(pairs: tuple[PairReport, ...], report: Report) -> Reading:
    decided = sum(is_decided(pair.by_item.win_rate, pair.prompts) for pair in pairs)
    return Reading(
        f"Decided pairs: {decided} of {len(pairs)}, by a whisker that stays clear of one half on {FEW_CLUSTERS} "
        "prompts or more. The dot is the win rate with ties as half a win.",
        "A pair that is not decided is not a draw: there may be too few prompts to tell.",
    )


def rules(pairs: tuple[PairReport, ...]) -> list[tuple[str, str, list[StackedBar], str]]:
    """What an item can go by: the rule, its words, the bars under it and what they count."""
    return [
        (rule, words, [stacked(pair.first, pair.second, getattr(pair, field)) for pair in pairs], counted)
        for rule, words, field, counted in (
            ("majority", "the majority of its votes", "by_item", "items"),
            ("median", "their median", "by_median", "items"),
            ("vote", "no rule: each vote counts", "by_vote", "votes"),
        )
    ]


def drawn(pairs: tuple[PairReport, ...], report: Report) -> Mapping[str, Any]:
    return {"rules": rules(pairs), "ticks": RATE_TICKS}


def method(pairs: tuple[PairReport, ...], report: Report) -> str:
    return (
        "An item goes to the model that more than half of its votes prefer; otherwise it is a tie. Intervals of win "
        "rates let items on the same prompt depend on each other (cluster-robust errors, Student's t). Votes on the "
        "same item are not taken as independent; where each vote counts alone, those of one rater are not either."
    )


def lines(pairs: tuple[PairReport, ...], report: Report) -> Iterator[Line]:
    for pair in pairs:
        subject = Subject(RATERS, "pair", pair.first, pair.second)
        yield from subject.rates(pair.by_item)
        yield from subject._replace(part="pair by median").rates(pair.by_median)
        yield from subject._replace(part="pair by vote").rates(pair.by_vote)
        yield subject.line("ac2", pair.reliability.ac2, pair.votes)
        yield subject.line("ac1", pair.reliability.ac1, pair.votes)


def resample(resampling: Resampling) -> Iterator[Resampled]:
    material = resampling.material
    for first, second, ballots in meetings(material.ballots, material.models):
        at = np.flatnonzero(material.ballots.meet(first, second))
        subject = Subject(RATERS, "pair", first, second)
        votes = ballots.votes * ballots.towards(first)[:, None]
        yield from resampling.rates(subject, majority_side(votes), at)
        yield from resampling.rates(subject._replace(part="pair by median"), median_side(votes), at)
        yield from resampling.rates(subject._replace(part="pair by vote"), votes, at)
        yield from resampling.agreement(subject, votes, at)


SECTION = Section(
    key="pairs",
    title="Who wins",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    resample=resample,
)
