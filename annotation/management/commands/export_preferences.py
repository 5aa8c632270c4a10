"""Export a project's preferences as TRL JSONL with a manifest."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from annotation.exporting import MARGINS, Selection, export, manifest_path
from annotation.management.failing import find_project, telling_what_failed
from annotation.models import Project, Prompt


class Command(BaseCommand):
    help = (
        "Exports a project's preferences as TRL JSONL, with OUT.manifest.json beside it. Ties, pairs of which both "
        "answers were unusable, unsafe answers chosen over safe ones and pairs without a judgement stay out and are "
        "counted. OUT is replaced, whole or not at all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", metavar="OUT", type=Path, help="the .jsonl file to write")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--dimension", choices=Project.Dimension.values, help="fails where the project has another")
        parser.add_argument("--split", default="all", choices=[*Prompt.Split.values, "all"])
        parser.add_argument("--batch", metavar="NAME", help="only this batch")
        parser.add_argument(
            "--margin",
            default="small",
            choices=MARGINS,
            help="margins of the ratings: small 1, 2/3, 1/3, 0 or large 3, 2, 1, 0; an imported margin stays as it was",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if str(out) == "-":
            raise CommandError("OUT must be a file's name, got -: a manifest is written beside it; nothing was written")
        with telling_what_failed("nothing was written"):
            project = find_project(options["project"], options["dimension"])
            selection = Selection(options["split"], options["batch"], options["margin"])
            snapshot = export(project, out, selection)
        self.stdout.write(f"{snapshot.rows:,} pair{pluralize(snapshot.rows)} of {project.slug} written to {out}")
        for reason, count in sorted(snapshot.manifest["left_out"].items()):
            self.stdout.write(f"{count:,} left out: {reason}")
        self.stdout.write(f"The manifest is {manifest_path(out)}")
        self.stdout.write(json.dumps(snapshot.manifest))
