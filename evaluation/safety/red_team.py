"""Robustness against red teams (section 4.3): gamma by model version, from one to the next, rejections."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from annotation import red_teaming
from annotation.models import Project
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.proportions import wilson
from evaluation.statistics.rates import RateRatio, poisson_rate, rate_ratio

NEVER_ATTACKED = "No red teamer has attacked it yet."
NEVER_ASKED = "It was not asked again what brought others to violating answers."


@dataclass(frozen=True)
class Robustness:
    """What red teaming a project says about one model version, in the order in which versions were first attacked.

    gamma: violating attempts per person-hour. rejection: of the prompts that brought other versions to a violating
    answer and that it was asked again, the share that it answers safely by the majority of their raters; a tie is none.
    """

    project: str
    model: str
    attempts: int
    violating: int
    hours: float
    gamma: Estimate
    asked: int
    rated: int
    rejected: int
    rejection: Estimate


@dataclass(frozen=True)
class GammaRatio:
    """The gamma of a version over that of the one that was attacked before it: below 1, it became more robust."""

    project: str
    model: str
    before: str
    ratio: RateRatio


@dataclass(frozen=True)
class RedTeamReport:
    versions: tuple[Robustness, ...]
    ratios: tuple[GammaRatio, ...]
    """Each version over the one before it, and the last over the first."""


def red_team_report(projects: Sequence[Project]) -> RedTeamReport:
    """Of all red team projects among these; projects do not mix, for their teams differ."""
    attacked = [project for project in projects if project.task_type == Project.TaskType.RED_TEAM]
    versions = [each for project in attacked for each in robustness(project)]
    ratios = [each for project in attacked for each in gamma_ratios([v for v in versions if v.project == project.slug])]
    return RedTeamReport(tuple(versions), tuple(ratios))


def robustness(project: Project) -> Iterator[Robustness]:
    efforts = {effort.of.name: effort for effort in red_teaming.by_model(project)}
    rejections = {each.model.name: each for each in red_teaming.rejections(project)}
    for model in dict.fromkeys([*efforts, *rejections]):
        effort, again = efforts.get(model), rejections.get(model)
        gamma = poisson_rate(effort.violating, effort.hours) if effort else _nothing(NEVER_ATTACKED)
        yield Robustness(
            project=project.slug,
            model=model,
            attempts=effort.attempts if effort else 0,
            violating=effort.violating if effort else 0,
            hours=effort.hours if effort else 0.0,
            gamma=gamma,
            asked=again.asked if again else 0,
            rated=again.rated if again else 0,
            rejected=again.rejected if again else 0,
            rejection=wilson(again.rejected, again.rated) if again else _nothing(NEVER_ASKED),
        )


def gamma_ratios(versions: Sequence[Robustness]) -> Iterator[GammaRatio]:
    """Of the versions that were attacked, in their order."""
    attacked = [each for each in versions if each.attempts]
    compared = list(pairwise(attacked))
    if len(attacked) > 2:
        compared.append((attacked[0], attacked[-1]))
    for before, after in compared:
        ratio = rate_ratio(after.violating, after.hours, before.violating, before.hours)
        yield GammaRatio(after.project, after.model, before.model, ratio)


def _nothing(note: str) -> Estimate:
    return Estimate(None, None, None, 0.95, note)
