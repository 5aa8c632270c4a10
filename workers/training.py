"""Training runs: the folder is written, the training process launched and followed, its model registered.

The process knows no database (architecture.md): what goes in is config.yaml and data/, what comes out is metrics.jsonl,
report.json and model/. It dies with this process, and goes on from its last checkpoint when the run is executed again.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from annotation.exporting import ExportError, write_training_data
from annotation.models import Project
from modeling.configuration import ConfigError, configure
from modeling.registry.models import ModelVersion, Run, RunMetric
from modeling.reward_config import RewardConfig
from modeling.training_config import preset_for, save_config
from workers.carrying import JobError, ShouldStop, Stopped
from workers.runs import Report
from workers.starting import REWARD_KIND
from workers.tether import tethered

FOLLOW_EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 8
"""How long a training may take to save its state when it is asked to stop."""

CURVES = ("loss", "accuracy", "learning_rate", "gradient_norm", "pairs_per_second")


def train_reward_model(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Train, evaluate and register a reward model.

    config: {"projects": [slugs], "dimension", "base": name, "settings": {fields of RewardConfig}}.
    Raises JobError with the reason, and Stopped; the run can be executed again after both.
    """
    if run.output_id:
        return
    base = _base(run)
    folder = prepare_folder(run, base, report)
    metrics = Metrics(run, folder / "metrics.jsonl")
    report(0.0, "loading the base model")
    with launched(folder) as process:
        while process.poll() is None:
            time.sleep(FOLLOW_EVERY_SECONDS)
            metrics.follow(report)
            if should_stop():
                raise Stopped
    metrics.follow(report)
    if process.returncode != 0:
        raise JobError(reason_of(folder, process.returncode))
    register_output(run, base, folder)
    report(1.0, "trained and registered")


def prepare_folder(run: Run, base: ModelVersion, report: Report) -> Path:
    """The run's folder with its data and config.yaml; what an earlier attempt wrote stays as it is."""
    folder = folder_of(run)
    if not (folder / "config.yaml").exists():
        report(0.0, "exporting the preferences")
        projects = list(Project.objects.filter(slug__in=run.config["projects"]).order_by("slug"))
        config = complete_config(base, run.config["settings"], folder)
        try:
            manifest = write_training_data(projects, folder / "data", created_by=run.created_by)
        except ExportError as error:
            raise JobError(f"The preferences could not be exported: {error}.") from error
        Run.objects.filter(pk=run.pk).update(data_digest=manifest["sha256"])
        save_config(config)
    return folder


def folder_of(run: Run) -> Path:
    """The run's folder, the same at each attempt. The row names it before anything is in it, so a folder that is there
    already was made by a run of another database, and stays that run's."""
    if not run.folder:
        folder = wanted = settings.RUNS_DIR / f"{run.pk}-{run.name}"
        number = 1
        while folder.exists():
            number += 1
            folder = wanted.with_name(f"{wanted.name}-{number}")
        run.folder = str(folder)
        run.save(update_fields=["folder"])
    return Path(run.folder)


def complete_config(base: ModelVersion, chosen: dict[str, Any], folder: Path) -> RewardConfig:
    """The shipped settings for a model of the base's size, overridden by the chosen ones; checked. Raises JobError."""
    places = {"run_dir": folder, "base": Path(base.path)}
    try:
        return configure(RewardConfig, {**preset_for("reward", base.parameters or 0), **chosen, **places})
    except ConfigError as error:
        raise JobError(f"{error}.") from error


@contextmanager
def launched(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The training process, in a group of its own, so that Ctrl-C reaches it through us alone; its words in log.txt."""
    command = tethered([sys.executable, "-m", "modeling.train_reward", str(folder / "config.yaml")])
    # Threads that wait for a late one sleep instead of spinning: on two busy cores twice as fast, on idle ones a sixth
    # slower. It changes no figure.
    patient = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the project's own command
            command,
            cwd=settings.BASE_DIR,
            env=patient,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let it save its state, and insist when it takes too long; its checkpoints are written whole in any case."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Metrics:
    """Follows metrics.jsonl into the run's curves and its progress."""

    def __init__(self, run: Run, path: Path) -> None:
        self.run = run
        self.path = path
        self.read = 0
        self.file_number = 0

    def follow(self, report: Report) -> None:
        """Take in the lines that were added; all of them again after a resumed process has rewritten the file."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return
        if found.st_ino != self.file_number or found.st_size < self.read:
            self.file_number, self.read = found.st_ino, 0
        with self.path.open("rb") as stream:
            stream.seek(self.read)
            added = stream.read()
        whole = added[: added.rfind(b"\n") + 1]
        self.read += len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if lines:
            self._store(lines)
            last = lines[-1]
            speed = f"{last['pairs_per_second']:.1f} pairs/s"
            note = f"step {last['step']} of {last['steps']}, loss {last['loss']:.4f}, {speed}"
            report(0.98 * last["step"] / last["steps"], note)

    def _store(self, lines: list[dict[str, float]]) -> None:
        points = [
            RunMetric(run=self.run, step=int(line["step"]), name=name, value=line[name])
            for line in lines
            for name in CURVES
        ]
        RunMetric.objects.bulk_create(
            points, update_conflicts=True, unique_fields=["run", "name", "step"], update_fields=["value"]
        )


def reason_of(folder: Path, status: int) -> str:
    """Why a training process failed, in its own words where it left any."""
    log = folder / "log.txt"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    if status > 0 and errors:
        return f"{errors[-1].removeprefix('Error: ')} (log: {log})"
    if status < 0:
        name = signal.Signals(-status).name
        return f"The training process was ended by {name}, perhaps for lack of memory; resume it, or see {log}."
    return f"The training process failed with status {status}: {' / '.join(lines[-3:])} (log: {log})"


def register_output(run: Run, base: ModelVersion, folder: Path) -> ModelVersion:
    """The trained model as a new version with its lineage, and the run's closing figures; both or none."""
    figures = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    dimension = Project.Dimension(run.config["dimension"])
    try:
        with transaction.atomic():
            model = ModelVersion.objects.create(
                name=run.name,
                kind=REWARD_KIND[dimension],
                path=str(folder / "model"),
                digest=figures["model_digest"],
                parameters=figures["parameters"],
                licence=base.licence,
                description=f"Trained by run {run.pk} on {figures['train_pairs']:,} pairs from "
                f"{', '.join(run.config['projects'])}.",
                figures=figures,
            )
            model.parents.add(base)
            Run.objects.filter(pk=run.pk).update(output=model, report=figures)
    except IntegrityError as error:
        raise JobError(f'The name "{run.name}" was taken while this run trained; its model is in {folder}.') from error
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # only an unfinished run goes on from them
    return model


def _base(run: Run) -> ModelVersion:
    try:
        return ModelVersion.objects.get(name=run.config["base"])
    except ModelVersion.DoesNotExist as error:
        raise JobError(f'The base model "{run.config["base"]}" is no longer registered.') from error
