"""Training runs: the folder is written, the training process launched and followed, its model registered.

The process knows no database (architecture.md): what goes in is config.yaml and data/, what comes out is metrics.jsonl,
report.json and model/. It dies with this process, and goes on from its last checkpoint when the run is executed again.
"""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from annotation.exporting import ExportError
from annotation.models import Project
from modeling.configuration import ConfigError, configure
from modeling.registry.models import ModelVersion, Run
from modeling.training_config import TrainingConfig, save_config
from workers.carrying import JobError, ShouldStop, Stopped
from workers.metrics import Metrics
from workers.preparing import left_out_of, write_data
from workers.processes import launched, process_count, reason_of
from workers.recipes import RECIPES, REFUSAL_CLASSIFIER, REWARD_MODEL, Recipe
from workers.runs import Report
from workers.starting import REWARD_KIND

FOLLOW_EVERY_SECONDS = 0.5


def train(run: Run, should_stop: ShouldStop, report: Report) -> None:
    """Carry out a run of any recipe: train, evaluate, register the model.

    Raises JobError with the reason, and Stopped; the run can be executed again after both.
    """
    if run.output_id:
        return
    models = models_of(run)
    folder = prepare_folder(run, models, report)
    metrics = Metrics(run, folder / "metrics.jsonl")
    what = {0: "starting", 1: "loading the base model"}.get(len(models), "loading the models")
    report(0.0, what)
    with launched(folder, RECIPES[run.kind].module, process_count()) as process:
        while process.poll() is None:
            time.sleep(FOLLOW_EVERY_SECONDS)
            metrics.follow(report)
            if should_stop():
                raise Stopped
    metrics.follow(report)
    if process.returncode != 0:
        raise JobError(reason_of(folder, process.returncode))
    register_output(run, models, folder)
    report(1.0, "trained and registered")


def prepare_folder(run: Run, models: Mapping[str, ModelVersion], report: Report) -> Path:
    """The run's folder with its data and config.yaml; what an earlier attempt wrote stays as it is."""
    folder = folder_of(run)
    if not (folder / "config.yaml").exists():
        report(0.0, "writing the data")
        config = complete_config(RECIPES[run.kind], models, run.config["settings"], folder)
        try:
            digest = write_data(run, folder / "data")
        except ExportError as error:
            raise JobError(f"The data can not be used: {error}.") from error
        Run.objects.filter(pk=run.pk).update(data_digest=digest)
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


def complete_config(
    recipe: Recipe, models: Mapping[str, ModelVersion], chosen: dict[str, Any], folder: Path
) -> TrainingConfig:
    """The shipped settings for a model of the base's size, overridden by the chosen ones; checked. Raises JobError."""
    places = {"run_dir": folder} | {setting: Path(model.path) for setting, model in models.items()}
    try:
        return configure(recipe.config_class(), {**recipe.shipped_for(models.get("base")), **chosen, **places})
    except ConfigError as error:
        raise JobError(f"{error}.") from error


def models_of(run: Run) -> dict[str, ModelVersion]:
    """The models that the run reads, by its settings. Raises JobError where one is gone."""
    names = {setting: run.config[setting] for setting in RECIPES[run.kind].all_models if setting in run.config}
    found = ModelVersion.objects.in_bulk(names.values(), field_name="name")
    for setting, name in names.items():
        if name not in found:
            raise JobError(f'The {setting} model "{name}" is no longer registered.')
    return {setting: found[name] for setting, name in names.items()}


def register_output(run: Run, models: Mapping[str, ModelVersion], folder: Path) -> ModelVersion:
    """The trained model as a new version with its lineage, and the run's closing figures; both or none."""
    figures = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if reasons := left_out_of(folder / "data"):
        figures["left_out"] = reasons
    try:
        with transaction.atomic():
            model = ModelVersion.objects.create(
                name=run.name,
                kind=kind_of_output(run),
                path=str(folder / "model"),
                digest=figures["model_digest"],
                parameters=figures["parameters"],
                licence=models["base"].licence if "base" in models else "",
                description=description_of(run),
                figures=figures,
            )
            model.parents.set(set(models.values()))
            Run.objects.filter(pk=run.pk).update(output=model, report=figures)
    except IntegrityError as error:
        raise JobError(f'The name "{run.name}" was taken while this run trained; its model is in {folder}.') from error
    for checkpoints in (folder / "checkpoints", folder / "sft" / "checkpoints"):  # only an unfinished run needs them
        shutil.rmtree(checkpoints, ignore_errors=True)
    return model


def kind_of_output(run: Run) -> str:
    if RECIPES[run.kind] is REWARD_MODEL:
        return REWARD_KIND[Project.Dimension(run.config["dimension"])]
    if RECIPES[run.kind] is REFUSAL_CLASSIFIER:
        return ModelVersion.Kind.CLASSIFIER
    return ModelVersion.Kind.POLICY


def description_of(run: Run) -> str:
    """One sentence of how the model came about."""
    data = [*run.config.get("projects", []), *run.config.get("open_projects", [])]
    data = data or [Path(name).name for name in run.config.get("files", {}).values()]
    return f"Made by run {run.pk}, {run.get_kind_display()}, on {', '.join(data)}."
