"""Care for annotators: consent before harmful content, a day's cap, help."""

import pytest
from django.test import Client

from annotation import care
from annotation.gates import gate_of
from annotation.models import Assignment, Project, Standing
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(
        slug="harsh", task_type=Project.TaskType.PAIRWISE_EVALUATION, sensitive=True, help_text="Call **Rosa**."
    )


@pytest.fixture
def anna(client: Client, project: Project) -> User:
    person = make_user()
    project.annotators.add(person)
    client.force_login(person)
    return person


def test_nobody_gets_harmful_content_before_they_opted_in(client: Client, project: Project, anna: User) -> None:
    make_stored_item(project, overlap=1)
    html = client.get("/work/harsh/").content.decode()
    assert "This work holds harmful content" in html and "<strong>Rosa</strong>" in html
    client.post("/work/harsh/take/")
    assert not Assignment.objects.filter(annotator=anna).exists()
    client.post("/work/harsh/consent/")
    client.post("/work/harsh/take/")
    assert Assignment.objects.filter(annotator=anna, status="leased").exists()
    assert 'data-veiled="true"' in client.get("/work/harsh/").content.decode()


def test_who_opts_out_gets_no_more_and_keeps_what_is_in_hand(client: Client, project: Project, anna: User) -> None:
    make_stored_item(project, overlap=1)
    care.consent(project, anna)
    client.post("/work/harsh/take/")
    assert client.post("/work/harsh/consent/withdraw/")["Location"] == "/work/"
    gate = gate_of(project, anna)
    assert gate is not None and gate.name == "consent"
    assert Assignment.objects.filter(annotator=anna, status="leased").exists()
    assert Standing.objects.get().consented_at is None


def test_after_the_days_cap_it_is_enough(client: Client, anna: User) -> None:
    project = make_project(slug="capped", task_type=Project.TaskType.PAIRWISE_EVALUATION, daily_cap=1)
    project.annotators.add(anna)
    make_stored_item(project, overlap=1)
    make_stored_item(project, overlap=1)
    client.post("/work/capped/take/")
    comparison = Assignment.objects.get(annotator=anna, status="leased").comparisons.get()
    page = client.get("/work/capped/")
    fields = {"verdict": "2", "submission": page.context["desk"].submission, "step": page.context["desk"].step}
    client.post(f"/work/capped/judge/{comparison.pk}/", fields)
    assert "That is enough for today" in client.get("/work/capped/").content.decode()
    client.post("/work/capped/take/")
    assert not Assignment.objects.filter(annotator=anna, status="leased").exists()


def test_other_projects_ask_for_no_consent(anna: User) -> None:
    assert gate_of(make_project(), anna) is None
