"""Before a turn is judged: its answers sampled anew, its prompt in other words, within the project's limit."""

import re

import pytest
from django.test import Client

from annotation import comparing, dialogues, exporting
from annotation.models import Comparison, Draft, Preference, Project
from modeling.registry import jobs
from modeling.registry.models import Job
from tests.annotation.answering import answer
from tests.annotation.test_work_pages import ask, joined, judge, page, verdict
from tests.factories import make_item, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(annotator: User) -> Project:
    return joined(annotator, regenerations=2)


def draw_again(client: Client, comparison: Comparison) -> int:
    return client.post(f"/work/{comparison.project.slug}/draw/{comparison.pk}/").status_code


def reword(client: Client, comparison: Comparison, text: str) -> int:
    address = f"/work/{comparison.project.slug}/reword/{comparison.pk}/"
    return client.post(address, {"reworded": text}).status_code


def newest() -> Comparison:
    return Comparison.objects.latest("pk")


def test_two_new_answers_come_to_the_same_prompt_and_the_old_ones_stay_unjudged(
    client: Client, project: Project
) -> None:
    first = ask(client, project)
    assert draw_again(client, first) == 302
    second = newest()
    assert (second.turn, second.regeneration, second.prompt) == (1, 1, first.prompt)
    assert {second.response_a_id, second.response_b_id}.isdisjoint({first.response_a_id, first.response_b_id})
    assert second.status == Job.Status.QUEUED and "being written" in page(client, project)
    answer(second)
    assert judge(client, second, 3) == 302
    assert Preference.objects.get().comparison == second
    assert Comparison.objects.filter(pk=first.pk).exists()
    assert dialogues.redraws(project) == 1


def test_it_is_done_no_more_often_than_the_project_allows(client: Client, project: Project) -> None:
    comparison = ask(client, project)
    assert "2 times more in this turn" in page(client, project)
    for _ in range(2):
        assert draw_again(client, comparison) == 302
        comparison = newest()
        answer(comparison)
    html = page(client, project)
    assert "New answers" not in html and "Edit the prompt" not in html
    assert draw_again(client, comparison) == 422
    assert reword(client, comparison, "Otherwise?") == 422
    assert Comparison.objects.count() == 3


def test_a_project_may_allow_none(client: Client, annotator: User) -> None:
    comparison = ask(client, joined(annotator, regenerations=0))
    assert draw_again(client, comparison) == 422
    assert Comparison.objects.count() == 1


def test_pressing_twice_draws_once(client: Client, project: Project) -> None:
    first = ask(client, project)
    assert [draw_again(client, first), draw_again(client, first)] == [302, 302]
    assert Comparison.objects.count() == 2
    assert draw_again(client, newest()) == 302  # its answers are still to come
    assert Comparison.objects.count() == 2


def test_the_prompt_is_asked_in_other_words(client: Client, project: Project) -> None:
    first = ask(client, project, "Why is the see salty?")
    assert reword(client, first, "Why is the sea salty?") == 302
    second = newest()
    answer(second)
    assert second.prompt.text == "Why is the sea salty?" and second.regeneration == 1
    assert first.assignment is not None
    first.assignment.item.refresh_from_db()
    assert first.assignment.item.prompt == second.prompt
    judge(client, second, 3)
    third = ask(client, project, "And lakes?", turn=2)
    assert [m["content"] for m in third.prompt.messages] == ["Why is the sea salty?", "Answer A.", "And lakes?"]


def test_a_prompt_is_reworded_while_its_answers_are_written_and_those_are_cancelled(
    client: Client, project: Project
) -> None:
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Wyh?"})
    first = newest()
    jobs.claim(Comparison, first.pk)
    assert "Edit the prompt" in page(client, project)
    assert reword(client, first, "Why?") == 302
    first.refresh_from_db()
    assert first.cancel_requested and newest().prompt.text == "Why?"


