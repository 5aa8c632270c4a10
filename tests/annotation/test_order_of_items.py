"""Which open item comes next: priorities, everybody's own order, nobody's own words, and the one held ready."""

import pytest
from django.test import Client
from django.utils import timezone

from annotation import assigning, dialogues
from annotation.models import Assignment, Comparison, Demonstration, Item, Project
from modeling.registry.models import Job
from tests.annotation.answering import answer
from tests.annotation.test_assigning import let_expire, make_live_project
from tests.factories import make_item, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
Status = Assignment.Status


def order_of(project: Project, annotator: User) -> list[int]:
    """The items as this annotator meets them."""
    met = []
    while place := assigning.claim_next(project, annotator):
        met.append(place.item_id)
        assigning.complete(place)
    return met


def test_a_higher_priority_comes_first() -> None:
    project = make_project()
    items = [make_item(project) for _ in range(4)]
    assert assigning.prioritise(Item.objects.filter(pk__in=[items[2].pk, items[3].pk]), 5) == 2
    assigning.prioritise(Item.objects.filter(pk=items[3].pk), 7)
    assert order_of(project, make_user()) == [items[index].pk for index in (3, 2, 0, 1)]


@pytest.mark.parametrize("priorities", [(0,) * 12, (0, 1) * 6])
def test_everybody_meets_all_items_in_a_random_order_of_their_own(priorities: tuple[int, ...]) -> None:
    project = make_project(overlap=4, random_order=True)
    items = [make_item(project, priority=priority) for priority in priorities]
    orders = [order_of(project, make_user()) for _ in range(4)]
    for order in orders:
        assert sorted(order) == sorted(item.pk for item in items)
        met = [items[[item.pk for item in items].index(pk)].priority for pk in order]
        assert met == sorted(priorities, reverse=True)
    assert len({tuple(order) for order in orders}) > 1


def test_the_order_of_one_annotator_is_stable() -> None:
    project, annotator = make_project(random_order=True), make_user()
    for _ in range(8):
        make_item(project)
    first = assigning.claim_next(project, annotator)
    for _ in range(3):
        again = assigning.claim_next(project, annotator)
        assert first is not None and again == first
        assigning.let_go(again)


def test_nobody_judges_an_item_about_their_own_prompt() -> None:
    writer, other = make_user(), make_user()
    words = "Where does the wind come from?"
    make_prompt(make_project(), words, author=writer, source="annotator")
    evaluation = make_project()
    make_item(evaluation, make_prompt(evaluation, words))
    assert assigning.claim_next(evaluation, writer) is None
    assert assigning.count_waiting(evaluation, writer) == 0
    assert assigning.claim_next(evaluation, other) is not None


def test_whoever_only_imported_a_prompt_may_judge_it() -> None:
    manager, project = make_user("manager"), make_project()
    make_item(project, make_prompt(project, author=manager, source="mt-bench"))
    assert assigning.claim_next(project, manager) is not None


def test_nobody_judges_an_item_that_they_demonstrated() -> None:
    writer, demonstrations, ratings = make_user(), make_project(), make_project()
    shown = make_item(demonstrations, make_prompt(demonstrations, "How do tides work?"))
    place = assigning.claim_next(demonstrations, writer)
    assert place is not None
    Demonstration.objects.create(assignment=place, prompt=shown.prompt, text="The moon pulls.")
    make_item(ratings, make_prompt(ratings, "How do tides work?"))
    assert assigning.claim_next(ratings, writer) is None
    assert assigning.claim_next(ratings, make_user()) is not None


def test_the_next_item_is_held_ready_once_and_is_the_next() -> None:
    project, annotator, other = make_project(), make_user(), make_user()
    items = [make_item(project) for _ in range(3)]
    place = assigning.claim_next(project, annotator)
    ready = assigning.reserve_next(project, annotator)
    assert place is not None and ready is not None and ready.item == items[1]
    assert assigning.reserve_next(project, annotator) is None
    assert assigning.count_waiting(project, annotator) == 2
    theirs = assigning.claim_next(project, other)
    assert theirs is not None and theirs.item == items[2]
    assigning.complete(place)
    assert assigning.claim_next(project, annotator) == ready


def test_what_is_held_ready_and_not_taken_goes_back() -> None:
    project, annotator, other = make_project(), make_user(), make_user()
    make_item(project), make_item(project)
    assigning.claim_next(project, annotator)
    ready = assigning.reserve_next(project, annotator)
    assert ready is not None
    let_expire(ready)
    taken = assigning.claim_next(project, other)
    assert taken == ready


def test_nobody_waits_for_what_is_only_held_ready_for_somebody_else() -> None:
    project, annotator, other = make_project(), make_user(), make_user()
    make_item(project), make_item(project)
    place = assigning.claim_next(project, annotator)
    ready = assigning.reserve_next(project, annotator)
    assert assigning.count_waiting(project, other) == 1
    assert assigning.claim_next(project, other) == ready
    assert place is not None
    assigning.complete(place)
    assert assigning.claim_next(project, annotator) is None


def test_whoever_pauses_gives_back_what_is_held_ready() -> None:
    project, annotator = make_project(), make_user()
    make_item(project), make_item(project)
    assigning.claim_next(project, annotator)
    assigning.reserve_next(project, annotator)
    assigning.drop_reservation(project, annotator)
    assert sorted(project.assignments.values_list("status", flat=True)) == [Status.LEASED, Status.OPEN]


def test_the_answers_of_the_next_prompt_are_asked_for_ahead_of_time() -> None:
    project, annotator, other = make_live_project(), make_user(), make_user()
    make_item(project), make_item(project)
    dialogues.take(project, annotator)
    ready = dialogues.reserve(project, annotator)
    assert ready is not None and ready.comparisons.get().status == Job.Status.QUEUED
    let_expire(ready)
    Assignment.objects.filter(status=Status.LEASED).update(leased_until=timezone.now())
    taken = dialogues.take(project, other)
    assert taken == ready and taken.comparisons.get().annotator == other


def test_where_people_may_write_their_own_the_set_goes_on_for_whoever_works_through_it() -> None:
    """Its next prompt is answered while they judge; whoever writes their own has nothing held ready."""
    project, reader, writer = make_live_project(own_prompts=True), make_user(), make_user()
    make_item(project), make_item(project)
    project.annotators.add(reader, writer)
    for person, begin in ((writer, {"prompt": "Why?"}), (reader, None)):
        client = Client()
        client.force_login(person)
        client.post(f"/work/{project.slug}/{'prompt' if begin else 'take'}/", begin or {})
        comparison = Comparison.objects.latest("pk")
        answer(comparison)
        client.get(f"/work/{project.slug}/")
    ready = project.assignments.get(status=Status.RESERVED)
    assert ready.annotator == reader and ready.comparisons.get().status == Job.Status.QUEUED
