"""Rated answers for tests."""

from annotation.models import Assignment, Item, Project, Prompt, Rating, Response
from modeling.registry.models import ModelVersion
from tests.factories import make_item, make_project, make_user


def rating_project(slug: str = "ratings", **fields: object) -> Project:
    return make_project(slug=slug, task_type=Project.TaskType.SAFETY_RATING, dimension="safety", **fields)


def rated(project: Project, prompt: Prompt, model: ModelVersion | None, *points: int) -> Item:
    """An answer to a stored prompt, and what its raters gave it."""
    response = Response.objects.create(prompt=prompt, text="Well ...", model_version=model)
    item = make_item(project, prompt, response_1=response)
    item.assignments.all().delete()
    for given in points:
        place = Assignment.objects.create(item=item, status="submitted", annotator=make_user())
        Rating.objects.create(assignment=place, response=response, points=given, scale=project.scale)
    return item
