"""Import pairs of dialogues to be compared."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.importing.pairs import import_pairs
from annotation.importing.reading import opened
from annotation.management.failing import find_project, telling_what_failed


class Command(BaseCommand):
    help = (
        "Imports pairs to be compared from JSONL, plain or gzip: dialogue_1 and dialogue_2, or chosen and rejected as "
        "in TRL and HH files, and model_1, model_2, id. The two open alike and may be two answers to one prompt or two "
        "whole dialogues. Each becomes an item of a pairwise_evaluation project with its open places. Every row is "
        "checked first; where one is broken, nothing is imported. Importing a file twice adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a .jsonl or .jsonl.gz file, or - for standard input")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--batch", default="", metavar="NAME", help="the batch; the open one if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        with telling_what_failed("nothing was imported"):
            project = find_project(options["project"])
            with opened(options["file"]) as file:
                summary = import_pairs(file, project, batch=options["batch"])
        for line in summary.lines():
            self.stdout.write(line)
        self.stdout.write(json.dumps(summary.figures()))
