"""Ask a model again what brought other models to violating answers."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotation.management.failing import find_project
from evaluation.reasking import start_reasking
from modeling.registry.models import ModelVersion, samplable_models
from workers.foreground import carry_out_here, claimed, terminal_progress


class Command(BaseCommand):
    help = (
        "Samples a model's answers to the prompts of a red team project that brought other models to violating "
        "answers, and adds them to a safety_rating project. Ends with one JSON line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG", help="the red team project")
        parser.add_argument("--into", required=True, metavar="SLUG", help="the safety_rating project")
        parser.add_argument("--model", required=True, metavar="NAME")
        parser.add_argument("--temperature", type=float, default=0.7)
        parser.add_argument("--top-p", type=float, default=0.95)
        parser.add_argument("--max-new-tokens", type=int, default=256)
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        source, into = find_project(options["project"]), find_project(options["into"])
        model = ModelVersion.objects.filter(name=options["model"]).first()
        if model is None:
            known = ", ".join(samplable_models().values_list("name", flat=True)) or "none yet"
            raise CommandError(f'There is no model "{options["model"]}". Models: {known}.')
        sampling = {name: options[name] for name in ("temperature", "top_p", "max_new_tokens", "seed")}
        try:
            with transaction.atomic():
                run = claimed(start_reasking(source, into, model, **sampling))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        again = f"python manage.py reask --project {source.slug} --into {into.slug} --model {model.name}"
        run = carry_out_here(run, terminal_progress(), resume=again)
        self.stdout.write(json.dumps({"run": run.pk, "into": into.slug, **run.report}))
