"""Managers make projects and change them; what is wrong is said, what was typed stays, nothing is half done."""

from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from annotation.batches import open_batch
from annotation.models import Batch, GuidelineVersion, PoolEntry, Project
from modeling.registry.models import ModelVersion
from tests.factories import make_comparison, make_model, make_preference, make_project, make_user
from webapp.dashboards.setting_up import default_guideline, publish_guideline

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(make_user("manager", username="mia"))
    return client


def a_checkpoint(name: str) -> ModelVersion:
    return make_model(name, backend=ModelVersion.Backend.LOCAL, path=f"/models/{name}")


def new_project(**changes: Any) -> dict[str, Any]:
    fields = {
        "name": "Safety, week by week",
        "slug": "",
        "description": "",
        "dimension": "safety",
        "guideline": "",
        "temperatures": "0.7, 1.0",
        "target": "1500",
        "overlap": "1",
        "max_turns": "8",
        "own_prompts": "on",
        "lease_minutes": "60",
    }
    return fields | changes


def test_a_new_project_starts_with_guideline_batch_and_pool(manager: Client) -> None:
    models = [a_checkpoint("small"), a_checkpoint("large")]
    answer = manager.post("/projects/new/", new_project(models=[model.pk for model in models]))
    project = Project.objects.get()
    assert answer["Location"] == f"/projects/{project.slug}/settings/"
    assert project.slug == "safety-week-by-week"
    assert project.created_by is not None
    assert project.created_by.username == "mia"
    assert project.guideline is not None
    assert project.guideline.text == default_guideline(project)
    assert project.open_batch is not None
    assert project.open_batch.number == 1
    variants = sorted((entry.model_version.name, entry.temperature) for entry in project.pool.all())
    assert variants == [("large", 0.7), ("large", 1.0), ("small", 0.7), ("small", 1.0)]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": "Taken"}, "The short name &#x27;taken&#x27; is taken: type another one."),
        ({"slug": "new"}, "The short name &#x27;new&#x27; is taken: type another one."),
        ({"name": "安全"}, "No short name can be made from &#x27;安全&#x27;"),
        ({"temperatures": "0.7; warm"}, "A temperature is a number such as 0.7, got &#x27;0.7;&#x27;."),
        ({"temperatures": "3.5"}, "A temperature must be between 0 and 2, got 3.5."),
        ({"temperatures": "nan"}, "A temperature must be between 0 and 2, got nan."),
        ({"overlap": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"target": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"dimension": "beauty"}, "beauty is not one of the available choices"),
    ],
)
def test_a_wrong_project_is_not_made_and_keeps_what_was_typed(
    manager: Client, changes: dict[str, str], error: str
) -> None:
    make_project(slug="taken")
    page = manager.post("/projects/new/", new_project(description="Typed with care.", **changes))
    assert error in page.content.decode()
    assert "Typed with care." in page.content.decode()
    assert Project.objects.count() == 1


def test_settings_are_saved(manager: Client) -> None:
    project = make_project(slug="here", dimension="helpfulness")
    fields = {"name": "Anew", "dimension": "safety", "overlap": "3", "max_turns": "2", "lease_minutes": "5"}
    manager.post("/projects/here/settings/", fields)
    project.refresh_from_db()
    assert (project.name, project.dimension, project.overlap, project.own_prompts) == ("Anew", "safety", 3, False)


def test_the_dimension_stays_once_there_are_judgements(manager: Client) -> None:
    project = make_project(slug="here", dimension="helpfulness")
    make_preference(make_comparison(project))
    fields = {"name": "Anew", "dimension": "safety", "overlap": "1", "max_turns": "2", "lease_minutes": "5"}
    manager.post("/projects/here/settings/", fields)
    project.refresh_from_db()
    assert (project.name, project.dimension) == ("Anew", "helpfulness")


def test_a_guideline_is_published_as_a_new_version_and_the_old_one_stays(manager: Client) -> None:
    project = make_project(slug="here")
    publish_guideline(project, "Be kind.", None)
    manager.post("/projects/here/settings/guideline/", {"text": "Be kind and brief.\r\n", "based_on": "1"})
    assert list(project.guidelines.values_list("number", "text")) == [(2, "Be kind and brief.\n"), (1, "Be kind.")]


def test_a_guideline_that_says_the_same_is_no_version(manager: Client) -> None:
    publish_guideline(make_project(slug="here"), "Be kind.\n", None)
    page = manager.post("/projects/here/settings/guideline/", {"text": "Be kind.", "based_on": "1"})
    assert "Nothing changed: version 1 already says this." in page.content.decode()
    assert GuidelineVersion.objects.count() == 1


