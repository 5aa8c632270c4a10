"""Import prompts for annotators from a file."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.importing.prompts import import_prompts
from annotation.importing.reading import opened
from annotation.management.failing import find_project, telling_what_failed


class Command(BaseCommand):
    help = (
        "Imports prompts from JSONL or CSV, plain or gzip: prompt, messages or turns, and category, risk_category, "
        "attack_vector, source, id. Each becomes an item with its open places for annotators. Every row is checked "
        "first; where one is broken, nothing is imported. Importing a file twice adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a JSONL or CSV file, or - for standard input")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--batch",
            default="",
            metavar="NAME",
            help="the batch, the project's open one if not given; a new name opens a batch and closes the one before",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with telling_what_failed("nothing was imported"):
            project = find_project(options["project"])
            with opened(options["file"]) as file:
                summary = import_prompts(file, project, batch=options["batch"])
        for line in summary.lines():
            self.stdout.write(line)
        self.stdout.write(json.dumps(summary.figures()))
