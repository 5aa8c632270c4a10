"""Review of submitted work, and disputed items that are settled."""

import pytest

from annotation import reviewing
from annotation.models import Assignment, Item, Preference, Project
from annotation.reviewing import ReviewError
from tests.factories import make_judgement, make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db
Status = Assignment.Status


@pytest.fixture
def project() -> Project:
    return make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)


def submitted(project: Project, points: int = 2, **facts: object) -> Assignment:
    """A place with a judgement; facts are fields of the place."""
    said = make_judgement(make_pair(project, make_model(), make_model()), make_user(), points)
    place = Assignment.objects.filter(comparisons=said.comparison)
    place.update(**facts)
    return place.get()


def test_what_most_wants_a_look_comes_first(project: Project) -> None:
    plain = submitted(project)
    hasty = submitted(project, hasty=True)
    disputed = submitted(project)
    Item.objects.filter(pk=disputed.item_id).update(disagreement=0.5)
    failed = submitted(project, gold_passed=False)
    passed = submitted(project, gold_passed=True)
    reviewer = make_user("reviewer")
    assert list(reviewing.waiting_for(reviewer, project)) == [failed, disputed, hasty, plain, passed]
    assert list(reviewing.waiting_for(reviewer, project, "haste")) == [hasty]
    assert reviewing.tally(project).signals == {"gold": 1, "disagreement": 1, "haste": 1}


def test_approved_work_leaves_the_queue(project: Project) -> None:
    place, reviewer = submitted(project), make_user("reviewer")
    reviewing.review(place, reviewer, "approved")
    assert not reviewing.waiting_for(reviewer, project).exists()
    assert Assignment.objects.get(pk=place.pk).approved
    assert Preference.objects.get().current


def test_returned_work_counts_until_it_is_revised(project: Project) -> None:
    place = submitted(project)
    reviewing.review(place, make_user("reviewer"), "returned", "Look at the sum again.")
    place.refresh_from_db()
    assert place.status == Status.RETURNED
    assert Preference.objects.get().current


def test_rejected_work_counts_no_more_and_somebody_else_gets_the_item(project: Project) -> None:
    place = submitted(project)
    reviewing.review(place, make_user("reviewer"), "rejected", "Random clicks.")
    assert not Preference.objects.filter(current=True).exists()
    assert Preference.objects.count() == 1  # it stays
    assert sorted(place.item.assignments.values_list("status", flat=True)) == ["open", "rejected"]


@pytest.mark.parametrize("verdict", ["returned", "rejected"])
def test_the_annotator_is_told_why(project: Project, verdict: str) -> None:
    place = submitted(project)
    with pytest.raises(ReviewError, match="Write a note"):
        reviewing.review(place, make_user("reviewer"), verdict, "  ")
    place.refresh_from_db()
    assert place.status == Status.SUBMITTED


def test_nobody_reviews_their_own_work(project: Project) -> None:
    place = submitted(project)
    assert place.annotator is not None
    with pytest.raises(ReviewError, match="your own work"):
        reviewing.review(place, place.annotator, "approved")
    assert not reviewing.waiting_for(place.annotator, project).exists()


def test_work_that_its_annotator_took_back_meanwhile_is_not_reviewed(project: Project) -> None:
    place = submitted(project, status=Status.LEASED)
    with pytest.raises(ReviewError, match="in hand now"):
        reviewing.review(place, make_user("reviewer"), "approved")


def test_all_without_a_signal_is_approved_at_once(project: Project) -> None:
    plain, passed = submitted(project), submitted(project, gold_passed=True)
    hasty, failed = submitted(project, hasty=True), submitted(project, gold_passed=False)
    reviewer = make_user("reviewer")
    own = submitted(project)
    Assignment.objects.filter(pk=own.pk).update(annotator=reviewer)
    assert reviewing.approve_unremarkable(project, reviewer) == 2
    approved = Assignment.objects.filter(approved=True)
    assert set(approved) == {plain, passed}
    assert set(reviewing.waiting_for(reviewer, project)) == {hasty, failed}
    assert plain.reviews.get().verdict == "approved"


def test_settling_an_item_leaves_the_raters_judgements_and_keeps_each_revision(project: Project) -> None:
    place = submitted(project)
    item = Item.objects.get(pk=place.item_id)
    Item.objects.filter(pk=item.pk).update(disagreement=0.9)
    assert list(reviewing.disputed(project)) == [item]
    reviewer = make_user("reviewer")
    first = reviewing.adjudicate(item, reviewer, 1, "A is right about the tide.")
    assert first.preferred == item.response_1
    assert not reviewing.disputed(project).exists()
    second = reviewing.adjudicate(item, reviewer, 4)
    assert (second.revision, second.preferred) == (2, None)  # the middle of seven
    first.refresh_from_db()
    assert not first.current
    assert Preference.objects.get().points == 2


@pytest.mark.parametrize("points", [0, 8])
def test_points_off_the_scale_settle_nothing(project: Project, points: int) -> None:
    item = submitted(project).item
    with pytest.raises(ReviewError, match=f"from 1 to 7, got {points}"):
        reviewing.adjudicate(item, make_user("reviewer"), points)
    assert not item.adjudications.exists()
