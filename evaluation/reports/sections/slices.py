"""Where the best model wins: on all prompts, by turn type, by category."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluation.comparing_models import UNTESTED, Adjusted, adjusted
from evaluation.judging import Ballots
from evaluation.plots import RATE_TICKS, RATES, Dot, DotPlot, Whisker, sorting_value, why_missing
from evaluation.reports.length_slices import from_the_shortest, length_labels
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material, judged_prompts
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section
from evaluation.statistics.agreement import Agreement
from evaluation.statistics.arrays import IntArray
from evaluation.statistics.pairing import exact_binomial, student_p_value
from evaluation.statistics.preferences import WinRate, majority_side, win_rate
from evaluation.wording import SMALL, count, percent, percent_interval

MOST_SLICES = 20
LEVEL = 0.05


@dataclass(frozen=True)
class SliceReport:
    """`model` against all others on the prompts that share a label."""

    kind: str
    label: str
    model: str
    items: int
    prompts: int
    votes: int
    by_item: WinRate
    ac2: Agreement
    test: Adjusted = UNTESTED
    """Whether the win rate differs from one half, by Student's t on prompts as its interval is; among all slices."""


def figures(material: Material) -> tuple[SliceReport, ...]:
    return _tested(tuple(_slices(material)))


def _tested(slices: tuple[SliceReport, ...]) -> tuple[SliceReport, ...]:
    """Each slice with its p-value among those of all slices; that of all prompts is no slice and stands alone."""
    p_values = [_p_value(part) for part in slices]
    labelled = [place for place, part in enumerate(slices) if part.kind != "all"]
    tests = dict(zip(labelled, adjusted([p_values[place] for place in labelled]), strict=True))
    alone = [adjusted([p_value])[0] for p_value in p_values]
    return tuple(replace(part, test=tests.get(place, alone[place])) for place, part in enumerate(slices))


def _p_value(part: SliceReport) -> float | None:
    rate = part.by_item.win_rate
    if part.prompts and rate.value in (0, 1):
        return exact_binomial(part.prompts, part.prompts)  # without variation each prompt is one toss of a coin
    return student_p_value(rate, part.prompts - 1, 0.5)


def _slices(material: Material) -> Iterator[SliceReport]:
    """The best model against all others: on all prompts, by length from the shortest, by turn type and category from
    the largest slice."""
    if not len(material.ballots):
        return
    leader = material.models[0]
    for kind, label, at in _parts(material.ballots, leader):
        part = material.ballots.where(at)
        votes = part.votes * part.towards(leader)[:, None]
        yield SliceReport(
            kind=kind,
            label=label,
            model=leader,
            items=len(part),
            prompts=judged_prompts(part),
            votes=int(part.cast.sum()),
            by_item=win_rate(votes, part.prompts),
            ac2=material.reliability(votes).ac2,
        )


def _parts(everybodys: Ballots, leader: str) -> Iterator[tuple[str, str, IntArray]]:
    """Kind, label and the places of the leader's items with this label."""
    own = np.flatnonzero(everybodys.has(leader))
    ballots = everybodys.where(own)
    everything = {"all": np.full(len(ballots), "all prompts")}
    lengths = length_labels(ballots, leader)
    for kind, labels in (everything | lengths | dict(ballots.labels)).items():
        names, counts = np.unique(labels[labels != ""], return_counts=True)
        by_size = names[np.lexsort((names, -counts))].tolist()
        for label in from_the_shortest(by_size) if kind in lengths else by_size:
            yield kind, label, own[labels == label]


def title(slices: tuple[SliceReport, ...], report: Report) -> str:
    return f"Where {report.models[0]} wins"


def read(slices: tuple[SliceReport, ...], report: Report) -> Reading:
    """The multiple-comparisons caveat belongs to every forest plot."""
    labelled = [part for part in slices if part.kind != "all"]
    if not labelled:
        return Reading("The prompts carry no labels to tell them apart by.")
    small = sum(part.items < SMALL for part in labelled)
    return Reading(
        f"Of {count(len(labelled), 'slice')}, {small} rest{'s' if small == 1 else ''} on fewer than {SMALL} items and "
        f"{'is' if small == 1 else 'are'} only a hint. {_read_tests(labelled)}",
        "Of 20 intervals one misses by chance: only the corrected p-values may be picked from.",
    )


def _read_tests(labelled: list[SliceReport]) -> str:
    """How many stand apart from an even chance, all slices taken together."""
    real = sum(part.test.holm is not None and part.test.holm < LEVEL for part in labelled)
    away = "stands" if real == 1 else "stand"
    return f"{real} {away} apart from an even chance by more than chance explains, corrected for being {len(labelled)}."


def slice_plot(slices: tuple[SliceReport, ...]) -> DotPlot:
    """The best model's win rate on all prompts and on each slice; of very many, the smallest are folded."""
    turns = {part.label for part in slices if part.kind == "turns"}
    told_apart = [part for part in slices if part.kind != "turns" or len(turns) > 1]
    rows = (
        Dot(
            label=part.label,
            n=part.by_item.observations,
            whisker=Whisker.of(part.by_item.win_rate, RATES),
            text=percent(part.by_item.win_rate.value),
            interval=percent_interval(part.by_item.win_rate),
            note=why_missing(part.by_item.win_rate),
            sorts_by=sorting_value(part.by_item.win_rate),
            heading=part.kind == "all",
        )
        for part in told_apart
    )
    plot = DotPlot("Win rate", "items", tuple(rows), RATE_TICKS, reference=RATES.at(0.5))
    return plot.folded(MOST_SLICES)


def drawn(slices: tuple[SliceReport, ...], report: Report) -> Mapping[str, Any]:
    return {"plot": slice_plot(slices)}


def method(slices: tuple[SliceReport, ...], report: Report) -> str:
    return (
        "Slices share a label of their prompts, or are quarters by length in words. Their intervals are not corrected "
        "for being many; their p-values against an even chance (Student's t on prompts) are, by Holm's rule and by "
        "Benjamini and Hochberg's."
    )


def lines(slices: tuple[SliceReport, ...], report: Report) -> Iterator[Line]:
    for part in slices:
        subject = Subject(RATERS, part.kind, part.model, label=part.label)
        yield from subject.rates(part.by_item)
        yield subject.line("ac2", part.ac2, part.votes)
        yield subject.value("p_value", part.test.p_value, part.prompts)
        yield subject.value("p_holm", part.test.holm, part.prompts)
        yield subject.value("p_benjamini_hochberg", part.test.benjamini_hochberg, part.prompts)


def resample(resampling: Resampling) -> Iterator[Resampled]:
    material = resampling.material
    if not len(material.ballots):
        return
    leader = material.models[0]
    for kind, label, at in _parts(material.ballots, leader):
        votes = material.ballots.votes[at] * material.ballots.towards(leader)[at, None]
        subject = Subject(RATERS, kind, leader, label=label)
        yield from resampling.rates(subject, majority_side(votes), at)
        ac2, _ = resampling.agreement(subject, votes, at)
        yield ac2


SECTION = Section(
    key="slices", title=title, figures=figures, read=read, drawn=drawn, method=method, lines=lines, resample=resample
)
