"""Where the best model wins: on all prompts, by turn type, by category."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.plots import RATE_TICKS, RATES, Dot, DotPlot, Whisker, why_missing
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material, judged_prompts
from evaluation.reports.report import Report
from evaluation.reports.section import Reading, Section
from evaluation.statistics.agreement import Agreement
from evaluation.statistics.preferences import WinRate, win_rate
from evaluation.wording import SMALL, count, percent, percent_interval

MOST_SLICES = 20


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


def figures(material: Material) -> tuple[SliceReport, ...]:
    return tuple(_slices(material))


def _slices(material: Material) -> Iterator[SliceReport]:
    """The best model against all others: on all prompts, by turn type, by category; the largest slice first."""
    if not len(material.ballots):
        return
    leader = material.models[0]
    ballots = material.ballots.of(leader)
    everything = {"all": np.full(len(ballots), "all prompts")}
    for kind, labels in (everything | dict(ballots.labels)).items():
        names, counts = np.unique(labels[labels != ""], return_counts=True)
        for label in names[np.lexsort((names, -counts))].tolist():
            part = ballots.where(labels == label)
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
        f"{'is' if small == 1 else 'are'} only a hint.",
        "Of 20 intervals one misses by chance.",
    )


def slice_plot(slices: tuple[SliceReport, ...]) -> DotPlot:
    """The best model's win rate on all prompts and on each slice; the largest slices where there are very many."""
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
            heading=part.kind == "all",
        )
        for part in told_apart[:MOST_SLICES]
    )
    hidden = max(len(told_apart) - MOST_SLICES, 0)
    return DotPlot("Win rate", "items", tuple(rows), RATE_TICKS, reference=RATES.at(0.5), hidden=hidden)


def drawn(slices: tuple[SliceReport, ...], report: Report) -> Mapping[str, Any]:
    return {"plot": slice_plot(slices)}


def method(slices: tuple[SliceReport, ...], report: Report) -> str:
    return "Slices share a label of their prompts; their intervals are not corrected for being many."


def lines(slices: tuple[SliceReport, ...], report: Report) -> Iterator[Line]:
    for part in slices:
        subject = Subject(RATERS, part.kind, part.model, label=part.label)
        yield from subject.rates(part.by_item)
        yield subject.line("ac2", part.ac2, part.votes)


SECTION = Section(key="slices", title=title, figures=figures, read=read, drawn=drawn, method=method, lines=lines)
