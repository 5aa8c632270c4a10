"""Red teaming: gamma by model version with its Poisson interval, the ratio of versions, and rejection rates."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from annotation.management.failing import find_project
from annotation.models import Project
from evaluation.safety.red_team import RedTeamReport, red_team_report
from evaluation.safety.wording import in_words, p_value, ratio_interval
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import number, number_interval, percent, percent_interval

NAME = "red-team"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--project", action="append", required=True, metavar="SLUG", help="a red_team project")


def evaluate(options: dict[str, Any]) -> Told:
    projects = [find_project(slug) for slug in dict.fromkeys(options["project"])]
    for project in projects:
        if project.task_type != Project.TaskType.RED_TEAM:
            raise CommandError(
                f'"{project.slug}" is a {project.task_type} project: gamma is that of a red_team project.'
            )
    found = red_team_report(projects)
    slugs = [project.slug for project in projects]
    gammas = {"projects": slugs, "gamma": {each.model: each.gamma.value for each in found.versions}}
    rates = {"rejection_rate": {each.model: each.rejection.value for each in found.versions}}
    return Told(told_lines(found), gammas | rates, {"projects": slugs} | asdict(found))


def told_lines(found: RedTeamReport) -> Iterator[str]:
    """The table over model versions, and what each is beside the one before it."""
    if not found.versions:
        yield "No attempt was made yet."
        return
    rows: Table = [("project", "model", "attempts", "violating", "hours", "gamma", "95 %", "rejected", "rate", "95 %")]
    for each in found.versions:
        effort = f"{each.attempts:,}", f"{each.violating:,}", f"{each.hours:,.2f}"
        gamma = number(each.gamma.value), number_interval(each.gamma)
        again = f"{each.rejected:,} of {each.rated:,}"
        rejected = percent(each.rejection.value, 1), percent_interval(each.rejection, 1)
        rows.append((each.project, each.model, *effort, *gamma, again, *rejected))
    yield from titled("Red teaming: violating attempts per person-hour (gamma), and rejections of earlier ones", rows)
    if found.ratios:
        ratios: Table = [("project", "gamma of", "over", "ratio", "95 %", "p")]
        for ratio in found.ratios:
            figures = number(ratio.ratio.value), ratio_interval(ratio.ratio), p_value(ratio.ratio.p_value)
            ratios.append((ratio.project, ratio.model, ratio.before, *figures))
        yield from titled("From one version to the next; exact conditional intervals", ratios)
        last = found.ratios[-1]
        yield in_words(last.ratio, last.model, last.before)
