"""Who gets which place: leases, skips and what happens to work that is left alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import assigning, comparing, dialogues
from annotation.comparing import Judgement
from annotation.models import Assignment, Comparison, Dialogue, Item, Preference, Project
from modeling.registry.models import Job
from tests.annotation.answering import answer
from tests.factories import make_item, make_model, make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


def make_live_project(**fields: object) -> Project:
    """A preference project whose pool has two models."""
    project = make_project(**fields)
    for temperature in (0.3, 0.9):
        project.pool.create(model_version=make_model(), temperature=temperature)
    return project


def let_expire(place: Assignment) -> None:
    Assignment.objects.filter(pk=place.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def judge_turn(place: Assignment, annotator: User, points: int = 2) -> Preference:
    comparison = place.comparisons.latest("turn")
    answer(comparison)
    comparison.refresh_from_db()
    return comparing.judge(comparison, annotator, Judgement(points, 8))


def test_the_oldest_item_comes_first_and_is_leased() -> None:
    project, annotator = make_project(lease_minutes=30), make_user()
    first, _ = make_item(project), make_item(project)
    place = assigning.claim_next(project, annotator)
    assert place is not None and place.item == first
    assert place.status == Assignment.Status.LEASED and place.annotator == annotator
    assert place.leased_until is not None
    assert timedelta(minutes=29) < place.leased_until - timezone.now() <= timedelta(minutes=30)


def test_claiming_again_gives_the_place_in_hand() -> None:
    project, annotator = make_project(), make_user()
    make_item(project), make_item(project)
    assert assigning.claim_next(project, annotator) == assigning.claim_next(project, annotator)
    assert Assignment.objects.filter(status=Assignment.Status.LEASED).count() == 1


def test_one_annotator_never_gets_two_places_of_an_item() -> None:
    project, annotator = make_project(overlap=3), make_user()
    make_item(project)
    place = assigning.claim_next(project, annotator)
    assert place is not None
    assigning.complete(place)
    assert assigning.claim_next(project, annotator) is None
    assert assigning.claim_next(project, make_user()) is not None


def test_a_skipped_item_goes_to_others_and_never_comes_back() -> None:
    project, annotator, other = make_project(), make_user(), make_user()
    item = make_item(project)
    place = assigning.claim_next(project, annotator)
    assert place is not None
    assigning.skip(place, annotator, "too long")
    assert assigning.claim_next(project, annotator) is None
    retaken = assigning.claim_next(project, other)
    assert retaken is not None and retaken.item == item
    assert item.skips.get().reason == "too long"


def test_work_left_alone_goes_to_the_next_annotator() -> None:
    project, annotator, other = make_project(), make_user(), make_user()
    make_item(project)
    place = assigning.claim_next(project, annotator)
    assert place is not None
    assert assigning.claim_next(project, other) is None
    let_expire(place)
    assert assigning.claim_next(project, other) == place
    with pytest.raises(assigning.LeaseLostError):
        assigning.skip(place, annotator, "")


def test_whoever_comes_back_late_keeps_what_nobody_asked_for() -> None:
    project, annotator = make_project(), make_user()
    make_item(project)
    place = assigning.claim_next(project, annotator)
    assert place is not None
    let_expire(place)
    again = assigning.claim_next(project, annotator)
    assert again == place
    again.refresh_from_db()
    assert again.leased_until is not None and again.leased_until > timezone.now()


def test_an_abandoned_dialogue_without_a_judgement_gives_its_place_back() -> None:
    project, annotator, other = make_live_project(), make_user(), make_user()
    item = make_item(project)
    place = dialogues.take(project, annotator)
    assert place is not None
    answer(place.comparisons.get())
    let_expire(place)
    retaken = dialogues.take(project, other)
    assert retaken == place and retaken.item == item
    assert Comparison.objects.get().annotator == other
    assert Dialogue.objects.get().annotator == other
    assert item.assignments.count() == 1


def test_waiting_for_a_slow_worker_is_not_leaving_alone() -> None:
    project, annotator, other = make_live_project(), make_user(), make_user()
    make_item(project)
    place = dialogues.take(project, annotator)
    assert place is not None
    let_expire(place)
    assert dialogues.take(project, other) is None
    comparison = place.comparisons.get()
    answer(comparison)
    comparison.refresh_from_db()
    comparing.show(comparison)
    assert dialogues.take(project, other) is None


def test_an_abandoned_dialogue_with_a_judged_turn_is_kept_as_complete() -> None:
    project, annotator, other = make_live_project(), make_user(), make_user()
    item = make_item(project)
    place = dialogues.take(project, annotator)
    assert place is not None
    judge_turn(place, annotator)
    answer(dialogues.continue_with(place, annotator, 2, "And then?"))
    let_expire(place)
    assert dialogues.take(project, other) is None
    place.refresh_from_db()
    assert place.status == Assignment.Status.SUBMITTED and place.annotator == annotator
    assert place.dialogue.ended_at is not None
    assert Preference.objects.count() == 1
    assert item.assignments.count() == 1


def test_an_own_prompt_is_an_item_with_one_place() -> None:
    project, annotator = make_live_project(overlap=3), make_user()
    comparison = dialogues.start(project, annotator, "Why is the sea salty?")
    item = Item.objects.get()
    assert item.prompt == comparison.prompt and comparison.prompt.author == annotator
    assert item.assignments.get().annotator == annotator


@pytest.mark.parametrize("left", ["ended", "skipped", "expired"])
def test_an_abandoned_prompt_of_ones_own_is_offered_to_nobody(left: str) -> None:
    project, annotator, other = make_live_project(), make_user(), make_user()
    comparison = dialogues.start(project, annotator, "My private words.")
    place = comparison.assignment
    assert place is not None
    if left == "ended":
        dialogues.end(place, annotator)
    elif left == "skipped":
        assigning.skip(place, annotator, "too private")
    else:
        answer(comparison)
        let_expire(place)
    for person in (other, annotator):
        if left != "expired" or person == other:
            assert dialogues.take(project, person) is None
    assert not Item.objects.exists()
    with pytest.raises(assigning.LeaseLostError):
        assigning.skip(place, annotator, "")


def test_an_own_prompt_with_a_judged_turn_stays_when_it_is_left() -> None:
    project, annotator = make_live_project(), make_user()
    place = dialogues.start(project, annotator, "Why is the sea salty?").assignment
    assert place is not None
    judge_turn(place, annotator)
    dialogues.end(place, annotator)
    assert Item.objects.get().assignments.get().status == Assignment.Status.SUBMITTED


def test_the_same_prompt_sent_twice_opens_one_dialogue() -> None:
    project, annotator = make_live_project(), make_user()
    assert dialogues.start(project, annotator, "Hello?") == dialogues.start(project, annotator, "Hello?")
    with pytest.raises(dialogues.DialogueOpenError):
        dialogues.start(project, annotator, "Something else?")
    assert Dialogue.objects.count() == 1


def test_nothing_is_left_behind_when_the_pool_is_too_small() -> None:
    project, annotator = make_project(), make_user()
    project.pool.create(model_version=make_model())
    make_item(project)
    with pytest.raises(dialogues.PoolTooSmallError):
        dialogues.take(project, annotator)
    with pytest.raises(dialogues.PoolTooSmallError):
        dialogues.start(project, annotator, "Hello?")
    assert Item.objects.count() == 1
    assert Assignment.objects.get().status == Assignment.Status.OPEN


@pytest.mark.parametrize("leave", [dialogues.end, lambda place, annotator: assigning.skip(place, annotator, "")])
def test_leaving_stops_the_answers_that_nobody_will_read(leave: Callable[[Assignment, User], None]) -> None:
    project, annotator = make_live_project(), make_user()
    make_item(project)
    place = dialogues.take(project, annotator)
    assert place is not None
    judge_turn(place, annotator)
    second = dialogues.continue_with(place, annotator, 2, "And then?")
    leave(place, annotator)
    second.refresh_from_db()
    assert second.status == Job.Status.CANCELLED
    place.refresh_from_db()
    assert place.status == Assignment.Status.SUBMITTED
