"""Register a local checkpoint or a served model, so that projects can sample from it or train from it."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from modeling.registry.models import ModelVersion

KINDS = [kind for kind in ModelVersion.Kind.values if kind != ModelVersion.Kind.CLASSIFIER]
"""A refusal classifier is made by its own training alone: without its measured errors its rates say nothing."""


class Command(BaseCommand):
    help = (
        "Register a local checkpoint in Hugging Face format (Llama 2, Llama 3, Qwen, Mistral, ...): config.json, "
        "*.safetensors and a tokenizer in one folder. Nothing is copied or downloaded. Or register a chat model behind "
        "an OpenAI-compatible endpoint (vLLM and others): --endpoint URL --model NAME. Ends with one JSON line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", nargs="?", help="the checkpoint's folder")
        parser.add_argument("--endpoint", metavar="URL", help="in place of PATH: http://host:8000/v1")
        parser.add_argument("--model", metavar="NAME", help="the endpoint's name for the model")
        parser.add_argument(
            "--key-variable", default="", metavar="ENV", help="environment variable that holds the endpoint's key"
        )
        parser.add_argument("--name", required=True, help="a name of its own: letters, digits, - and _")
        parser.add_argument("--kind", choices=KINDS, default=ModelVersion.Kind.POLICY)
        parser.add_argument("--licence", default="", help="the licence that its makers gave it")
        parser.add_argument("--description", default="")
        parser.add_argument("--activate", action="store_true", help="offer it to sampling pools at once")

    def handle(self, *args: Any, **options: Any) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        if (options["path"] is None) == (options["endpoint"] is None):
            raise CommandError("Give either the folder of a checkpoint or --endpoint URL --model NAME.")
        self.stderr.write(f"Looking at {options['path'] or options['endpoint']} ...")
        from workers.registering import RegistrationError, register_endpoint, register_model

        described = {name: options[name] for name in ("licence", "activate", "description")}
        try:
            if options["path"]:
                model, is_new = register_model(options["path"], options["name"], options["kind"], **described)
            elif options["kind"] != ModelVersion.Kind.POLICY:
                raise CommandError(f"An endpoint serves a {ModelVersion.Kind.POLICY.value}, not a {options['kind']}.")
            else:
                model, is_new = register_endpoint(
                    options["endpoint"],
                    options["model"] or "",
                    options["name"],
                    key_variable=options["key_variable"],
                    **described,
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
            "endpoint": model.base_url,
            "remote_model": model.remote_model,
        }
        self.stdout.write(json.dumps(figures))
