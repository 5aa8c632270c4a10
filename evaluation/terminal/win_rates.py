"""Win rates of every two models, tests on the same prompts, and rates at equal length, of a campaign or a file."""

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from annotation.importing.reading import FileError
from evaluation.battle_files import BattleFile, read_battles
from evaluation.campaigns import find_campaign
from evaluation.comparing_models import Adjusted, Comparison, Sides, compare
from evaluation.judging import collect
from evaluation.models import Campaign
from evaluation.statistics.preferences import ITEM_RULES
from evaluation.terminal.leaderboard import add_where_from
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import count, number, number_interval, percent, percent_interval, sure

NAME = "win-rates"
PUBLISHED = ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws")
LENGTH_CONTROLLED = "length_controlled_winrate"
EXACT = 1e-9
MOST_ROWS = 30


def add_arguments(parser: ArgumentParser) -> None:
    add_where_from(parser)
    parser.add_argument(
        "--rule",
        choices=tuple(ITEM_RULES),
        default="majority",
        help="of a campaign: which side an item takes (every vote alone is in the report)",
    )
    parser.add_argument("--confidence", type=float, default=0.95, metavar="PART", help="of the intervals (0.95)")
    parser.add_argument(
        "--published",
        type=Path,
        metavar="CSV",
        help=f"rows to hold the figures against: model, {', '.join(PUBLISHED)}, {LENGTH_CONTROLLED}, in percent",
    )


def evaluate(options: dict[str, Any]) -> Told:
    try:
        sides, unit = _from_file(read_battles(options["file"])) if options["file"] else _from_campaign(options)
        found = compare(sides, confidence=options["confidence"])
        published = _published(options["published"], found) if options["published"] else []
    except (Campaign.DoesNotExist, FileError, ValueError) as error:
        raise CommandError(str(error)) from error
    figures = {
        "models": len(found.models),
        "battles": len(sides.points),
        "win_rate": {f"{pair.first} / {pair.second}": pair.rates.win_rate.value for pair in found.meetings},
    }
    if published:
        figures["largest_deviation"] = max(abs(row["deviation"]) for row in published if row["figure"] in PUBLISHED)
    everything = asdict(found) | {"length_unit": unit, "published": published}
    return Told(lines(found, unit, published), figures, everything)


def _from_file(file: BattleFile) -> tuple[Sides, str]:
    return Sides(file.first, file.second, file.points, file.prompts, file.gaps), "characters"


def _from_campaign(options: dict[str, Any]) -> tuple[Sides, str]:
    ballots = collect(find_campaign(options["campaign"])).ballots
    points = (ITEM_RULES[options["rule"]](ballots.votes) + 1) / 2
    gaps = (ballots.words[:, 0] - ballots.words[:, 1]).astype(np.float64)
    return Sides(ballots.first, ballots.second, points, ballots.prompts, gaps), "words"


def lines(found: Comparison, unit: str, published: list[dict[str, Any]]) -> Iterator[str]:
    if not found.meetings:
        yield "There are no comparisons yet."
        return
    yield from titled("Win rates, ties as half a win, clustered by prompt; p by sign flips of prompts", rates(found))
    if any(meeting.length for meeting in found.meetings):
        yield from titled(f"At equal length ({unit}); slope: log-odds of a much longer answer", lengths(found))
        if found.shared_slope is not None:
            common = number(found.shared_slope)
            yield f"Slopes are drawn towards the models' common one, {common}; prompts have a difficulty."
        yield "At equal length is a guess at what judges would say, not a measurement: length may be part of quality."
    if found.through:
        shown = through(found)
        yield from titled("Models on the same prompts through opponents: difference of mean points", shown)
        if len(shown) - 1 < len(found.through):
            yield f"Each model and the next one of {count(len(found.through), 'pair')}: --json has all."
    notes = {note for meeting in found.meetings for note in (meeting.rates.win_rate.note, meeting.paired.note) if note}
    yield from (("", *sorted(notes)) if notes else ())
    if published:
        yield from titled("Against the published rows (percent; counts)", deviations(published))
        exact = [row for row in published if row["figure"] in PUBLISHED]
        far = [row for row in exact if abs(row["deviation"]) > EXACT]
        yield (
            f"{len(exact) - len(far)} of {count(len(exact), 'figure')} agree to {EXACT:g}; the largest deviation is "
            f"{max(abs(row['deviation']) for row in exact):.1e}."
        )


