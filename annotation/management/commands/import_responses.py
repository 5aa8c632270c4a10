"""Import single answers to be rated."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.importing.reading import opened
from annotation.importing.responses import import_responses
from annotation.management.failing import find_project, telling_what_failed


class Command(BaseCommand):
    help = (
        "Imports answers to be rated from JSONL, plain or gzip: prompt (text or messages), response, model, and "
        "category, risk_category, attack_vector, source, id. Each becomes an item of a safety_rating or quality_rating "
        "project with its open places. Every row is checked first; where one is broken, nothing is imported. Importing "
        "a file twice adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a .jsonl or .jsonl.gz file, or - for standard input")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--batch", default="", metavar="NAME", help="the batch; the open one if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        with telling_what_failed("nothing was imported"):
            project = find_project(options["project"])
            with opened(options["file"]) as file:
                summary = import_responses(file, project, batch=options["batch"])
        for line in summary.lines():
            self.stdout.write(line)
        self.stdout.write(json.dumps(summary.figures()))
