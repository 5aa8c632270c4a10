"""Many annotators at once: no place twice, no item over its overlap, none forgotten. On SQLite and PostgreSQL."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotation import assigning, comparing, dialogues, drafts
from annotation.comparing import AlreadyJudgedError, Judgement
from annotation.models import Assignment, Comparison, Dialogue, Draft, Item, Preference, Project
from tests.annotation.test_assigning import make_live_project
from tests.factories import make_item, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def all_at_once(*deeds: Callable[[], object]) -> list[object]:
    """Run the deeds in threads that start together; what each returned or raised."""
    barrier, results = threading.Barrier(len(deeds)), list[object]()

    def carry_out(deed: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results.append(deed())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=carry_out, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def make_stored_item(project: Project, overlap: int) -> Item:
    prompt = make_prompt(project)
    one, other = (prompt.responses.create(text=text) for text in ("One.", "Other."))
    return make_item(project, prompt, overlap=overlap, response_1=one, response_2=other)


def test_twenty_four_annotators_fill_every_place_exactly_once() -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)
    items = [make_stored_item(project, overlap=3) for _ in range(5)]
    people = [make_user() for _ in range(24)]

    def work(annotator: User) -> int:
        count = 0
        while place := comparing.take(project, annotator):
            comparison = place.comparisons.get()
            comparing.judge(comparison, annotator, Judgement(4, 7))
            count += 1
        return count

    counts = all_at_once(*(lambda annotator=annotator: work(annotator) for annotator in people))
    assert all(isinstance(count, int) for count in counts), counts
    assert sum(count for count in counts if isinstance(count, int)) == 15
    for item in items:
        places = item.assignments.all()
        assert {place.status for place in places} == {Assignment.Status.SUBMITTED}
        assert len({place.annotator_id for place in places}) == len(places) == 3
    judged = Counter(Preference.objects.values_list("comparison__assignment", flat=True))
    assert set(judged.values()) == {1} and len(judged) == 15


def test_expired_places_are_handed_on_once_under_a_rush() -> None:
    project = make_project(overlap=2)
    for _ in range(4):
        make_item(project)
    for annotator in [make_user() for _ in range(8)]:
        assigning.claim_next(project, annotator)
    Assignment.objects.update(leased_until=timezone.now())
    people = [make_user() for _ in range(20)]
    given = all_at_once(*(lambda person=person: assigning.claim_next(project, person) for person in people))
    places = [place for place in given if isinstance(place, Assignment)]
    assert len({place.pk for place in places}) == len(places)
    # A claim that finds the expired places still locked by another's sweep may come away empty; none is lost.
    for person in people:
        assigning.claim_next(project, person)
    assert Assignment.objects.filter(status=Assignment.Status.LEASED, annotator__in=people).count() == 8
    assert Assignment.objects.count() == 8


def test_two_tabs_of_one_annotator_share_one_place() -> None:
    project, annotator = make_project(), make_user()
    for _ in range(6):
        make_item(project)
    places = all_at_once(*[lambda: assigning.claim_next(project, annotator)] * 20)
    assert len({place.pk for place in places if isinstance(place, Assignment)}) == 1, places
    assert Assignment.objects.filter(status=Assignment.Status.LEASED).count() == 1


def test_a_prompt_sent_twenty_times_at_once_opens_one_dialogue() -> None:
    project, annotator = make_live_project(), make_user()
    answers = all_at_once(*[lambda: dialogues.start(project, annotator, "Hello?")] * 20)
    assert {answer.pk for answer in answers if isinstance(answer, Comparison)} == {Comparison.objects.get().pk}
    assert len(answers) == 20 and Dialogue.objects.count() == 1


def test_twenty_submissions_of_one_judgement_are_one() -> None:
    project, annotator = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION), make_user()
    make_stored_item(project, overlap=1)
    place = comparing.take(project, annotator)
    assert place is not None
    comparison = place.comparisons.get()
    same = [lambda: comparing.judge(comparison, annotator, Judgement(3, 7))] * 20
    results = all_at_once(*same)
    assert {result.pk for result in results if isinstance(result, Preference)} == {Preference.objects.get().pk}
    assert len([result for result in results if isinstance(result, Preference)]) == 20, results
    with pytest.raises(AlreadyJudgedError):
        comparing.judge(comparison, annotator, Judgement(5, 7))


def test_a_draft_saved_while_its_prompt_is_sent_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    project, annotator = make_live_project(), make_user()
    project.annotators.add(annotator)
    checked, save = threading.Event(), drafts.save

    def save_late(*args: Any) -> None:
        checked.set()  # the step was found to be the right one
        time.sleep(0.3)
        save(*args)

    def autosave() -> None:
        post("draft", {"step": "prompt", "prompt": "Hello?"})

    def send() -> None:
        checked.wait()
        post("prompt", {"prompt": "Hello?"})

    def post(deed: str, fields: dict[str, str]) -> None:
        client = Client()
        client.force_login(annotator)
        client.post(f"/work/{project.slug}/{deed}/", fields)

    monkeypatch.setattr(drafts, "save", save_late)
    all_at_once(autosave, send)
    assert Comparison.objects.get().prompt.text == "Hello?"
    assert not Draft.objects.exists()
