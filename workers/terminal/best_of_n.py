"""Maximum and median reward against the number of answers and the temperature (figures 7 and 8)."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from evaluation.campaigns import check_sampling
from evaluation.reward_models.choosing import NotFoundError, find_policy, find_project, find_reward_model
from evaluation.scoring import check_judge
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import NONE, number
from modeling.registry.models import Run
from workers.carrying import JobError
from workers.foreground import terminal_progress

NAME = "best-of-n"
TOLD = (1, 2, 4, 8, 16, 32, 64, 100)
"""Of the numbers of answers, those that the table tells; --json has them all."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", metavar="NAME", help="the policy that answers")
    parser.add_argument("--reward-model", metavar="NAME", help="what scores the answers")
    parser.add_argument("--project", metavar="SLUG", help="whose held-out prompts are answered")
    parser.add_argument("--prompts", type=int, default=50, help="at most so many of them")
    parser.add_argument("--k", type=int, default=16, help="answers to each prompt at each temperature")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.6, 0.8, 1.0, 1.2], metavar="T")
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--run", type=int, metavar="RUN", help="tell the curves that a rejection sampling run has drawn"
    )


def evaluate(options: dict[str, Any]) -> Told:
    report = curves_of(options["run"]) if options["run"] is not None else measured(options)
    curves = report["figure_8"]
    last = {f"{curve['temperature']:g}": curve["mean"][-1] for curve in curves}
    most = max(curve["n"][-1] for curve in curves)
    best = max(last, key=last.__getitem__)
    return Told(lines(report), {"k": most, "maximum": last, "best_temperature": float(best)}, report)


def curves_of(pk: int) -> dict[str, Any]:
    """The closing figures of a run that has both curves."""
    run = Run.objects.filter(pk=pk).first()
    if run is None or not run.report.get("figure_7"):
        drawn = Run.objects.filter(kind=Run.Kind.REJECTION_SAMPLING, report__has_key="figure_7").order_by("pk")
        known = ", ".join(str(each) for each in drawn.values_list("pk", flat=True)) or "none yet"
        raise CommandError(f"Run {pk} has drawn no curves. Runs that have: {known}.")
    taken, figure_7 = run.report.get("temperature"), run.report["figure_7"]
    figure_8 = run.report.get("figure_8") or [{"temperature": taken or 0.0, **figure_7["max"]}]
    return {"temperature": taken, "figure_7": figure_7, "figure_8": figure_8}


def measured(options: dict[str, Any]) -> dict[str, Any]:
    """Sample, score and draw. Answers and scores are stored as they come: the same command goes on with them."""
    missing = [flag for flag in ("model", "reward_model", "project") if not options[flag]]
    if missing:
        flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in missing)
        raise CommandError(f"{flags} missing; or --run RUN to tell the curves of a run.")
    if options["k"] < 1 or options["prompts"] < 1:
        raise CommandError(f"--k and --prompts must be 1 or more, got {options['k']} and {options['prompts']}")
    try:
        model, judge = find_policy(options["model"]), find_reward_model(options["reward_model"])
        project = find_project(options["project"])
        check_judge(judge)
        for temperature in options["temperatures"]:
            check_sampling(temperature, options["top_p"], options["max_new_tokens"])
    except NotFoundError as error:
        raise CommandError(str(error)) from error
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    from workers.best_of_n import curves

    try:
        return curves(model, judge, project, options, terminal_progress())
    except JobError as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt as error:
        raise CommandError("Stopped. The same command goes on with what is stored.", returncode=130) from error


def lines(report: dict[str, Any]) -> Iterator[str]:
    figure_7, curves = report["figure_7"], report["figure_8"]
    rows: Table = [("answers", "maximum", "95 %", "median", "95 %")]
    for place, n in enumerate(figure_7["max"]["n"]):
        if n in TOLD or n == figure_7["max"]["n"][-1]:
            rows.append((str(n), *at(figure_7["max"], place), *at(figure_7["median"], place)))
    taken = report["temperature"]
    at_temperature = "" if taken is None else f" at temperature {taken:g}"
    yield from titled(f"Reward of the best and of the middle one among N answers{at_temperature}", rows)
    gain = figure_7["max"]["mean"][-1] - figure_7["median"]["mean"][-1]
    yield (
        f"With {figure_7['max']['n'][-1]} answers the best one is {number(gain)} above the middle one: what "
        "fine-tuning on "
        "the best answers can gain (section 3.2.3)."
    )
    told = [n for n in curves[0]["n"] if n in TOLD or n == curves[0]["n"][-1]]
    rows = [("temperature", *(f"best of {n}" for n in told))]
    for curve in sorted(curves, key=lambda curve: curve["temperature"]):
        rows.append((f"{curve['temperature']:g}", *(number(curve["mean"][curve["n"].index(n)]) for n in told)))
    yield from titled("Maximum reward by temperature", rows)


def at(curve: dict[str, Any], place: int) -> tuple[str, str]:
    low, high = curve["low"][place], curve["high"][place]
    return number(curve["mean"][place]), NONE if low is None else f"{number(low)} to {number(high)}"
