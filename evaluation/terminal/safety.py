"""Safety ratings: violation rates, mean ratings, paired differences, agreement, slices; red teaming where named."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from annotation.management.failing import find_project
from evaluation.safety.reporting import SafetyReport, Violations, safety_report
from evaluation.safety.wording import (
    beneath_the_headline,
    headline,
    p_value,
    points,
    points_interval,
    read_agreement,
    read_pairs,
    read_violations,
)
from evaluation.terminal.red_team import told_lines as red_team_lines
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import number, number_interval, percent, percent_interval

NAME = "safety"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--project",
        action="append",
        required=True,
        metavar="SLUG",
        help="a safety_rating or red_team project; several are shown side by side",
    )


def evaluate(options: dict[str, Any]) -> Told:
    projects = [find_project(slug) for slug in dict.fromkeys(options["project"])]
    try:
        found = safety_report(projects)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return Told(lines(found), main_figures(found), found.as_json())


def lines(found: SafetyReport) -> Iterator[str]:
    """The report for a terminal."""
    yield headline(found)
    if found.points:
        yield beneath_the_headline(found)
    if found.models:
        rows = [_row(each.overall, each.model) for each in found.models]
        yield from titled("Violations and mean ratings by model; intervals 95 %, clustered by prompt", [COLUMNS, *rows])
        yield from ("", *read_violations(found))
        if found.pairs:
            yield from titled("Two models on the same prompts, first less second, in percentage points", pairs(found))
            yield read_pairs(found)
        parts = [_row(each, f"{each.label}: {each.model}") for each in found.slices]
        if parts:
            yield from titled("Slices of the prompts", [COLUMNS, *parts])
        yield from ("", read_agreement(found))
    if found.red_team.versions:
        yield from red_team_lines(found.red_team)
    for each in found.refusals:
        yield from ("", f"Refusals by {each.classifier}: see manage.py evaluate refusals.")


COLUMNS = ("of", "answers", "prompts", "violations", "ties", "rate", "95 %", "mean", "95 %")


def _row(figures: Violations, label: str) -> tuple[str, ...]:
    counts = (f"{n:,}" for n in (figures.answers, figures.prompts, figures.violations, figures.ties))
    rates = percent(figures.violation.value, 1), percent_interval(figures.violation, 1)
    return (label, *counts, *rates, number(figures.mean_rating.value), number_interval(figures.mean_rating))


def pairs(found: SafetyReport) -> Table:
    rows: Table = [("first", "second", "prompts", "difference", "95 %", "p", "mean rating", "95 %")]
    for pair in found.pairs:
        violation, mean = pair.violation, pair.mean_rating
        difference = points(violation.difference), points_interval(violation.difference), p_value(violation.p_value)
        rating = number(mean.value), number_interval(mean)
        rows.append((pair.first, pair.second, f"{violation.prompts:,}", *difference, *rating))
    return rows


def main_figures(found: SafetyReport) -> dict[str, Any]:
    """What closes the readable report; --json has the rest."""
    return {
        "projects": list(found.projects),
        "answers": found.answers,
        "ratings": found.ratings,
        "violation_rate": {each.model: each.overall.violation.value for each in found.models},
        "mean_rating": {each.model: each.overall.mean_rating.value for each in found.models},
        "ac1": found.reliability.ac1.value,
        "ac2": found.reliability.ac2.value,
        "gamma": {each.model: each.gamma.value for each in found.red_team.versions},
    }