def test_a_later_turn_is_reworded_and_keeps_what_was_said_before(client: Client, project: Project) -> None:
    judge(client, ask(client, project), 7)
    second = ask(client, project, "And thn?", turn=2)
    assert reword(client, second, "And then?") == 302
    assert [m["content"] for m in newest().prompt.messages] == ["Why?", "Answer B.", "And then?"]
    assert (newest().turn, newest().regeneration) == (2, 1)


def test_a_prompt_of_the_set_gets_new_answers_and_no_other_words(client: Client, project: Project) -> None:
    make_item(project, make_prompt(project, "Given prompt?"))
    client.post(f"/work/{project.slug}/take/")
    given = newest()
    answer(given)
    html = page(client, project)
    assert "New answers" in html and "Edit the prompt" not in html
    assert reword(client, given, "Mine?") == 409
    assert draw_again(client, given) == 302
    assert newest().prompt.text == "Given prompt?"


def test_what_was_replaced_is_not_judged_from_another_tab(client: Client, project: Project) -> None:
    first = ask(client, project)
    draw_again(client, first)
    refused = client.post(f"/work/{project.slug}/judge/{first.pk}/", verdict(first, 3))
    assert refused.status_code == 409 and "replaced by new ones" in refused.content.decode()
    assert not Preference.objects.exists()


def test_what_is_judged_is_not_replaced(client: Client, project: Project) -> None:
    first = ask(client, project)
    judge(client, first, 3)
    assert [draw_again(client, first), reword(client, first, "Else?")] == [409, 409]
    assert Comparison.objects.count() == 1


def test_nobody_draws_or_rewords_for_another(client: Client, project: Project) -> None:
    comparison, somebody, other = ask(client, project), Client(), make_user()
    project.annotators.add(other)
    somebody.force_login(other)
    assert [draw_again(somebody, comparison), reword(somebody, comparison, "Mine?")] == [409, 409]


def test_other_words_that_are_refused_are_kept(client: Client, project: Project) -> None:
    comparison = ask(client, project)
    for text, reason in (("  ", "Write a prompt first"), ("x" * 8001, "at most 8,000 characters")):
        refused = client.post(f"/work/{project.slug}/reword/{comparison.pk}/", {"reworded": text})
        assert refused.status_code == 422 and reason in refused.content.decode()
    assert "x" * 8001 in refused.content.decode() and re.search(r'<details class="way" open', refused.content.decode())


def test_other_words_are_drafted_and_the_draft_goes_when_they_are_asked(client: Client, project: Project) -> None:
    comparison = ask(client, project, "Line one\nline two")
    step = f"judge-{comparison.pk}"
    client.post(f"/work/{project.slug}/draft/", {"step": step, "reworded": "Line one\r\nline two"})
    assert '<details class="way" open' not in page(client, project)  # the same words, as a browser sends them
    client.post(f"/work/{project.slug}/draft/", {"step": step, "reworded": "Half a thou"})
    html = page(client, project)
    assert '<details class="way" open' in html and ">Half a thou</textarea>" in html
    reword(client, comparison, "Half a thought")
    assert not Draft.objects.exists()


def test_a_reworded_prompt_that_fails_goes_back_to_the_answers_before(client: Client, project: Project) -> None:
    first = ask(client, project, "Short?")
    reword(client, first, "Far too long?")
    Comparison.objects.filter(pk=newest().pk).update(status=Job.Status.FAILED, error="too long")
    client.post(f"/work/{project.slug}/edit/{newest().pk}/")
    html = page(client, project)
    assert "Answer A." in html and '<details class="way" open' in html and ">Far too long?</textarea>" in html
    assert newest() == first and judge(client, first, 2) == 302


def test_an_export_does_not_take_what_was_replaced_for_unfinished_work(client: Client, project: Project) -> None:
    first = ask(client, project)
    draw_again(client, first)
    answer(newest(), a="One.", b="Two.")
    comparing.judge(newest(), project.annotators.get(), comparing.Judgement(1, 8))
    counts = exporting.Counts()
    assert len(list(exporting.rows_of(project, exporting.Selection(), counts, frozenset()))) == 1
    assert counts.left_out == {}
