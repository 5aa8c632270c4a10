"""A prompt that could not be answered goes back into the box."""

import pytest
from django.test import Client

from annotation.models import Comparison, Project
from modeling.registry.models import Job
from tests.annotation.test_work_pages import ask, joined, judge, page
from tests.factories import make_item, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(annotator: User) -> Project:
    return joined(annotator)


def send_in_vain(client: Client, project: Project, text: str, turn: int = 1) -> Comparison:
    client.post(f"/work/{project.slug}/prompt/", {"prompt": text, "turn": turn})
    return fail(Comparison.objects.latest("pk"))


def fail(comparison: Comparison) -> Comparison:
    Comparison.objects.filter(pk=comparison.pk).update(status=Job.Status.FAILED, error="The conversation is too long.")
    return comparison


def edit(client: Client, comparison: Comparison) -> int:
    return client.post(f"/work/{comparison.project.slug}/edit/{comparison.pk}/").status_code


def test_an_opening_is_edited_and_sent_as_if_for_the_first_time(client: Client, project: Project) -> None:
    failed = send_in_vain(client, project, "Far too long?")
    assert "Edit the prompt" in page(client, project)
    assert edit(client, failed) == 302
    html = page(client, project)
    assert "Write a prompt" in html and ">Far too long?</textarea>" in html
    assert not Comparison.objects.exists() and not project.items.exists()
    assert ask(client, project, "Short?").prompt.text == "Short?"


def test_a_later_turn_is_edited_and_the_dialogue_stays(client: Client, project: Project) -> None:
    first = ask(client, project)
    judge(client, first, 3)
    assert edit(client, send_in_vain(client, project, "Far too long?", turn=2)) == 302
    html = page(client, project)
    assert "Continue the dialogue" in html and ">Far too long?</textarea>" in html
    second = ask(client, project, "Short?", turn=2)
    assert second.dialogue == first.dialogue and first.preferences.count() == 1


def test_a_prompt_of_the_set_is_not_edited(client: Client, project: Project) -> None:
    make_item(project, make_prompt(project, "Given prompt?"))
    client.post(f"/work/{project.slug}/take/")
    failed = fail(Comparison.objects.get())
    html = page(client, project)
    assert "Edit the prompt" not in html and "Skip this one" in html and "Try again" in html
    assert edit(client, failed) == 409
    assert Comparison.objects.get() == failed


def test_answers_that_are_asked_for_anew_are_not_withdrawn(client: Client, project: Project) -> None:
    comparison = send_in_vain(client, project, "Why?")
    client.post(f"/work/{project.slug}/again/{comparison.pk}/")
    assert edit(client, comparison) == 409
    assert Comparison.objects.get().status == Job.Status.QUEUED


def test_nobody_withdraws_anothers_prompt(client: Client, project: Project) -> None:
    failed, somebody = send_in_vain(client, project, "Why?"), Client()
    other = make_user()
    project.annotators.add(other)
    somebody.force_login(other)
    assert edit(somebody, failed) == 409
    assert Comparison.objects.get() == failed
