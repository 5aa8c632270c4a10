"""Run iterations of the loop in the foreground, or go on with those that were interrupted."""

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotation.models import Project
from evaluation.iterations import history_of, table_of
from evaluation.models import Iteration
from evaluation.progress_plot import progress_svg
from modeling.configuration import ConfigError, configure, read_settings
from modeling.registry.jobs import LEASE, reconcile
from modeling.registry.models import Job, ModelVersion, Run
from workers.carrying import JobError
from workers.collecting import REAL, SIMULATED
from workers.foreground import carry_out_here, claimed, terminal_progress
from workers.iterating import (
    ALL,
    LAST,
    NEVER,
    Loop,
    Name,
    Plan,
    batch_name,
    begin,
    check_loop,
    finish,
    judgements_awaited,
    next_stage,
    plan_anew,
    plan_in,
    start_stage,
)
from workers.recipes import PPO, REJECTION_SAMPLING, REWARD_MODEL, check_settings
from workers.starting import Order, check_batches, resume_run
from workers.training_command import found

FLAGS = ("comparisons", "safety_comparisons", "tau", "slips", "people", "seed")
"""Settings of the plan that have a flag of their own; all others are set in the YAML file."""
STILL_WAITING = 75
"""Exit status (EX_TEMPFAIL) when judgements of people are missing: run the same command again later."""


