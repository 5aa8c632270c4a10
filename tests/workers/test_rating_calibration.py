"""What people say about the quality of answers reaches the reward models that are trained beside it."""

import json
from pathlib import Path

import pytest

from annotation.models import Assignment, Project, Rating, Response
from tests.factories import make_item, make_project, make_prompt, make_user
from workers.preparing import write_ratings

pytestmark = pytest.mark.django_db


def rated(project: Project, text: str, *points: int, scale: int = 7) -> None:
    prompt = make_prompt(project, f"Question of {text}")
    response = Response.objects.create(prompt=prompt, text=text)
    item = make_item(project, prompt, overlap=len(points), response_1=response)
    for place, given in zip(item.assignments.all(), points, strict=True):
        Assignment.objects.filter(pk=place.pk).update(status="submitted", annotator=make_user())
        Rating.objects.create(assignment=place, response=response, points=given, scale=scale)


def test_each_answer_comes_with_the_median_of_its_raters(tmp_path: Path) -> None:
    from modeling.calibration import read_ratings

    project = make_project(task_type=Project.TaskType.QUALITY_RATING)
    rated(project, "Three raters.", 2, 7, 6)
    rated(project, "Two raters.", 3, 6)
    rated(project, "Another scale.", 3, scale=5)
    rated(make_project(task_type=Project.TaskType.SAFETY_RATING), "Not its quality.", 5, scale=5)
    Rating.objects.filter(points=2).update(current=False)  # rejected by a reviewer
    write_ratings(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "ratings.jsonl").read_text().splitlines()]
    assert [(line["answer"], line["rating"]) for line in lines] == [("Three raters.", 6), ("Two raters.", 3)]
    assert [each.rating for each in read_ratings(tmp_path / "ratings.jsonl")] == [6, 3]


def test_without_ratings_there_is_no_file(tmp_path: Path) -> None:
    write_ratings(tmp_path)
    assert not list(tmp_path.iterdir())
