"""Humans and a judge combined: prediction-powered win rates, with the judge's bias by slice."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from django.core.management.base import CommandError
from numpy.typing import NDArray

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.reporting import gather
from evaluation.reports.material import Material
from evaluation.reports.sections.combined import Combined, combine, read_combined
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import count, number, number_interval, percent, percent_interval

NAME = "combine"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--campaign", required=True, metavar="SLUG", help="which campaign (or imported project)")
    parser.add_argument("--judge", required=True, metavar="NAME", help="whose verdicts")
    parser.add_argument(
        "--template", default="", metavar="NAME", help="asked by which template, where it was by several"
    )
    parser.add_argument(
        "--rehearse",
        type=int,
        metavar="N",
        help="as if people had judged N prompts alone, drawn by --seed; what all votes say stands beside it",
    )
    parser.add_argument("--seed", type=int, default=0)


def evaluate(options: dict[str, Any]) -> Told:
    try:
        material = gather(find_campaign(options["campaign"]))
    except Campaign.DoesNotExist as error:
        raise CommandError(str(error)) from error
    place = judge_at(material, options["judge"], options["template"])
    labelled = drawn(material, options["rehearse"], options["seed"]) if options["rehearse"] is not None else None
    found = combine(material, place, labelled)
    everybody = combine(material, place) if labelled is not None else None
    figures = {
        "campaign": material.facts.campaign,
        "judge": found.name,
        "pairs": {
            f"{pair.first} / {pair.second or 'all others'}": {
                "combined": pair.powered.combined.value,
                "interval": pair.powered.combined.interval,
                "humans": pair.powered.humans.value,
                "gain": pair.powered.gain,
            }
            for pair in found.pairs
        },
    }
    return Told(lines(found, everybody), figures, {"combined": asdict(found)})


def judge_at(material: Material, judge: str, template: str) -> int:
    """The place of the judge's verdicts. Raises CommandError."""
    asked = material.extras["judge_models"]["asked"]
    places = [
        place
        for place, each in enumerate(asked)
        if each["judge"] == judge and template in ("", each["template"], each["digest"])
    ]
    if len(places) == 1:
        return places[0]
    known = ", ".join(f"{each['judge']} by {each['template']}" for each in asked) or "none yet"
    if not places:
        by = f" by {template}" if template else ""
        raise CommandError(f"There are no verdicts of {judge}{by} on this campaign. Verdicts: {known}.")
    digests = ", ".join(f"{asked[place]['template']} ({asked[place]['digest'][:12]})" for place in places)
    raise CommandError(f"{judge} was asked by several templates, {digests}: say which by --template.")


def drawn(material: Material, prompts: int, seed: int) -> NDArray[np.bool_]:
    """(n,) whether an item's prompt is one of so many drawn among those with votes. Raises CommandError."""
    judged = np.unique(material.ballots.prompts[material.ballots.cast.any(axis=1)])
    if not 1 <= prompts <= len(judged):
        raise CommandError(f"--rehearse must be between 1 and the {len(judged)} prompts with votes, got {prompts}")
    chosen = np.random.default_rng(seed).choice(judged, prompts, replace=False)
    return np.isin(material.ballots.prompts, chosen)


def lines(found: Combined, everybody: Combined | None) -> Iterator[str]:
    head = ("win rate of", "humans on", "of items", "combined", "95 %", "humans alone", "95 %", "judge alone", "gain")
    rows: Table = [(*head, *(("all votes",) if everybody else ()))]
    for place, pair in enumerate(found.pairs):
        powered = pair.powered
        cells = [f"{pair.first} against {pair.second or 'all others'}", f"{powered.labelled:,}"]
        cells.append(f"{powered.labelled + powered.unlabelled:,}")
        for figure in (powered.combined, powered.humans):
            cells += [percent(figure.value, 1), percent_interval(figure, 1)]
        cells += [percent(powered.judge.value, 1), number(powered.gain)]
        if everybody:
            cells.append(percent(everybody.pairs[place].powered.humans.value, 1))
        rows.append(tuple(cells))
    yield from titled(f"Humans and {found.name} combined (prediction-powered, clustered by prompt)", rows)
    yield read_combined(found)
    for pair in found.pairs:
        if pair.powered.note:
            yield f"{pair.first} against {pair.second or 'all others'}: {pair.powered.note}"
        if pair.powered.left_out:
            left_out = count(pair.powered.left_out, "item")
            yield f"{pair.first} against {pair.second or 'all others'}: {left_out} without a verdict left out."
    if found.slices:
        table: Table = [("slice", "items", "judge less humans", "95 %")]
        for part in found.slices:
            table.append((part.label, f"{part.items:,}", number(part.bias.value), number_interval(part.bias)))
        yield from titled("How far the judge is off, by slice of the prompts", table)