class Command(BaseCommand):
    help = (
        "Run the loop: collect preferences, train both reward models, rejection sampling, PPO, evaluate, and let the "
        "candidate join the sampling pool. The same command goes on where it was interrupted. Without projects it runs "
        "the demonstration. Draws the progress of all versions and ends with one JSON line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--iterations", type=int, default=1, metavar="N", help="run up to iteration N (1)")
        parser.add_argument(
            "--annotators", choices=(SIMULATED, REAL),
            help="who judges; on the demonstration simulated ones, whose gold preference knows its world alone",
        )  # fmt: skip
        parser.add_argument("--helpfulness-project", metavar="SLUG")
        parser.add_argument("--safety-project", metavar="SLUG")
        parser.add_argument("--base", metavar="MODEL", help="registered model that every iteration tunes: V0")
        parser.add_argument("--name", help="the versions are called NAME-v1, NAME-v2, ...")
        parser.add_argument(
            "--ppo", choices=(LAST, ALL, NEVER), default=LAST, help="which of the N iterations put PPO on top (last)"
        )
        parser.add_argument("--comparisons", type=int, help="judgements on helpfulness per iteration")
        parser.add_argument("--safety-comparisons", type=int, help="judgements on safety per iteration")
        parser.add_argument("--people", type=int, help="simulated annotators")
        parser.add_argument("--tau", type=float, help="noise of the simulated annotators' preferences")
        parser.add_argument("--slips", type=float, help="share of the simulated judgements that are exchanged")
        parser.add_argument("--seed", type=int)
        parser.add_argument(
            "--config", type=Path, metavar="YAML",
            help="settings of the plan (workers/iterating.py); its reward, rejection and ppo hold those of the recipes",
        )  # fmt: skip
        parser.add_argument(
            "--replan", action="store_true",
            help="the iteration under way takes these settings: what is done stays, the stage that failed begins anew",
        )  # fmt: skip
        parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the figure and the figures are written")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["iterations"] < 1:
            raise CommandError(f"--iterations must be at least 1, got {options['iterations']}")
        try:
            plan = self.plan(options)
            loop = self.loop(options)
            check_loop(loop)
            for number in (1, 2):
                check_recipes(plan_in(number, plan), loop.base)
            for number in range(1, options["iterations"] + 1):
                with_ppo = options["ppo"] == ALL or (options["ppo"] == LAST and number == options["iterations"])
                iteration = begin(loop, number, plan, with_ppo=with_ppo)
                if options["replan"]:
                    reconcile(Run)
                    plan_anew(iteration, plan, with_ppo=with_ppo)
                self.tell_of_changes(iteration, plan_in(number, plan), with_ppo=with_ppo)
                self.run(iteration)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(json.dumps(self.draw(loop, options)))

    # What is asked for ------------------------------------------------------------------------------------------------

    def loop(self, options: dict[str, Any]) -> Loop:
        """The projects and the base, or the demonstration's where none is named. Raises CommandError."""
        from workers.demonstrating import demonstration_loop
        from workers.registering import RegistrationError

        named = {name: options[name] for name in ("helpfulness_project", "safety_project", "base")}
        if not any(named.values()):
            if options["annotators"] == REAL:
                raise CommandError("--annotators real needs --helpfulness-project, --safety-project and --base.")
            try:
                return demonstration_loop()
            except RegistrationError as error:
                raise CommandError(str(error)) from error
        if missing := [f"--{name.replace('_', '-')}" for name, value in named.items() if not value]:
            raise CommandError(f"{', '.join(missing)} missing; or none of the three for the demonstration.")
        loop = Loop(
            found(Project, slug=named["helpfulness_project"]),
            found(Project, slug=named["safety_project"]),
            found(ModelVersion, name=named["base"]),
        )
        if not options["annotators"]:
            raise CommandError("Say who judges in your projects: --annotators real, or simulated.")
        return loop

    def plan(self, options: dict[str, Any]) -> Plan:
        """The YAML's settings under those of the flags; for the demonstration over those that were found for it. Raises
        CommandError and ValidationError."""
        from workers.demonstrating import NAME, SETTINGS

        default = (options["helpfulness_project"] or NAME).removesuffix("-helpfulness")
        shipped = {} if options["helpfulness_project"] else SETTINGS
        flags = {name: options[name] for name in FLAGS if options[name] is not None}
        try:
            file = read_settings(options["config"]) if options["config"] else {}
            known = {each.name for each in fields(Plan)} - {"name", "annotators"}
            if unknown := sorted(map(str, set(file) - known)):
                raise CommandError(
                    f"{options['config']}: unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}"
                )
            named = {"name": options["name"] or default, "annotators": options["annotators"] or SIMULATED}
            return configure(Plan, {**shipped, **file, **flags, **named})
        except ConfigError as error:
            raise CommandError(str(error)) from error

    def tell_of_changes(self, iteration: Iteration, plan: Plan, *, with_ppo: bool) -> None:
        """An iteration keeps the plan that it began with; whoever asks for another one now should know."""
        asked = asdict(plan) | {"with_ppo": with_ppo}
        changed = [name for name, value in asked.items() if iteration.settings.get(name) != value]
        if iteration.finished_at is None and changed:
            kept = ", ".join(f"{name} {iteration.settings.get(name)!r} (not {asked[name]!r})" for name in changed)
            self.stderr.write(
                f"Iteration {iteration.number} goes on as it began: {kept}. With --replan it takes the new settings."
            )

    # Carrying out -----------------------------------------------------------------------------------------------------

    def run(self, iteration: Iteration) -> None:
        """Every stage that is not done, then the candidate into the pool."""
        while (stage := next_stage(iteration)) is not None:
            if stage != Name.COLLECTION:
                self.check_judged(iteration)
            run = self.ready(iteration, stage)
            if run.status == Job.Status.DONE:
                continue
            started = time.monotonic()
            self.stderr.write(f"Iteration {iteration.number}: {stage.label} (run {run.pk})")
            carry_out_here(run, terminal_progress(), resume="the same command")
            self.stderr.write(f"Iteration {iteration.number}: {stage.label} took {time.monotonic() - started:.1f} s")
        if iteration.finished_at is None:
            finish(iteration)
            self.stderr.write(f"Iteration {iteration.number} is finished.\n" + table_of(history_of(iteration)))

    def check_judged(self, iteration: Iteration) -> None:
        """Raises CommandError while people still have to judge."""
        if awaited := judgements_awaited(iteration):
            counts = ", ".join(f"{count:,} in {slug}" for slug, count in awaited.items())
            raise CommandError(
                f'Judgements of "{batch_name(iteration)}" are missing: {counts}. Run the same command again when they '
                "are there.",
                returncode=STILL_WAITING,
            )

    def ready(self, iteration: Iteration, stage: Name) -> Run:
        """The stage's run, claimed for this process, or done: another process that has it is waited for; one that was
        killed lets go within the lease."""
        told = False
        while True:
            reconcile(Run)
            with transaction.atomic():
                run = start_stage(iteration, stage)
                if run.status in (Job.Status.FAILED, Job.Status.CANCELLED):
                    resume_run(run)
                if run.status == Job.Status.QUEUED:
                    return claimed(run)
            if run.status == Job.Status.DONE:
                return run
            if not told:
                self.stderr.write(
                    f"Run {run.pk} is being carried out by another process; one that was killed lets go within "
                    f"{LEASE.seconds} seconds. Waiting ..."
                )
                told = True
            time.sleep(1)

    # The end ----------------------------------------------------------------------------------------------------------

    def draw(self, loop: Loop, options: dict[str, Any]) -> dict[str, Any]:
        """Write the progress figure and its figures; what the last line says."""
        last = loop.iterations()[options["iterations"] - 1]
        history = history_of(last)
        folder = options["out"] or settings.VAR_DIR / "loops" / last.settings["name"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "progress.svg").write_text(progress_svg(history), encoding="utf-8")
            (folder / "progress.json").write_text(json.dumps(history, indent=1), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"can't write the figure to {folder} ({error.strerror})") from error
        return history | {"figure": str(folder / "progress.svg")}


def check_recipes(plan: Plan, base: ModelVersion) -> None:
    """The settings of all stages, now and not when the turn comes to each: what an iteration began with, it keeps.
    Raises ValidationError."""
    from workers.training import complete_config

    of_recipes = {"reward": REWARD_MODEL, "rejection": REJECTION_SAMPLING, "ppo": PPO}
    for name, recipe in of_recipes.items():
        chosen = getattr(plan, name)
        models = dict.fromkeys(recipe.all_models, base)  # those that the stage will have are yet to be made
        try:
            config = complete_config(recipe, models, chosen, Path("."))
            check_settings(recipe, {each: getattr(config, each) for each in chosen})
            check_batches(Order(recipe=recipe, name=plan.name, models=models, settings=chosen))
        except (ValidationError, JobError) as error:
            said = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            raise ValidationError(f"{name}: {said}") from error
