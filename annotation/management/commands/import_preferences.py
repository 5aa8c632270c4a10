"""Import pairs with a preference from a file."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.importing.formats import FORMATS
from annotation.importing.loading import import_file
from annotation.importing.reading import opened
from annotation.management.failing import telling_what_failed
from annotation.models import Project


class Command(BaseCommand):
    help = (
        "Imports pairs with a preference from a JSONL file, plain or gzip. Every line is checked first; where one is "
        "broken, nothing is imported. Importing a file twice adds nothing. The project is made where there is none. "
        + " ".join(f"{form.name}: {form.rules}" for form in FORMATS.values())
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a .jsonl or .jsonl.gz file, or - for standard input")
        parser.add_argument("--format", required=True, choices=FORMATS, help="what the file's rows look like")
        parser.add_argument("--project", required=True, metavar="SLUG", help="where the pairs go")
        parser.add_argument("--dimension", required=True, choices=Project.Dimension.values)
        parser.add_argument("--batch", default="", metavar="NAME", help="the batch that the pairs belong to")
        parser.add_argument("--dry-run", action="store_true", help="say what would be imported, and import nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        report = self.stderr.write if options["verbosity"] > 1 else lambda line: None
        with telling_what_failed("nothing was imported"), opened(options["file"]) as file:
            summary = import_file(
                file,
                options["format"],
                options["project"],
                options["dimension"],
                batch=options["batch"],
                dry_run=options["dry_run"],
                report=report,
            )
        for line in summary.lines():
            self.stdout.write(line)
        self.stdout.write(json.dumps(summary.figures()))
