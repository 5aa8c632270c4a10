"""How often the database is asked while an annotator submits a pair and gets the next one."""

from typing import Any

import pytest
from django.test import Client

from annotation import comparing
from annotation.models import Comparison, Preference, Project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


def test_a_pair_is_submitted_and_the_next_one_shown_with_few_queries(django_assert_max_num_queries: Any) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    for _ in range(4):
        make_stored_item(project, overlap=1)
    annotator, client = make_user(), Client(headers={"hx-request": "true"})
    project.annotators.add(annotator)
    client.force_login(annotator)
    client.post(f"/work/{project.slug}/take/")
    first = Comparison.objects.get()
    said = {"verdict": "3", "submission": str(comparing.submission_key(first))}
    with django_assert_max_num_queries(50):
        page = client.post(f"/work/{project.slug}/judge/{first.pk}/", said).content.decode()
    assert Preference.objects.get().comparison == first
    assert f"judge-{Comparison.objects.latest('pk').pk}" in page and Comparison.objects.count() == 2
