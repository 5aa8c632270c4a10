"""What one tab sends after another has moved on: nothing is taken for something else, and nothing typed is lost."""

import pytest
from django.test import Client

from annotation.models import Comparison, Project
from tests.annotation.test_work_pages import ask, joined, judge, page, step_on, verdict
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(annotator: User) -> Project:
    return joined(annotator)


def test_another_message_for_the_same_turn_is_refused_and_kept_for_the_next(client: Client, project: Project) -> None:
    judge(client, ask(client, project), 3)
    second = ask(client, project, "And lakes?", turn=2)
    refused = client.post(f"/work/{project.slug}/prompt/", {"prompt": "And rivers?", "turn": 2})
    assert refused.status_code == 409
    html = refused.content.decode()
    assert "You sent another message for this turn already" in html and ">And rivers?</textarea>" in html
    assert ">And rivers?</textarea>" in page(client, project)
    assert Comparison.objects.count() == 2

    address = f"/work/{project.slug}/judge/{second.pk}/"
    assert client.post(address, verdict(second, 3, prompt="And rivers?")).status_code == 302
    html = page(client, project)
    assert "Continue the dialogue" in html and ">And rivers?</textarea>" in html


def test_it_is_kept_when_the_other_tab_has_judged_the_turn_too(client: Client, project: Project) -> None:
    first = ask(client, project)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "And how?", "turn": 1})
    judge(client, first, 3)
    behind = client.post(f"/work/{project.slug}/judge/{first.pk}/", verdict(first, 6, prompt="And how?"))
    assert behind.status_code == 409 and ">And how?</textarea>" in behind.content.decode()


def test_it_is_kept_when_the_turn_is_skipped_or_judged_elsewhere(client: Client, project: Project) -> None:
    ask(client, project)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "And how?", "turn": 1})
    assert client.post(f"/work/{project.slug}/skip/", {"step": step_on(page(client, project))}).status_code == 302
    assert ">And how?</textarea>" in page(client, project)

    first = ask(client, project)
    assert ">And how?</textarea>" not in page(client, project)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "And when?", "turn": 1})
    judge(client, first, 3)  # from the first tab, which knows nothing of it
    assert ">And when?</textarea>" in page(client, project)


def test_the_same_message_sent_twice_is_sent_once(client: Client, project: Project) -> None:
    judge(client, ask(client, project), 3)
    ask(client, project, "And lakes?", turn=2)
    again = client.post(f"/work/{project.slug}/prompt/", {"prompt": "And lakes?", "turn": 2})
    assert again.status_code == 302
    assert Comparison.objects.count() == 2


def test_another_opening_is_refused_and_kept(client: Client, project: Project) -> None:
    ask(client, project, "Why?")
    refused = client.post(f"/work/{project.slug}/prompt/", {"prompt": "And how?", "turn": 1})
    assert refused.status_code == 409 and "You have a dialogue open here already" in refused.content.decode()
    assert ">And how?</textarea>" in page(client, project)
