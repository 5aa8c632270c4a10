"""Train a reward model in the foreground, or go on with a training that was interrupted."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotation.models import Project
from modeling.registry.models import ModelVersion, Run
from workers.carrying import JobError
from workers.foreground import carry_out_here, claimed, reopened, terminal_progress
from workers.starting import MARGINS, start_reward_training

FLAGS = ("epochs", "learning_rate", "batch_size", "margin", "seed", "max_length")
"""The settings that have a flag of their own; all others are set in the YAML file."""


class Command(BaseCommand):
    help = (
        "Train a reward model on a project's preferences (ranking loss with margin), evaluate it on the held-out "
        "prompts and register it. Ctrl-C stops it, --resume goes on. Ends with one JSON line of its figures."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", action="append", default=[], metavar="SLUG", help="may be given several times")
        parser.add_argument("--dimension", choices=Project.Dimension.values)
        parser.add_argument("--base", metavar="MODEL", help="name of the registered model to start from")
        parser.add_argument("--name", help="name of the new reward model")
        parser.add_argument("--config", type=Path, metavar="YAML", help="settings; the flags below override them")
        parser.add_argument("--epochs", type=int)
        parser.add_argument("--learning-rate", type=float)
        parser.add_argument("--batch-size", type=int, help="pairs per optimizer step")
        parser.add_argument("--margin", choices=MARGINS)
        parser.add_argument("--seed", type=int)
        parser.add_argument("--max-length", type=int, help="longest dialogue in tokens")
        parser.add_argument("--resume", type=int, metavar="RUN", help="go on with this run; takes no other option")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["resume"] is not None:
            run = reopened(Run.Kind.REWARD_MODEL, options["resume"])
        else:
            run = self.new_run(options)
        self.stderr.write(f"Run {run.pk}: training {run.name} from {run.config['base']}")
        resume = f"python manage.py train_reward_model --resume {run.pk}"
        self.stdout.write(json.dumps(closing_figures(carry_out_here(run, terminal_progress(), resume))))

    def new_run(self, options: dict[str, Any]) -> Run:
        """A claimed run, made only when everything about it is in order."""
        missing = [f"--{name}" for name in ("project", "dimension", "base", "name") if not options[name]]
        if missing:
            raise CommandError(f"{', '.join(missing)} missing; or --resume RUN to go on with a run.")
        projects = [found(Project, slug=slug) for slug in dict.fromkeys(options["project"])]
        base = found(ModelVersion, name=options["base"])
        settings = chosen_settings(base, options)
        try:
            with transaction.atomic():
                return claimed(start_reward_training(projects, options["dimension"], base, options["name"], settings))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error


def chosen_settings(base: ModelVersion, options: dict[str, Any]) -> dict[str, Any]:
    """The YAML's settings under those of the flags, checked against the recipe's own. Raises CommandError."""
    from modeling.configuration import ConfigError, read_settings
    from workers.training import complete_config

    flags = {name: options[name] for name in FLAGS if options[name] is not None}
    try:
        file = read_settings(options["config"]) if options["config"] else {}
        if clash := sorted({"base", "run_dir"} & set(file)):
            raise CommandError(f"{options['config']}: {', '.join(clash)} is set by the command, not by the file")
        config = complete_config(base, {**file, **flags}, Path("."))
    except (ConfigError, JobError) as error:
        raise CommandError(str(error)) from error
    return {name: getattr(config, name) for name in {**file, **flags}}


def closing_figures(run: Run) -> dict[str, Any]:
    """What the last line says."""
    report = run.report
    return {
        "run": run.pk,
        "model": run.output.name if run.output else None,
        "accuracy": report["accuracy"],
        "accuracy_by_rating": report["accuracy_by_rating"],
        "safety_accuracy": report["safety_accuracy"],
        "train_pairs": report["train_pairs"],
        "test_pairs": report["test_pairs"],
        "steps": report["steps"],
        "train_seconds": report["seconds"],
        "pairs_per_second": report["pairs_per_second"],
        "data_digest": run.data_digest,
        "folder": run.folder,
    }


def found(kind: type[Any], **key: str) -> Any:
    """The row of this key, or CommandError with those that there are."""
    row = kind.objects.filter(**key).first()
    if row is None:
        [(field, value)] = key.items()
        known = ", ".join(kind.objects.order_by(field).values_list(field, flat=True)[:20]) or "none yet"
        raise CommandError(f'There is no {kind._meta.verbose_name} "{value}". There are: {known}.')
    return row
