"""Each rater: how often with the majority, how often for the answer on the left, how fast."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.models import Assignment
from evaluation.judging import Ballots
from evaluation.models import Campaign
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Durations, Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section, Source
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.proportions import wilson
from evaluation.wording import percent, percent_interval


@dataclass(frozen=True)
class RaterReport:
    """with_majority: of their votes on items where more than half of two votes or more, theirs among them, agree."""

    rater: str
    votes: int
    with_majority: Estimate
    left_share: Estimate
    seconds: Durations


def collect(campaign: Campaign) -> Mapping[str, Any]:
    """The names of those who have or had a place, in their order."""
    named = list(_named(campaign))
    return {"keys": [key for key, _ in named], "names": [name for _, name in named]}


def fingerprint(campaign: Campaign) -> str:
    return repr(list(_named(campaign)))


def _named(campaign: Campaign) -> Iterator[tuple[int, str]]:
    people = Assignment.objects.filter(item__project=campaign.project, annotator__isnull=False)
    yield from people.values_list("annotator", "annotator__username").order_by("annotator__username").distinct()


def figures(material: Material) -> tuple[RaterReport, ...]:
    """Each rater with a vote, by name."""
    return tuple(_raters(material))


def _raters(material: Material) -> Iterator[RaterReport]:
    ballots = material.ballots
    shared, with_majority = _held_against_the_majority(material)
    people = material.extras["raters"]
    for key, name in zip(people["keys"], people["names"], strict=True):
        own = ballots.raters == key
        if not own.any():
            continue
        yield RaterReport(
            rater=name,
            votes=int(own.sum()),
            with_majority=wilson(int(np.sum(own & with_majority)), int(np.sum(own & shared))),
            left_share=left_share(ballots, own),
            seconds=durations(ballots.seconds[own]),
        )


def _held_against_the_majority(material: Material) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(n, r) the votes on items with a majority of two votes or more, and which of them are with it."""
    ballots, majority, sides = material.ballots, material.majority, material.ballots.sides
    agreed = 2 * np.sum(sides == majority[:, None], axis=1) > ballots.cast.sum(axis=1)
    shared = (agreed & (ballots.cast.sum(axis=1) > 1))[:, None] & ballots.cast
    return shared, shared & (sides == majority[:, None])


def durations(seconds: FloatArray) -> Durations:
    taken = seconds[~np.isnan(seconds)]
    if taken.size == 0:
        return Durations(0, None, None, None)
    lower, median, upper = np.quantile(taken, (0.25, 0.5, 0.75)).tolist()
    return Durations(int(taken.size), lower, median, upper)


def left_share(ballots: Ballots, chosen: NDArray[np.bool_]) -> Estimate:
    """Of the chosen votes (n, r) that prefer an answer, the share for the one on the left, as A."""
    decisive = chosen & ballots.cast & (ballots.votes != 0)
    left = decisive & ((ballots.votes > 0) == ballots.first_on_left)
    return wilson(int(left.sum()), int(decisive.sum()))


def read(raters: tuple[RaterReport, ...], report: Report) -> Reading:
    """Whether position decided votes: without a side bias the interval holds one half."""
    share = report.left_share
    if share.value is None or share.interval is None:
        return Reading("No vote has preferred one of two answers yet.")
    said = f"The left answer got {percent(share.value)} of the decisive votes (95 % interval {percent_interval(share)})"
    if report.imported:
        return Reading(f"{said}.", "The imported file set the sides, not chance, so this says nothing about a bias.")
    low, high = share.interval
    verdict = "no sign of a side bias" if low <= 0.5 <= high else "more than chance explains: a side bias"
    return Reading(f"{said}: {verdict}.", "The majority of an item counts the rater's own vote.")


def drawn(raters: tuple[RaterReport, ...], report: Report) -> Mapping[str, Any]:
    return {}


def method(raters: tuple[RaterReport, ...], report: Report) -> str:
    return "Raters' shares have Wilson's intervals, each vote a trial."


def lines(raters: tuple[RaterReport, ...], report: Report) -> Iterator[Line]:
    for rater in raters:
        subject = Subject(RATERS, "rater", label=rater.rater)
        yield subject.line("with_majority", rater.with_majority, rater.votes)
        yield subject.line("left_share", rater.left_share, rater.votes)


def resample(resampling: Resampling) -> Iterator[Resampled]:
    """Shares of each rater's votes; a prompt's votes stay together, which Wilson's intervals do not know of."""
    ballots, sums = resampling.material.ballots, resampling.sums
    shared, with_majority = _held_against_the_majority(resampling.material)
    decisive = ballots.cast & (ballots.votes != 0)
    left = decisive & ((ballots.votes > 0) == ballots.first_on_left)
    above, below = sums.column(left.sum(axis=1)), sums.column(decisive.sum(axis=1))
    yield resampling.ratio(Subject(RATERS, "campaign"), "left_share", above, below, int(ballots.cast.sum()))
    people = resampling.material.extras["raters"]
    for key, name in zip(people["keys"], people["names"], strict=True):
        rows, columns = np.nonzero(ballots.raters == key)
        if not len(rows):
            continue
        subject = Subject(RATERS, "rater", label=name)
        for figure, hits, of in (("with_majority", with_majority, shared), ("left_share", left, decisive)):
            above, below = (sums.column(table[rows, columns], rows) for table in (hits, of))
            yield resampling.ratio(subject, figure, above, below, len(rows))


SECTION = Section(
    key="raters",
    title="Raters",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    resample=resample,
    source=Source(collect, fingerprint),
)
