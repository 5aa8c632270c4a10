"""manage.py evaluate: every figure in the terminal, as a table or as one line of JSON."""

import json
from argparse import ArgumentParser
from pathlib import Path
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evaluation.terminal import (
    agreement,
    combine,
    judges,
    leaderboard,
    monitor,
    plan,
    publish,
    rebuild,
    red_team,
    report,
    reward_model,
    safety,
    verdicts,
    win_rates,
)
from evaluation.terminal.telling import Told
from workers.terminal import best_of_n, diversity, judge, refusals, safety_scaling

SUBCOMMANDS: tuple[ModuleType, ...] = (
    report,
    publish,
    rebuild,
    win_rates,
    leaderboard,
    agreement,
    plan,
    monitor,
    safety,
    red_team,
    reward_model,
    best_of_n,
    diversity,
    safety_scaling,
    refusals,
    judge,
    judges,
    combine,
    verdicts,
)


class Command(BaseCommand):
    help = "Evaluate: campaigns, agreement, judges. Each subcommand explains itself with --help."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="subcommand")
        for module in SUBCOMMANDS:
            purpose = (module.__doc__ or "").splitlines()[0]
            own = subcommands.add_parser(module.NAME, help=purpose.replace("%", "%%"), description=purpose)
            module.add_arguments(own)
            own.add_argument("--json", action="store_true", help="one line of JSON with every figure, and nothing else")
            own.add_argument("--out", type=Path, metavar="FILE", help="also write what is printed to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = {module.NAME: module for module in SUBCOMMANDS}[options["subcommand"]]
        self.tell(chosen.evaluate(options), options)

    def tell(self, told: Told, options: dict[str, Any]) -> None:
        """Prints it, and writes it to the file of --out."""
        if options["json"]:
            text = json.dumps(told.figures if told.everything is None else told.everything, allow_nan=False)
        else:
            text = "\n".join([*told.lines, "", json.dumps(told.figures, allow_nan=False)])
        if options["out"]:
            try:
                options["out"].write_text(text + "\n", encoding="utf-8")
            except OSError as error:
                raise CommandError(f"can't write {options['out']}: {error.strerror}") from error
        self.stdout.write(text)
