"""Whoever reviews and annotates in one project reads nobody's answer before their own."""

import pytest
from django.test import Client

from annotation import assigning, comparing, reviewing
from annotation.comparing import Judgement
from annotation.models import Assignment, Item, Project, Skip
from annotation.reviewing import ReviewError
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)


@pytest.fixture
def both(project: Project) -> User:
    """Reviews, and works in the project."""
    person = make_user("reviewer")
    project.annotators.add(person)
    return person


@pytest.fixture
def place(project: Project) -> Assignment:
    """The one item's first place, judged by somebody else."""
    make_stored_item(project, overlap=2)
    somebody = make_user()
    taken = comparing.take(project, somebody)
    assert taken
    comparing.judge(taken.comparisons.get(), somebody, Judgement(2, 7))
    taken.refresh_from_db()
    return taken


def test_others_answers_stay_hidden_until_ones_own(project: Project, both: User, place: Assignment) -> None:
    client = Client()
    client.force_login(both)
    address = f"/projects/pairs/reviews/{place.pk}/"
    for hidden in (address, f"/projects/pairs/disputed/{place.item_id}/"):
        html = client.get(hidden).content.decode()
        assert "You may be asked about this item yourself" in html and "A better" not in html
    assert client.post(address, {"verdict": "approved", "note": ""}).status_code == 200
    assert not place.reviews.exists()

    own = comparing.take(project, both)
    assert own and own.item == place.item
    assert "You may be asked" in client.get(address).content.decode()
    comparing.judge(own.comparisons.get(), both, Judgement(6, 7))
    assert "A better" in client.get(address).content.decode()


def test_whoever_gives_up_judging_reads_on(project: Project, both: User, place: Assignment) -> None:
    client = Client()
    client.force_login(both)
    address = f"/projects/pairs/reviews/{place.pk}/"
    assert client.post(address, {"renounce": "yes"})["Location"] == address
    assert "A better" in client.get(address).content.decode()
    assert comparing.take(project, both) is None
    assert Skip.objects.get().annotator == both


def test_what_is_held_ready_is_given_back_and_what_is_in_hand_is_not(
    project: Project, both: User, place: Assignment
) -> None:
    item = Item.objects.get()
    assert assigning.reserve_next(project, both)
    reviewing.renounce(item, both)
    assert sorted(item.assignments.values_list("status", flat=True)) == ["open", "submitted"]
    Skip.objects.all().delete()
    comparing.take(project, both)
    with pytest.raises(ReviewError, match="in hand"):
        reviewing.renounce(item, both)


def test_a_reviewed_or_settled_item_is_not_given_to_its_reviewer(
    project: Project, both: User, place: Assignment
) -> None:
    reviewing.review(place, both, "approved")
    assert comparing.take(project, both) is None
    make_stored_item(project, overlap=2)
    reviewing.adjudicate(Item.objects.latest("pk"), both, 4)
    assert comparing.take(project, both) is None
    assert comparing.take(project, make_user()) is not None


def test_a_reviewer_who_does_not_annotate_reads_at_once(project: Project, place: Assignment) -> None:
    client = Client()
    client.force_login(make_user("reviewer"))
    assert "A better" in client.get(f"/projects/pairs/reviews/{place.pk}/").content.decode()