def rates(found: Comparison) -> Table:
    outcomes, tests = ("win", "tie", "loss", "win rate", "interval", "error"), ("p", "Holm", "BH", "sign p")
    rows: Table = [("first", "second", "prompts", *outcomes, *tests)]
    for pair in found.meetings:
        won = pair.rates.win_rate
        counts = (f"{n:,}" for n in (pair.paired.prompts, pair.rates.wins, pair.rates.ties, pair.rates.losses))
        rate = percent(won.value, 2), percent_interval(won, 2), percent(won.standard_error, 2)
        rows.append((pair.first, pair.second, *counts, *rate, *tested(pair.test, pair.paired.sign_p_value)))
    return rows


def lengths(found: Comparison) -> Table:
    rows: Table = [("first", "second", "win rate", "at equal length", "interval", "slope", "interval", "mean gap", "")]
    for pair in found.meetings:
        if pair.length is None:
            continue
        level, slope = pair.length.win_rate, pair.length.slope
        figures = percent(pair.length.raw.value, 2), percent(level.value, 2), percent_interval(level, 2)
        steep = number(slope.value), number_interval(slope)
        rows.append((pair.first, pair.second, *figures, *steep, number(pair.length.gap, 0), level.note))
    return rows


def through(found: Comparison) -> Table:
    """All pairs where they are few; otherwise each model and the next one."""
    tests = ("p", "Holm", "BH", "McNemar p")
    rows: Table = [("first", "second", "opponents", "prompts", "difference", "interval", *tests)]
    neighbours = set(pairwise(found.models))
    for pair in found.through:
        if len(found.through) > MOST_ROWS and (pair.first, pair.second) not in neighbours:
            continue
        shift = pair.paired.difference
        figures = f"{pair.paired.prompts:,}", number(shift.value, 3), number_interval(shift, 3)
        names = pair.first, pair.second, ", ".join(pair.opponents)
        rows.append((*names, *figures, *tested(pair.test, pair.mcnemar.p_value)))
    return rows


def tested(test: Adjusted, other: float | None) -> tuple[str, ...]:
    """A p-value, what it is among all, and that of another test."""
    return tuple(sure(p_value) for p_value in (test.p_value, test.holm, test.benjamini_hochberg, other))


def _published(path: Path, found: Comparison) -> list[dict[str, Any]]:
    """What is ours and theirs of each figure, and the deviation. Raises CommandError for a file that is none."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} can't be read ({getattr(error, 'strerror', None) or error})") from error
    if not rows or not set(PUBLISHED) <= set(rows[0]):
        raise CommandError(f"{path} must be CSV with the columns model, {', '.join(PUBLISHED)}")
    by_model = {meeting.first: meeting for meeting in found.meetings}
    compared = []
    for number_of_line, row in enumerate(rows, 2):
        meeting = by_model.get(row.get("model") or row.get("") or "")
        if meeting is None:
            continue
        won, level = meeting.rates.win_rate, meeting.length.win_rate if meeting.length else None
        ours = {
            "win_rate": None if won.value is None else 100 * won.value,
            "standard_error": None if won.standard_error is None else 100 * won.standard_error,
            "n_wins": meeting.rates.wins,
            "n_wins_base": meeting.rates.losses,
            "n_draws": meeting.rates.ties,
            LENGTH_CONTROLLED: None if level is None or level.value is None else 100 * level.value,
        }
        for figure, own in ours.items():
            if own is None or not row.get(figure):
                continue
            try:
                theirs = float(row[figure])
            except ValueError:
                message = f"{path}, line {number_of_line}: {figure} must be a number, got {row[figure]!r}"
                raise CommandError(message) from None
            compared.append(
                {
                    "model": meeting.first,
                    "figure": figure,
                    "ours": own,
                    "published": theirs,
                    "deviation": own - theirs,
                }
            )
    if not compared:
        raise CommandError(f"{path} names none of the models: {', '.join(sorted(by_model))}")
    return compared


def deviations(published: list[dict[str, Any]]) -> Table:
    """A line for each model: the largest deviation of the exact figures, and the length-controlled rate."""
    rows: Table = [("model", "win rate", "published", "exact figures", "at equal length", "published", "deviation")]
    for model in dict.fromkeys(row["model"] for row in published):
        own = {row["figure"]: row for row in published if row["model"] == model}
        largest = max(abs(row["deviation"]) for figure, row in own.items() if figure in PUBLISHED)
        level = own.get(LENGTH_CONTROLLED)
        controlled = (
            ("", "", "")
            if level is None
            else (number(level["ours"]), number(level["published"]), number(level["deviation"]))
        )
        rate = own["win_rate"]
        rows.append((model, number(rate["ours"], 4), number(rate["published"], 4), f"{largest:.0e}", *controlled))
    return rows
