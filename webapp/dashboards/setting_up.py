"""What a manager does to a project besides editing its fields: make it, publish a guideline."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from annotation.batches import open_batch
from annotation.models import GuidelineVersion, PoolEntry, Project
from modeling.registry.models import ModelVersion

GUIDELINES = Path(__file__).parent / "guidelines"


def default_guideline(dimension: str) -> str:
    """The guideline that a project starts with unless its manager writes another."""
    return (GUIDELINES / f"{dimension}.md").read_text(encoding="utf-8")


@transaction.atomic
def create_project(
    project: Project, guideline: str, models: Iterable[ModelVersion], temperatures: Sequence[float], user: Any
) -> Project:
    """Store a new project with its first guideline, its first batch and a pool of every model at every temperature."""
    project.created_by = user
    project.save()
    publish_guideline(project, guideline.strip() or default_guideline(project.dimension), user)
    open_batch(project)
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
