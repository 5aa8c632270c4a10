"""The project's instructions to the models: said before every prompt that brings none, folded on the page."""

import pytest
from django.test import Client

from annotation.models import Comparison, Project, Prompt
from tests.annotation.test_work_pages import ask, joined, judge, page
from tests.factories import make_item, make_prompt
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db

SAID = {"role": "system", "content": "Answer like a pirate."}


@pytest.fixture
def project(annotator: User) -> Project:
    return joined(annotator, system_prompt=" Answer like a pirate.\n")


def test_they_come_before_a_prompt_of_ones_own_and_stay_for_the_dialogue(client: Client, project: Project) -> None:
    first = ask(client, project)
    assert first.prompt.messages == [SAID, {"role": "user", "content": "Why?"}]
    judge(client, first, 1)
    Project.objects.update(system_prompt="Be brief.")
    assert ask(client, project, "And then?", turn=2).prompt.messages[0] == SAID


def test_they_come_before_a_prompt_of_the_set_which_keeps_its_labels(client: Client, project: Project) -> None:
    given = make_prompt(project, "Given?", category="sea", risk_category="other", source="desk")
    item = make_item(project, given)
    client.post(f"/work/{project.slug}/take/")
    asked = Comparison.objects.get().prompt
    assert asked.messages == [SAID, {"role": "user", "content": "Given?"}]
    assert (asked.category, asked.risk_category, asked.source) == ("sea", "other", "desk")
    assert asked.split == given.split and item.prompt == given


def test_a_prompt_with_instructions_of_its_own_keeps_them(client: Client, project: Project) -> None:
    own = [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Given?"}]
    make_item(project, make_prompt(project, messages=own))
    client.post(f"/work/{project.slug}/take/")
    assert Comparison.objects.get().prompt.messages == own
    assert "Rhyme." in page(client, project) and "pirate" not in page(client, project)


def test_without_any_nothing_is_said(client: Client, project: Project) -> None:
    Project.objects.update(system_prompt="")
    assert ask(client, project).prompt.messages == [{"role": "user", "content": "Why?"}]
    assert "Instructions to the models" not in page(client, project)


def test_the_annotator_reads_them_folded_before_and_after_asking(client: Client, project: Project) -> None:
    for _ in range(2):
        html = page(client, project)
        fold = html[html.index("Instructions to the models") - 40 :]
        assert "<details" in fold[:40] and "Answer like a pirate." in fold[:200]
        ask(client, project) if not Comparison.objects.exists() else None
    assert Prompt.objects.count() == 1


def test_sending_the_same_prompt_twice_is_one_dialogue(client: Client, project: Project) -> None:
    for _ in range(2):
        client.post(f"/work/{project.slug}/prompt/", {"prompt": "Why?"})
    assert Comparison.objects.count() == 1
