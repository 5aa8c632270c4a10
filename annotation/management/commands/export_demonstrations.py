"""Export a project's demonstrations as SFT JSONL with a manifest."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from annotation.exporting import Selection, manifest_path
from annotation.exporting_demonstrations import export_demonstrations
from annotation.management.failing import find_project, telling_what_failed
from annotation.models import Prompt


class Command(BaseCommand):
    help = (
        'Exports a demonstration project as SFT JSONL, {"messages": [...]} a line with split, id and risk labels, and '
        "OUT.manifest.json beside it. OUT is replaced, whole or not at all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", metavar="OUT", type=Path, help="the .jsonl file to write")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--split", default="all", choices=[*Prompt.Split.values, "all"])
        parser.add_argument("--batch", metavar="NAME", help="only this batch")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if str(out) == "-":
            raise CommandError("OUT must be a file's name, got -: a manifest is written beside it; nothing was written")
        with telling_what_failed("nothing was written"):
            project = find_project(options["project"])
            snapshot = export_demonstrations(project, out, Selection(options["split"], options["batch"]))
        rows = snapshot.rows
        self.stdout.write(f"{rows:,} demonstration{pluralize(rows)} of {project.slug} written to {out}")
        self.stdout.write(f"The manifest is {manifest_path(out)}")
        self.stdout.write(json.dumps(snapshot.manifest))
