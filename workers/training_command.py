"""What the training commands share: their flags, their checks, and the run that they carry out in the foreground."""

import json
import shutil
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotation.models import Project
from modeling.registry.models import ModelVersion, Run
from workers.carrying import JobError
from workers.foreground import carry_out_here, claimed, reopened, terminal_progress
from workers.recipes import MODEL_HELP, REJECTION_SAMPLING, REWARD_MODEL, Data, Recipe, Setting
from workers.starting import Order, start_training

FILE_HELP = {
    "data": 'demonstrations as JSON lines: {"messages": [...]}, or TRL\'s prompt and completion',
    "test_data": "held-out demonstrations, in the form of --data",
    "prompts": 'prompts as JSON lines: {"messages": [...], "tag": "helpfulness" or "safety", "category"}',
    "held_out": "held-out prompts, in the form of --prompts",
    "constraints": "instructions to keep to, as JSON lines",
}
REFUSALS_HELP = {
    "data": 'labelled answers: JSON lines {"prompt", "response", "refusal": true, false, "full", "partial" or "none"}',
    "test_data": "labelled answers on which the error is measured, in the form of --data",
}
NOT_SHOWN = ("identity", "model_digest", "parameters")
"""What a run's report says besides its figures."""


class TrainingCommand(BaseCommand):
    """A recipe as a command: it checks everything, trains in the foreground and ends with one JSON line of figures."""

    recipe: ClassVar[Recipe]

    @property
    def help(self) -> str:  # type: ignore[override]
        return (
            f"{self.recipe.purpose} Registers the model that it makes. Ctrl-C stops it, --resume goes on. Ends with "
            "one JSON line of its figures."
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        recipe = self.recipe
        parser.add_argument("--project", action="append", default=[], metavar="SLUG", help="may be given several times")
        for name, _ in recipe.files:
            parser.add_argument(flag(name), type=Path, metavar="FILE", help=file_help(recipe, name))
        for setting in recipe.all_models:
            may_be_left_out = "" if setting in recipe.models else " May be left out."
            parser.add_argument(
                flag(setting), metavar="MODEL", help=f"registered model: {MODEL_HELP[setting]}{may_be_left_out}"
            )
        parser.add_argument("--name", help="name of the new model")
        parser.add_argument("--config", type=Path, metavar="YAML", help="settings; the flags below override them")
        for option in recipe.settings:
            kind: dict[str, Any] = {"choices": option.choices} if option.choices else {"type": option.read}
            parser.add_argument(flag(option.name), help=help_of(option).replace("%", "%%"), **kind)
        if recipe is REWARD_MODEL:
            parser.add_argument("--dimension", choices=Project.Dimension.values)
            parser.add_argument(
                "--open-project", action="append", default=[], metavar="SLUG", help="open data that a mix draws from"
            )
        if recipe is REJECTION_SAMPLING:
            parser.add_argument(
                "--bag", type=int, action="append", default=[], metavar="RUN",
                help="an earlier rejection sampling run, whose candidates are chosen from too",
            )  # fmt: skip
        parser.add_argument("--queue", action="store_true", help="leave the run to a training worker")
        parser.add_argument("--resume", type=int, metavar="RUN", help="go on with this run; takes no other option")

    def handle(self, *args: Any, **options: Any) -> None:
        resumed = options["resume"] is not None
        if resumed and (others := self.options_beside_resume(options)):
            raise CommandError(f"--resume goes on with the run as it was begun: leave out {', '.join(others)}.")
        run = reopened(self.recipe.kind, options["resume"]) if resumed else self.new_run(options)
        if options["queue"]:
            self.stdout.write(json.dumps({"run": run.pk, "status": run.status}))
            return
        origin = f" from {run.config['base']}" if "base" in run.config else ""
        self.stderr.write(f"Run {run.pk}: {run.get_kind_display()} makes {run.name}{origin}")
        resume = f"python manage.py {self.recipe.command} --resume {run.pk}"
        self.stdout.write(json.dumps(closing_figures(carry_out_here(run, terminal_progress(), resume))))

    def options_beside_resume(self, options: dict[str, Any]) -> list[str]:
        """The flags of a new run that were given."""
        recipe = self.recipe
        settings = [*(name for name, _ in recipe.files), *recipe.all_models, *(each.name for each in recipe.settings)]
        names = ["project", *settings, "name", "config", "dimension", "open_project", "bag", "queue"]
        return [flag(name) for name in names if options.get(name) not in (None, [], False)]

    def new_run(self, options: dict[str, Any]) -> Run:
        """A run, claimed unless it is left to a worker; made only when everything about it is in order."""
        order = self.order(options)
        try:
            with transaction.atomic():
                run = start_training(order)
                if order.files:  # kept with the run from now on: the files may be gone when it is resumed
                    keep_data(run, order)
                return run if options["queue"] else claimed(run)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error

    def order(self, options: dict[str, Any]) -> Order:
        """What the flags ask for. Raises CommandError."""
        recipe = self.recipe
        files = {name: options[name] for name, _ in recipe.files if options[name]}
        from_bag = recipe is REJECTION_SAMPLING and options["k"] == 0
        models_needed = ("base",) if from_bag else recipe.models
        needed = [*models_needed, "name", *(["dimension"] if recipe is REWARD_MODEL else [])]
        missing = [flag(name) for name in needed if not options[name]]
        if not (options["project"] or files or from_bag):
            missing.insert(0, " or ".join(["--project", *(flag(name) for name, _ in recipe.files[:1])]))
        if missing:
            raise CommandError(f"{', '.join(missing)} missing; or --resume RUN to go on with a run.")
        models = {
            setting: found(ModelVersion, name=options[setting]) for setting in recipe.all_models if options[setting]
        }
        return Order(
            recipe=recipe,
            name=options["name"],
            models=models,
            projects=projects_called(options["project"]),
            files={name: path.expanduser().resolve() for name, path in files.items()},
            settings=chosen_settings(recipe, models, options),
            dimension=options.get("dimension") or "",
            open_projects=projects_called(options.get("open_project") or []),
            bag=[found(Run, pk=pk) for pk in options.get("bag") or []],
        )


def file_help(recipe: Recipe, name: str) -> str:
    return REFUSALS_HELP[name] if recipe.data is Data.REFUSALS else FILE_HELP[name]


def keep_data(run: Run, order: Order) -> None:
    """Write the run's folder now. Raises CommandError, and then nothing of it is left."""
    from workers.training import prepare_folder

    try:
        prepare_folder(run, order.models, lambda share, note: None)
    except JobError as error:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise CommandError(str(error)) from error


def chosen_settings(recipe: Recipe, models: dict[str, ModelVersion], options: dict[str, Any]) -> dict[str, Any]:
    """The YAML's settings under those of the flags, checked against the recipe's own. Raises CommandError."""
    from modeling.configuration import ConfigError, read_settings
    from workers.training import complete_config

    flags = {option.name: options[option.name] for option in recipe.settings if options[option.name] is not None}
    try:
        file = read_settings(options["config"]) if options["config"] else {}
        if clash := sorted({"run_dir", *recipe.all_models} & set(file)):
            raise CommandError(f"{options['config']}: {', '.join(clash)} is set by the command, not by the file")
        known = {each.name for each in fields(recipe.config_class())} - {"run_dir", *recipe.all_models}
        if unknown := sorted(map(str, set(file) - known)):
            raise CommandError(
                f"{options['config']}: unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        config = complete_config(recipe, models, {**file, **flags}, Path("."))
    except (ConfigError, JobError) as error:
        raise CommandError(str(error)) from error
    return {name: getattr(config, name) for name in {**file, **flags}}


def closing_figures(run: Run) -> dict[str, Any]:
    """What the last line says: the report's figures; what it lists at length is in the folder's report.json."""
    figures = {name: value for name, value in run.report.items() if name not in NOT_SHOWN and not is_long(value)}
    named = {"run": run.pk, "model": run.output.name if run.output else None}
    return named | figures | {"data_digest": run.data_digest, "folder": run.folder}


def is_long(value: Any) -> bool:
    """Whether a part of a report is for a plot rather than a line."""
    return len(json.dumps(value)) > 1000


def projects_called(slugs: Sequence[str]) -> list[Project]:
    return [found(Project, slug=slug) for slug in dict.fromkeys(slugs)]


def help_of(option: Setting) -> str:
    return f"{option.label}. {option.help}" if option.label else option.help


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def found(kind: type[Any], **key: Any) -> Any:
    """The row of this key, or CommandError with those that there are."""
    row = kind.objects.filter(**key).first()
    if row is None:
        [(field, value)] = key.items()
        known = ", ".join(map(str, kind.objects.order_by(field).values_list(field, flat=True)[:20])) or "none yet"
        raise CommandError(f'There is no {kind._meta.verbose_name} "{value}". There are: {known}.')
    return row
