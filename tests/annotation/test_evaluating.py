"""Pairwise evaluation: stored responses, seven points, straight on to the next item."""

import pytest
from django.test import Client

from annotation import comparing
from annotation.models import Comparison, Preference, Project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)


@pytest.fixture
def client(project: Project) -> Client:
    annotator, client = make_user(), Client()
    project.annotators.add(annotator)
    client.force_login(annotator)
    return client


def judge(client: Client, comparison: Comparison, points: int | str) -> int:
    key = str(comparing.submission_key(comparison))
    address = f"/work/{comparison.project.slug}/judge/{comparison.pk}/"
    return client.post(address, {"verdict": str(points), "submission": key}).status_code


@pytest.mark.parametrize(("dimension", "question"), [("safety", "safer"), ("helpfulness", "more helpful")])
def test_it_asks_for_what_the_project_is_about(client: Client, project: Project, dimension: str, question: str) -> None:
    Project.objects.update(dimension=dimension)
    make_stored_item(project, overlap=1)
    client.post(f"/work/{project.slug}/take/")
    html = client.get(f"/work/{project.slug}/").content.decode()
    assert f"Which answer is {question}?" in html and f">A {question}<" in html


def test_submitting_moves_on_until_all_is_done(client: Client, project: Project) -> None:
    for _ in range(2):
        make_stored_item(project, overlap=3)
    client.post(f"/work/{project.slug}/take/")
    assert "Item 1 of 2" in client.get(f"/work/{project.slug}/").content.decode()
    assert judge(client, Comparison.objects.latest("pk"), 4) == 302
    assert "Item 2 of 2" in client.get(f"/work/{project.slug}/").content.decode()
    assert judge(client, Comparison.objects.latest("pk"), 7) == 302
    assert "You are done here" in client.get(f"/work/{project.slug}/").content.decode()
    assert list(Preference.objects.order_by("pk").values_list("choice", "points", "scale")) == [
        ("tie", 4, 7),
        ("b", 7, 7),
    ]


def test_the_order_is_drawn_for_each_annotator_and_stays(client: Client, project: Project) -> None:
    item = make_stored_item(project, overlap=20)
    orders = set()
    for _ in range(20):
        annotator = make_user()
        place = comparing.take(project, annotator)
        assert place is not None and comparing.take(project, annotator) == place
        comparison = place.comparisons.get()
        assert {comparison.response_a, comparison.response_b} == {item.response_1, item.response_2}
        orders.add(comparison.response_a_id)
    assert len(orders) == 2  # one order alone has a chance of 2 in a million


def test_an_evaluation_has_seven_points_and_no_way_out(client: Client, project: Project) -> None:
    make_stored_item(project, overlap=1)
    client.post(f"/work/{project.slug}/take/")
    comparison = Comparison.objects.get()
    html = client.get(f"/work/{project.slug}/").content.decode()
    assert "7: B much better" in html and "4: About the same" in html and "unusable" not in html
    assert [judge(client, comparison, points) for points in (8, "neither")] == [422, 422]
