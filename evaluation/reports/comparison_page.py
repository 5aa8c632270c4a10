"""The page of two models: its figures as the parts that a report's page is made of."""

from collections.abc import Iterator
from typing import Any

from evaluation.plots import RATE_TICKS, RATES, Dot, DotPlot, Whisker, round_scale, sorting_value, stacked, why_missing
from evaluation.reports.comparing import ModelComparison, lines
from evaluation.reports.lines import RATERS, Line
from evaluation.reports.page import Part
from evaluation.reports.section import Reading
from evaluation.reports.sections.histogram import columns_of
from evaluation.statistics.estimates import FEW_CLUSTERS
from evaluation.wording import count, is_decided, number, number_interval, percent, percent_interval

MOST_SLICES = 13


def headline(found: ModelComparison) -> str:
    first, second = found.first, found.second
    if not found.items:
        return f"{first} and {second} have not met: no item compares them."
    if not found.votes:
        return f"Nobody has judged {first} against {second} yet."
    rates = found.by_item
    share = f"in {percent(rates.win.value)} of items (95 % interval {percent_interval(rates.win)})"
    if is_decided(rates.win_rate, found.prompts):
        ahead = (rates.win_rate.value or 0) > 0.5
        return f"{first} {'beats' if ahead else 'loses to'} {second}: it is preferred {share}."
    few = f", on {count(found.prompts, 'prompt')} alone" if found.prompts < FEW_CLUSTERS else ""
    return f"{first} and {second} can't be told apart yet{few}: {first} is preferred {share}."


def beneath(found: ModelComparison) -> str:
    rates = found.by_item
    if not found.votes:
        return "Make a campaign with both, or import judgements of them."
    return (
        f"It loses in {percent(rates.loss.value)} and ties in {percent(rates.tie.value)}. "
        f"{count(found.votes, 'vote')} on {count(found.items, 'item')} and {count(found.prompts, 'different prompt')}, "
        f"in {count(len(found.campaigns), 'campaign')}."
    )


def parts(found: ModelComparison) -> Iterator[Part]:
    if not found.items:
        return
    table = list(lines(found))
    if found.votes:
        yield _rules(found, _of(table, "pair", "pair by median", "pair by vote"))
        if len(found.campaigns) > 1:
            yield _campaigns(found, _of(table, "campaign"))
        yield _agreement(found)
        if found.slices:
            kinds = {part.kind for part in found.slices}
            yield _slices(found, _of(table, *kinds))
        if found.histogram:
            yield _votes(found, _of(table, "histogram"))
    if found.judges:
        yield _judges(found, tuple(line for line in table if line.judge != RATERS))


def _of(table: list[Line], *names: str) -> tuple[Line, ...]:
    return tuple(line for line in table if line.part in names and line.judge == RATERS)


def _part(key: str, title: str, kind: str, reading: Reading, drawn: dict[str, Any], table: tuple[Line, ...]) -> Part:
    return Part(key, title, f"evaluation/comparison/{kind}.html", None, reading, drawn, "", table)


def _rules(found: ModelComparison, table: tuple[Line, ...]) -> Part:
    said = (
        ("by the majority", found.by_item),
        ("by the median", found.by_median),
        ("no rule: each vote counts", found.by_vote),
    )
    bars = [stacked(found.first, found.second, rates, label) for label, rates in said]
    values = [rates.win_rate.value for _, rates in said if rates.win_rate.value is not None]
    spread = max(values) - min(values)
    reading = Reading(
        f"The three ways of counting lie {number(100 * spread, 1)} percentage points apart.",
        "Where they differ much, raters of the same item disagree, and the rule decides more than the answers do.",
    )
    drawn = {"bars": bars, "ticks": RATE_TICKS, "counted": "cases", "first_column": "An item goes"}
    return _part("rules", "Who wins", "stacked", reading, drawn, table)


