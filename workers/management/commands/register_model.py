"""Register a local checkpoint, so that projects can sample from it or train from it."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from modeling.registry.models import ModelVersion


class Command(BaseCommand):
    help = (
        "Register a local checkpoint in Hugging Face format (Llama 2, Llama 3, Qwen, Mistral, ...): config.json, "
        "*.safetensors and a tokenizer in one folder. Nothing is copied or downloaded. Ends with one JSON line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the checkpoint's folder")
        parser.add_argument("--name", required=True, help="a name of its own: letters, digits, - and _")
        parser.add_argument("--kind", choices=ModelVersion.Kind.values, default=ModelVersion.Kind.POLICY)
        parser.add_argument("--licence", default="", help="the licence that its makers gave it")
        parser.add_argument("--description", default="")
        parser.add_argument("--activate", action="store_true", help="offer it to sampling pools at once")

    def handle(self, *args: Any, **options: Any) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        self.stderr.write(f"Looking at {options['path']} ...")
        from workers.registering import RegistrationError, register_model

        try:
            model, is_new = register_model(
                options["path"],
                options["name"],
                options["kind"],
                licence=options["licence"],
                activate=options["activate"],
                description=options["description"],
            )
        except RegistrationError as error:
            raise CommandError(str(error)) from error
        figures = {
            "model": model.name,
            "new": is_new,
            "kind": model.kind,
            "stage": model.stage,
            "parameters": model.parameters,
            "digest": model.digest,
            "path": model.path,
        }
        self.stdout.write(json.dumps(figures))
