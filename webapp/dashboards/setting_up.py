"""What a manager does to a project besides editing its fields: make it, publish a guideline."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from annotation.batches import open_batch
from annotation.models import GuidelineVersion, PoolEntry, Project
from modeling.registry.models import ModelVersion

SAMPLED = (Project.TaskType.PREFERENCE, Project.TaskType.RED_TEAM)
"""Kinds of work at which models of a pool answer."""
GUIDELINES = Path(__file__).parent / "guidelines"


def default_guideline(project: Project) -> str:
    """The guideline that a project starts with unless its manager writes another: that of its kind of work and
    dimension, of its kind alone, or of its dimension."""
    names = (f"{project.task_type}_{project.dimension}", project.task_type, project.dimension)
    paths = (GUIDELINES / f"{name}.md" for name in names)
    return next(path for path in paths if path.exists()).read_text(encoding="utf-8")


@transaction.atomic
def create_project(
    project: Project, guideline: str, models: Iterable[ModelVersion], temperatures: Sequence[float], user: Any
) -> Project:
    """Store a new project with its first guideline, its first batch and a pool of every model at every temperature."""
    project.created_by = user
    project.save()
    publish_guideline(project, guideline.strip() or default_guideline(project), user)
    open_batch(project)
    if project.task_type not in SAMPLED:
        return project
    variants = [(model, temperature) for model in models for temperature in temperatures]
    PoolEntry.objects.bulk_create(
        PoolEntry(project=project, model_version=model, temperature=temperature) for model, temperature in variants
    )
    return project


@transaction.atomic
def publish_guideline(project: Project, text: str, user: Any, changes: str = "") -> GuidelineVersion:
    """Store the guideline's next version; the earlier ones stay, for the judgements made under them."""
    latest = _alone(project).guideline
    number = latest.number + 1 if latest else 1
    return GuidelineVersion.objects.create(project=project, number=number, text=text, changes=changes, created_by=user)


def _alone(project: Project) -> Project:
    """The project's row, locked until the transaction ends, so that two managers never number the same."""
    return Project.objects.select_for_update(no_key=True).get(pk=project.pk)
