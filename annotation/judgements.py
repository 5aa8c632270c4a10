"""The judgements of a project or a place, whatever the kind of work."""

from typing import Any

from django.db.models import QuerySet

from annotation.models import Assignment, Demonstration, Preference, Project, Rating, RedTeamAttempt

TaskType = Project.TaskType
MODELS: dict[str, Any] = {
    TaskType.PREFERENCE: Preference,
    TaskType.DEMONSTRATION: Demonstration,
    TaskType.RED_TEAM: RedTeamAttempt,
    TaskType.PAIRWISE_EVALUATION: Preference,
    TaskType.SAFETY_RATING: Rating,
    TaskType.QUALITY_RATING: Rating,
}
Judgements = QuerySet[Any]
"""Rows of one of MODELS."""


def place_of(project: Project) -> str:
    """The lookup that leads from a judgement of this project to its place."""
    return "comparison__assignment" if MODELS[project.task_type] is Preference else "assignment"


def judgements_in(project: Project) -> Judgements:
    """The counting judgements of a project; imported ones, which have no place, only among preferences."""
    rows = MODELS[project.task_type]._default_manager.filter(current=True)
    if MODELS[project.task_type] is Preference:
        return rows.filter(comparison__project=project)
    return rows.filter(assignment__item__project=project)


def judgements_of(project: Project, item_id: int) -> Judgements:
    """Every revision of what was said about one of its items, by anybody."""
    return MODELS[project.task_type]._default_manager.filter(**{f"{place_of(project)}__item": item_id})


def judgements_at(place: Assignment) -> Judgements:
    """Every revision of what was said at a place, turn by turn, oldest first."""
    project = place.item.project
    rows = MODELS[project.task_type]._default_manager.filter(**{place_of(project): place.pk})
    if MODELS[project.task_type] is Preference:
        return rows.select_related("comparison", "guideline").order_by("comparison__turn", "revision")
    return rows.select_related("guideline").order_by("revision")
