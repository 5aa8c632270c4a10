"""Import demonstrations from SFT JSONL."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.importing.demonstrations import import_demonstrations
from annotation.importing.reading import opened
from annotation.management.failing import find_project, telling_what_failed


class Command(BaseCommand):
    help = (
        'Imports demonstrations from JSONL, plain or gzip: {"messages": [...]} that end with the answer, or prompt and '
        "completion, and category, risk_category, attack_vector, source, id. Every row is checked first; where one is "
        "broken, nothing is imported. Importing a file twice adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a .jsonl or .jsonl.gz file, or - for standard input")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--batch", default="", metavar="NAME", help="the batch that they belong to")

    def handle(self, *args: Any, **options: Any) -> None:
        with telling_what_failed("nothing was imported"):
            project = find_project(options["project"])
            with opened(options["file"]) as file:
                summary = import_demonstrations(file, project, batch=options["batch"])
        for line in summary.lines():
            self.stdout.write(line)
        self.stdout.write(json.dumps(summary.figures()))
