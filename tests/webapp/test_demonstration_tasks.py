"""The demonstration shows all six kinds of work."""

import pytest
from django.test import Client

from annotation.models import Assignment, Project
from tests.factories import make_model, make_user
from webapp import demonstration_tasks

pytestmark = pytest.mark.django_db


def test_each_other_kind_of_work_has_something_to_do() -> None:
    make_user("owner", username="manager")
    anna = make_user(username="anna")
    for name in ("harbour-careful", "harbour-careless"):
        make_model(name)
    for slug in demonstration_tasks.SLUGS:
        demonstration_tasks.make(slug)
    kinds = set(Project.objects.values_list("task_type", flat=True))
    assert kinds == set(Project.TaskType.values) - {Project.TaskType.PREFERENCE}
    client = Client()
    client.force_login(anna)
    listed = client.get("/work/").content.decode()
    for project in Project.objects.all():
        assert project.name in listed
        client.post(f"/work/{project.slug}/take/")
        assert Assignment.objects.filter(item__project=project, annotator=anna).exists(), project
        assert client.get(f"/work/{project.slug}/").status_code == 200