def test_a_guideline_published_meanwhile_is_shown_before_it_is_replaced(manager: Client) -> None:
    project = make_project(slug="here")
    publish_guideline(project, "Be kind.", None)
    publish_guideline(project, "Be strict.", make_user("manager", username="mo"))
    page = manager.post("/projects/here/settings/guideline/", {"text": "Be brief.", "based_on": "1"})
    text = page.content.decode()
    assert "mo published version 2 while you wrote" in text
    assert "Be strict." in text
    assert "Be brief." in text
    assert project.guidelines.count() == 2
    again = page.context["guideline_form"]
    manager.post("/projects/here/settings/guideline/", {"text": "Be brief.", "based_on": again["based_on"].value()})
    assert project.guideline is not None
    assert project.guideline.text == "Be brief.\n"


def test_the_next_batch_closes_the_one_before(manager: Client) -> None:
    project = make_project(slug="here")
    first = open_batch(project)
    manager.post("/projects/here/settings/batches/", {"batch-name": "week 2", "batch-target": "400"})
    first.refresh_from_db()
    assert first.closed_at is not None
    assert project.open_batch is not None
    assert (project.open_batch.number, project.open_batch.name, project.open_batch.target) == (2, "week 2", 400)
    manager.post("/projects/here/settings/batches/2/close/")
    assert project.open_batch is None


def test_the_name_of_a_batch_is_taken_once(manager: Client) -> None:
    project = make_project(slug="here")
    open_batch(project, "week 2")
    page = manager.post("/projects/here/settings/batches/", {"batch-name": "week 2"})
    assert "has a batch &quot;week 2&quot; already" in page.content.decode()
    assert project.batches.get().closed_at is None


@pytest.mark.django_db(transaction=True)
def test_two_managers_at_once_open_two_batches_with_two_numbers() -> None:
    project = make_project()
    start = Barrier(2)

    def opening() -> None:
        start.wait()
        open_batch(project)
        connection.close()

    threads = [Thread(target=opening) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Batch.objects.values_list("number", flat=True)) == [1, 2]
    assert Batch.objects.filter(closed_at=None).count() == 1


def test_a_variant_joins_the_pool_once_and_leaves_it(manager: Client) -> None:
    project, model = make_project(slug="here"), a_checkpoint("small")
    variant = {
        "pool-model_version": model.pk,
        "pool-temperature": "0.5",
        "pool-top_p": "0.9",
        "pool-max_new_tokens": "64",
    }
    manager.post("/projects/here/settings/pool/", variant)
    entry = project.pool.get()
    assert (entry.temperature, entry.top_p, entry.max_new_tokens) == (0.5, 0.9, 64)
    page = manager.post("/projects/here/settings/pool/", variant)
    assert "small at temperature 0.5 and top-p 0.9 is in the pool of Here already" in page.content.decode()
    assert project.pool.count() == 1
    manager.post(f"/projects/here/settings/pool/{entry.pk}/")
    assert project.pool.count() == 0


@pytest.mark.parametrize(("field", "value"), [("temperature", "2.5"), ("top_p", "0"), ("max_new_tokens", "0")])
def test_a_variant_out_of_range_stays_out_and_what_was_typed_stays(manager: Client, field: str, value: str) -> None:
    make_project(slug="here")
    variant = {"model_version": a_checkpoint("small").pk, "temperature": "1.5", "top_p": "0.9", "max_new_tokens": "64"}
    typed = {f"pool-{name}": given for name, given in (variant | {field: value}).items()}
    page = manager.post("/projects/here/settings/pool/", typed)
    assert page.context["pool_form"].errors.keys() == {field}
    assert f'value="{value}"' in page.content.decode()
    assert PoolEntry.objects.count() == 0


def test_a_name_without_a_checkpoint_is_not_offered_to_the_pool(manager: Client) -> None:
    make_project(slug="here")
    named = make_model("only-a-name")
    page = manager.get("/projects/here/settings/")
    assert named not in page.context["pool_form"].fields["model_version"].queryset


def test_people_join_and_leave_a_project(manager: Client) -> None:
    project, ada, bo = make_project(slug="here"), make_user(username="ada"), make_user(username="bo")
    manager.post("/projects/here/settings/annotators/", {"people": [ada.pk, bo.pk]})
    assert set(project.annotators.all()) == {ada, bo}
    manager.post(f"/projects/here/settings/annotators/{ada.pk}/")
    assert set(project.annotators.all()) == {bo}


def test_a_manager_is_not_offered_as_an_annotator(manager: Client) -> None:
    project, other = make_project(slug="here"), make_user("manager")
    page = manager.post("/projects/here/settings/annotators/", {"people": [other.pk]})
    assert page.status_code == 200
    assert project.annotators.count() == 0


def test_an_archived_project_is_off_the_list_and_can_come_back(manager: Client) -> None:
    project = make_project(slug="here")
    manager.post("/projects/here/settings/archive/")
    assert manager.get("/projects/").context["lines"] == []
    assert [line.project for line in manager.get("/projects/", {"archived": "1"}).context["lines"]] == [project]
    manager.post("/projects/here/settings/archive/")
    assert [line.project for line in manager.get("/projects/").context["lines"]] == [project]
