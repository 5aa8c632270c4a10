"""How people voted: all votes by their strength."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.plots import Column
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section
from evaluation.statistics.arrays import FloatArray
from evaluation.wording import STRENGTHS, percent


@dataclass(frozen=True)
class Bin:
    """Votes of one strength: 3 is much better for the higher-ranked of two models, -3 much worse, 0 the same."""

    strength: int
    votes: int


def figures(material: Material) -> tuple[Bin, ...]:
    votes = _towards_the_better(material)
    return tuple(Bin(strength, int(np.sum(votes == strength))) for strength in reversed(material.categories))


def _towards_the_better(material: Material) -> FloatArray:
    """The votes (n, r), above 0 for the higher-ranked of the two models."""
    ballots = material.ballots
    rank = {model: place for place, model in enumerate(material.models)}
    first_is_better = np.array([rank[a] < rank[b] for a, b in zip(ballots.first, ballots.second, strict=True)])
    return np.where(first_is_better, 1, -1).reshape(-1, 1) * ballots.votes


def read(bins: tuple[Bin, ...], report: Report) -> Reading:
    """Where the votes lie, and how strongly people felt."""
    votes = max(report.votes, 1)
    ties = sum(bar.votes for bar in bins if bar.strength == 0)
    if not report.graded:
        return Reading(
            f"Raters only chose a side, not how much better it is; {percent(ties / votes)} of votes are ties."
        )
    strong = sum(bar.votes for bar in bins if abs(bar.strength) == 3)
    return Reading(
        f"{percent(strong / votes)} of votes say much better, {percent(ties / votes)} about the same.",
        "Votes, not items: raters of one item repeat each other, so these shares have no interval.",
    )


def histogram_columns(bins: tuple[Bin, ...], report: Report) -> list[Column]:
    better, other = report.models if len(report.models) == 2 else ("higher-ranked", "lower-ranked")
    return columns_of(bins, (better, other), report.votes, report.graded)


def columns_of(bins: tuple[Bin, ...], names: tuple[str, str], votes: int, graded: bool) -> list[Column]:
    """By strength, from much better for the first of two names to much better for the other."""
    fullest = max((bar.votes for bar in bins), default=0) or 1
    columns = []
    for bar in bins:
        side = "win" if bar.strength > 0 else "loss" if bar.strength < 0 else "tie"
        strength = STRENGTHS[abs(bar.strength)] if graded or bar.strength == 0 else "better"
        label = strength if bar.strength == 0 else f"{names[0] if bar.strength > 0 else names[1]} {strength}"
        share = percent(bar.votes / votes) if votes else percent(None)
        columns.append(Column(label, bar.votes, f"{100 * bar.votes / fullest:.2f}%", share, side))
    return columns


def drawn(bins: tuple[Bin, ...], report: Report) -> Mapping[str, Any]:
    return {"columns": histogram_columns(bins, report)}


def method(bins: tuple[Bin, ...], report: Report) -> str:
    return ""


def lines(bins: tuple[Bin, ...], report: Report) -> Iterator[Line]:
    for bar in bins:
        yield Subject(RATERS, "histogram", label=bar.strength).value("votes", bar.votes, report.votes)


def resample(resampling: Resampling) -> Iterator[Resampled]:
    """Each strength's share of the votes."""
    material = resampling.material
    votes = _towards_the_better(material)
    n, below = int(material.ballots.cast.sum()), resampling.sums.column(material.ballots.cast.sum(axis=1))
    for strength in reversed(material.categories):
        above = resampling.sums.column((votes == strength).sum(axis=1))
        yield resampling.ratio(Subject(RATERS, "histogram", label=strength), "share", above, below, n)


SECTION = Section(
    key="histogram",
    title="How people voted",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    resample=resample,
)