def _campaigns(found: ModelComparison, table: tuple[Line, ...]) -> Part:
    judged = [meeting for meeting in found.campaigns if meeting.by_item.observations]
    bars = [stacked(found.first, found.second, meeting.by_item, meeting.name) for meeting in found.campaigns]
    ahead = sum((meeting.by_item.win_rate.value or 0) > 0.5 for meeting in judged)
    reading = Reading(
        f"{found.first} is ahead in {ahead} of {count(len(judged), 'campaign')}.",
        "Campaigns differ in their prompts, raters and sampling, so that a difference between them is not the models' "
        "alone; put together, each item counts once and the same prompt stays one cluster.",
    )
    drawn = {"bars": bars, "ticks": RATE_TICKS, "first_column": "Campaign"}
    return _part("campaigns", "By campaign", "stacked", reading, drawn, table)


def _agreement(found: ModelComparison) -> Part:
    figures = [(f"{meeting.name}, AC2", meeting.votes, meeting.reliability.ac2) for meeting in found.campaigns]
    lowest = min((bound for _, _, figure in figures for bound in (figure.interval or ())), default=0.0)
    scale, ticks = round_scale(min(0.0, max(lowest, -1.0)), 1.0)
    rows = tuple(
        Dot(
            label=label,
            n=votes,
            whisker=Whisker.of(figure, scale),
            text=number(figure.value),
            interval=number_interval(figure),
            note=why_missing(figure),
            sorts_by=sorting_value(figure),
        )
        for label, votes, figure in figures
    )
    plot = DotPlot("Agreement", "votes", rows, ticks, reference=scale.at(0.0))
    reading = Reading(
        "Gwet's AC2 with quadratic weights in each campaign: 0 is what chance alone gives, 1 is full agreement.",
        "Close answers make for low agreement however good the raters are.",
    )
    return _part(
        "agreement", "How far the raters agree", "dots", reading, {"plot": plot, "first_column": "Campaign"}, ()
    )


def _slices(found: ModelComparison, table: tuple[Line, ...]) -> Part:
    rows = tuple(
        Dot(
            label=part.label,
            n=part.by_item.observations,
            whisker=Whisker.of(part.by_item.win_rate, RATES),
            text=percent(part.by_item.win_rate.value),
            interval=percent_interval(part.by_item.win_rate),
            note=why_missing(part.by_item.win_rate),
            sorts_by=sorting_value(part.by_item.win_rate),
        )
        for part in found.slices
    )
    plot = DotPlot("Win rate", "items", rows, RATE_TICKS, reference=RATES.at(0.5)).folded(MOST_SLICES)
    reading = Reading(
        f"Where {found.first} wins, ties as half a win.",
        f"Of 20 intervals one misses by chance; hollow dots rest on fewer than {FEW_CLUSTERS} prompts. Length is what "
        "the models chose, not what was drawn: a longer answer may win because it is better, or seem better because "
        "it is longer.",
    )
    return _part(
        "slices", "By kind of prompt and length", "dots", reading, {"plot": plot, "first_column": "Prompts"}, table
    )


def _votes(found: ModelComparison, table: tuple[Line, ...]) -> Part:
    columns = columns_of(found.histogram, (found.first, found.second), found.votes, graded=True)
    strong = sum(bar.votes for bar in found.histogram if abs(bar.strength) == 3)
    reading = Reading(
        f"{percent(strong / found.votes)} of votes say much better.",
        "Votes, not items: raters of one item repeat each other, so these shares have no interval.",
    )
    return _part("votes", "How people voted", "histogram", reading, {"columns": columns}, table)


def _judges(found: ModelComparison, table: tuple[Line, ...]) -> Part:
    bars = [stacked(found.first, found.second, verdict.by_item, verdict.judge) for verdict in found.judges]
    said = " ".join(
        f"{verdict.judge} sides with the raters' majority in {percent(verdict.with_majority.value)} of "
        f"{count(verdict.compared, 'item')}."
        for verdict in found.judges
        if verdict.with_majority.value is not None
    )
    reading = Reading(
        said or "No item has both a score and a majority of the raters yet.",
        "Of two answers a reward model prefers the one that it scores higher; its errors may all go the same way.",
    )
    drawn = {"bars": bars, "ticks": RATE_TICKS, "first_column": "Reward model"}
    return _part("judges", "What reward models say", "stacked", reading, drawn, table)
