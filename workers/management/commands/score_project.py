"""Let a reward model score a project's answers."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotation.models import Batch
from evaluation.reward_models.choosing import NotFoundError, find_project, find_reward_model
from evaluation.scoring import named_batch, start_scoring_project
from workers.foreground import carry_out_here, claimed, terminal_progress


class Command(BaseCommand):
    help = (
        "Store a reward model's score of every answer of a project that has none by it yet. Ctrl-C stops it, the same "
        "command goes on. Ends with one JSON line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--reward-model", required=True, metavar="NAME")
        parser.add_argument("--batch", type=int, metavar="NUMBER", help="only the answers of this batch")
        parser.add_argument("--held-out", action="store_true", help="only answers to held-out prompts")
        parser.add_argument("--queue", action="store_true", help="leave it to a worker instead of doing it here")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            project = find_project(options["project"])
            judge = find_reward_model(options["reward_model"])
            batch = named_batch(project, options["batch"])
            with transaction.atomic():
                run = start_scoring_project(project, judge, batch, held_out=options["held_out"])
                if not options["queue"]:
                    run = claimed(run)
        except (NotFoundError, Batch.DoesNotExist) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if not options["queue"]:
            again = f"python manage.py score_project --project {project.slug} --reward-model {judge.name}"
            run = carry_out_here(run, terminal_progress(), resume=again)
        self.stdout.write(json.dumps({"run": run.pk, "project": project.slug, "status": run.status, **run.report}))
