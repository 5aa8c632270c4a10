"""Whose session is over comes back to the same place, with the text."""

import pytest
from django.test import Client

from annotation.models import Comparison, Project
from tests.annotation.test_assigning import make_live_project
from tests.factories import make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def annotator() -> User:
    return make_user()


@pytest.fixture
def project(annotator: User) -> Project:
    project = make_live_project()
    project.annotators.add(annotator)
    return project


def sign_in(client: Client, person: User, back: str) -> None:
    fields = {"username": person.username, "password": "correct horse", "next": back}
    assert client.post("/sign-in/", fields)["Location"] == back


@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}], ids=["a plain form", "htmx"])
def test_what_was_sent_after_the_session_ended_is_there_again(
    client: Client, annotator: User, project: Project, headers: dict[str, str]
) -> None:
    page = f"/work/{project.slug}/"
    client.force_login(annotator)
    client.get(page)
    client.session.delete()
    answer = client.post(f"{page}prompt/", {"step": "prompt", "prompt": "A long-wrought question?"}, headers=headers)
    assert answer["Location"] == f"/sign-in/?next=%2Fwork%2F{project.slug}%2F"
    sign_in(client, annotator, page)
    shown = client.get(page).content.decode()
    assert "A long-wrought question?" in shown and "What you had sent was not submitted" in shown
    assert not Comparison.objects.exists()
    assert "What you had sent was not submitted" not in client.get(page).content.decode()


def test_nobody_else_is_shown_what_was_sent(client: Client, annotator: User, project: Project) -> None:
    other, page = make_user(), f"/work/{project.slug}/"
    project.annotators.add(other)
    client.force_login(annotator)
    client.get(page)
    client.session.delete()
    client.post(f"{page}prompt/", {"step": "prompt", "prompt": "My private words."})
    sign_in(client, other, page)
    assert "My private words." not in client.get(page).content.decode()
    client.force_login(annotator)
    assert "My private words." not in client.get(page).content.decode()


def test_strangers_leave_nothing(client: Client, project: Project) -> None:
    client.post(f"/work/{project.slug}/prompt/", {"step": "prompt", "prompt": "Spam."})
    assert "typed" not in client.session


def test_other_pages_ask_to_sign_in_as_ever(client: Client, project: Project) -> None:
    assert client.post("/projects/new/", {})["Location"] == "/sign-in/?next=/projects/new/"
    assert client.get(f"/work/{project.slug}/")["Location"] == f"/sign-in/?next=/work/{project.slug}/"
