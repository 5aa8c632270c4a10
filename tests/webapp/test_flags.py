"""Flags: raised at the work, read and settled by managers."""

import pytest
from django.test import Client

from annotation import assigning, comparing
from annotation.models import Assignment, Flag, Project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)


@pytest.fixture
def place(client: Client, project: Project) -> Assignment:
    """In the hands of whoever is signed in."""
    annotator = make_user()
    project.annotators.add(annotator)
    make_stored_item(project, overlap=1)
    make_stored_item(project, overlap=1)
    client.force_login(annotator)
    taken = comparing.take(project, annotator)
    assert taken is not None
    return taken


def flag(client: Client, place: Assignment, **fields: str) -> str:
    step = f"judge-{place.comparisons.get().pk}"
    answer = client.post(f"/work/{place.project.slug}/flag/", {"step": step, **fields}, follow=True)
    return answer.content.decode()


def test_an_item_is_flagged_and_worked_on_all_the_same(client: Client, place: Assignment) -> None:
    assert "The managers will read it." in flag(client, place, reason="Answer A is cut off.")
    raised = Flag.objects.get()
    assert (raised.item, raised.annotator, raised.reason) == (place.item, place.annotator, "Answer A is cut off.")
    assert assigning.lease_of(place.project, raised.annotator) == place


def test_an_item_is_flagged_and_passed_on(client: Client, place: Assignment) -> None:
    flag(client, place, reason="A private address.", skip="yes")
    assert place.item.flags.get().reason == place.item.skips.get().reason == "A private address."
    now = assigning.lease_of(place.project, place.item.skips.get().annotator)
    assert now is not None and now.item != place.item


def test_a_flag_needs_a_reason(client: Client, place: Assignment) -> None:
    assert "Say what is wrong with this item" in flag(client, place)
    assert not Flag.objects.exists()


def test_flagging_again_says_it_anew(client: Client, place: Assignment) -> None:
    flag(client, place, reason="Cut off.")
    Flag.objects.update(resolution="No, it is not.", resolved_at="2026-01-01T00:00Z")
    flag(client, place, reason="Cut off after all.")
    raised = Flag.objects.get()
    assert (raised.reason, raised.resolved_at, raised.resolution) == ("Cut off after all.", None, "")


def test_a_manager_settles_a_flag_with_a_note_once(client: Client, place: Assignment, project: Project) -> None:
    flag(client, place, reason="Answer A is <b>cut off</b>.")
    manager, page = make_user("manager"), f"/projects/{project.slug}/flags/"
    client.force_login(manager)
    shown = client.get(page).content.decode()
    assert "Answer A is &lt;b&gt;cut off&lt;/b&gt;." in shown and f"/disputed/{place.item_id}/" in shown
    raised = Flag.objects.get()
    assert client.post(f"{page}{raised.pk}/", {"note": ""}).status_code == 422
    client.post(f"{page}{raised.pk}/", {"note": "Imported again."})
    late = client.post(f"{page}{raised.pk}/", {"note": "Something else."}, follow=True)
    assert "Somebody else has settled this flag already" in late.content.decode()
    raised.refresh_from_db()
    assert (raised.resolution, raised.resolved_by) == ("Imported again.", manager)
    assert "cut off" not in client.get(page).content.decode()
    assert "Imported again." in client.get(page, {"which": "settled"}).content.decode()
