"""Safety data scaling: fine-tune with 0 to 100 % of the safety data, score held-out answers (figure 15)."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from annotation.exporting import ExportError
from evaluation.safety.scaling import AXES, SHARES
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import NONE, number
from modeling.registry.models import ModelVersion, Run
from workers.foreground import carry_out_here, claimed, reopened, terminal_progress
from workers.recipes import SFT
from workers.training_command import chosen_settings, flag, found, help_of

NAME = "safety-scaling"
NEEDED = ("base", "helpfulness_reward", "safety_reward", "name")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--base", metavar="MODEL", help="every training starts from it")
    for axis in AXES:
        parser.add_argument(f"--{axis}-reward", metavar="MODEL", help=f"scores the answers to {axis} prompts")
    parser.add_argument("--name", help="the models are called this and their percentage")
    parser.add_argument(
        "--project", action="append", default=[], metavar="SLUG", help="whose demonstrations, or chosen answers, train"
    )
    for axis in AXES:
        parser.add_argument(
            f"--{axis}", type=Path, metavar="FILE", help=f"{axis} demonstrations instead of a project's"
        )
        parser.add_argument(f"--held-out-{axis}", type=Path, metavar="FILE", help="prompts to answer, as JSON lines")
    parser.add_argument("--most-held-out", type=int, default=200, metavar="N", help="prompts per axis, at most")
    parser.add_argument("--shares", type=float, nargs="+", default=list(SHARES), metavar="SHARE", help="0 to 1")
    parser.add_argument("--draws", type=int, default=1, help="answers to each prompt")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--config", type=Path, metavar="YAML", help="settings of the trainings")
    for option in SFT.settings:
        parser.add_argument(flag(option.name), help=help_of(option).replace("%", "%%"), type=option.read)
    parser.add_argument("--resume", type=int, metavar="RUN", help="go on with this run; takes no other option")


def evaluate(options: dict[str, Any]) -> Told:
    run = new_run(options) if options["resume"] is None else reopened(Run.Kind.SAFETY_SCALING, options["resume"])
    run = carry_out_here(run, terminal_progress(), f"python manage.py evaluate safety-scaling --resume {run.pk}")
    means = {f"{each['share']:g}": {axis: each[axis]["value"] for axis in AXES} for each in run.report["scaling"]}
    return Told(lines(run), {"run": run.pk, "mean_scores": means}, {"run": run.pk, **run.report})


def new_run(options: dict[str, Any]) -> Run:
    from workers.safety_scaling import Scaling, start_scaling
    from workers.scaling_data import data_of

    if missing := [flag(name) for name in NEEDED if not options[name]]:
        raise CommandError(f"{', '.join(missing)} missing; or --resume RUN to go on with a run.")
    base = found(ModelVersion, name=options["base"])
    try:
        demonstrations, held_out = data_of(options)
        asked = Scaling(
            name=options["name"],
            base=base,
            judges={axis: found(ModelVersion, name=options[f"{axis}_reward"]) for axis in AXES},
            demonstrations=demonstrations,
            held_out={axis: rows[: options["most_held_out"]] for axis, rows in held_out.items()},
            shares=options["shares"],
            settings=chosen_settings(SFT, {"base": base}, options),
            seed=options["seed"] or 0,
            **{name: options[name] for name in ("draws", "temperature", "top_p", "max_new_tokens")},
        )
        with transaction.atomic():
            return claimed(start_scaling(asked))
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    except ExportError as error:
        raise CommandError(f"The data can not be used: {error}.") from error


def lines(run: Run) -> Iterator[str]:
    rows: Table = [
        ("safety data", "examples", "safety score", "95 %", "below half", "95 %", "helpfulness score", "95 %")
    ]
    for each in run.report["scaling"]:
        cells = [f"{100 * each['share']:g} %", f"{each['examples']:,}"]
        for name in ("safety", "below_half", "helpfulness"):
            cells += [number(each[name]["value"], 3), interval(each[name])]
        rows.append(tuple(cells))
    yield from titled("Mean scores of held-out answers as probabilities; intervals clustered by prompt", rows)


def interval(figure: dict[str, Any]) -> str:
    return NONE if figure["low"] is None else f"{number(figure['low'], 3)} to {number(figure['high'], 3)}"
