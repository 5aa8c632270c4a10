"""Self-BLEU against temperature: how diverse a model's answers to factual and creative prompts are (figure 21)."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from evaluation.diversity import ANSWERS, TEMPERATURES, read_prompts, start_diversity
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import NONE, number
from modeling.registry.models import ModelVersion, Run
from workers.foreground import carry_out_here, claimed, reopened, terminal_progress
from workers.training_command import found

NAME = "diversity"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME", help="a policy; may be given several times"
    )
    parser.add_argument(
        "--prompts", type=Path, metavar="FILE", help='JSON lines {"prompt": text, "kind": "factual" or "creative"}'
    )
    parser.add_argument("--temperatures", type=float, nargs="+", default=list(TEMPERATURES), metavar="T")
    parser.add_argument("--answers", type=int, default=ANSWERS, help="to each prompt at each temperature")
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=int, metavar="RUN", help="go on with this run; takes no other option")


def evaluate(options: dict[str, Any]) -> Told:
    run = new_run(options) if options["resume"] is None else reopened(Run.Kind.DIVERSITY, options["resume"])
    resume = f"python manage.py evaluate diversity --resume {run.pk}"
    run = carry_out_here(run, terminal_progress(), resume)
    figures = {"run": run.pk, **run.report}
    main = {each["model"] + ", " + each["kind"]: each["value"] for each in run.report["falls"]}
    return Told(lines(run), {"run": run.pk, "answers": run.report["answers"], "fall": main}, figures)


def new_run(options: dict[str, Any]) -> Run:
    missing = [flag for flag, value in (("--model", options["model"]), ("--prompts", options["prompts"])) if not value]
    if missing:
        raise CommandError(f"{', '.join(missing)} missing; or --resume RUN to go on with a run.")
    models = [found(ModelVersion, name=name) for name in dict.fromkeys(options["model"])]
    asked = {name: options[name] for name in ("temperatures", "answers", "top_p", "max_new_tokens", "seed")}
    try:
        with transaction.atomic():
            return claimed(start_diversity(models, read_prompts(options["prompts"]), **asked))
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error


def lines(run: Run) -> Iterator[str]:
    rows: Table = [("model", "prompts", "temperature", "Self-BLEU", "95 %", "n")]
    rows += [
        (
            each["model"],
            each["kind"],
            f"{each['temperature']:g}",
            number(each["value"], 3),
            interval(each),
            str(each["prompts"]),
        )
        for each in run.report["self_bleu"]
    ]
    title = (
        f"Self-BLEU of {run.report['answers']} answers to each prompt; lower is more diverse, intervals over prompts"
    )
    yield from titled(title, rows)
    if run.report["falls"]:
        falls: Table = [("model", "prompts", "fall", "95 %", "n")]
        falls += [
            (each["model"], each["kind"], number(each["value"], 3), interval(each), str(each["prompts"]))
            for each in run.report["falls"]
        ]
        yield from titled("From the lowest to the highest temperature, prompt by prompt", falls)


def interval(figure: dict[str, Any]) -> str:
    if figure["low"] is None:
        return NONE
    return f"{number(figure['low'], 3)} to {number(figure['high'], 3)}"
