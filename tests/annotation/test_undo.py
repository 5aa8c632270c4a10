"""Undo until reviewed: what was submitted is said anew, or stays as it was."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotation import assigning, comparing, dialogues, drafts, reviewing, revising
from annotation.comparing import AlreadyJudgedError, Judgement
from annotation.models import Assignment, Batch, Preference, Project
from tests.annotation.test_assigning import judge_turn, let_expire, make_live_project
from tests.annotation.test_assigning_races import make_stored_item
from tests.factories import make_item, make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
Status = Assignment.Status


@pytest.fixture
def annotator() -> User:
    return make_user()


@pytest.fixture
def project(annotator: User) -> Project:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    project.annotators.add(annotator)
    for _ in range(2):
        make_stored_item(project, overlap=1)
    return project


def judged(project: Project, annotator: User, points: int = 2) -> Assignment:
    place = comparing.take(project, annotator)
    assert place is not None
    comparing.judge(place.comparisons.get(), annotator, Judgement(points, 7))
    place.refresh_from_db()
    return place


def test_the_next_revision_counts_and_the_first_one_stays(project: Project, annotator: User) -> None:
    place = judged(project, annotator, 2)
    assert revising.undoable(project, annotator) == place
    revising.take_back(place, annotator)
    assert list(Preference.objects.filter(current=True).values_list("points", flat=True)) == [2]
    comparison = place.comparisons.get()
    key = comparing.submission_key(comparison)
    revised = comparing.judge(comparison, annotator, Judgement(6, 7), key)
    assert comparing.judge(comparison, annotator, Judgement(6, 7), key) == revised
    with pytest.raises(AlreadyJudgedError):
        comparing.judge(comparison, annotator, Judgement(5, 7), key)
    said = Preference.objects.order_by("revision").values_list("revision", "points", "current")
    assert list(said) == [(1, 2, False), (2, 6, True)]
    place.refresh_from_db()
    assert (place.status, place.revising) == (Status.SUBMITTED, False)


@pytest.mark.parametrize("left", ["kept", "expired"])
def test_left_alone_it_stays_as_it_was(project: Project, annotator: User, left: str) -> None:
    place = judged(project, annotator)
    when = place.submitted_at
    revising.take_back(place, annotator)
    if left == "kept":
        revising.keep(place, annotator)
    else:
        let_expire(place)
        assigning.claim_next(project, make_user())
    place.refresh_from_db()
    assert (place.status, place.revising, place.submitted_at) == (Status.SUBMITTED, False, when)
    assert Preference.objects.get().current


def test_what_was_in_hand_waits_with_its_draft(project: Project, annotator: User) -> None:
    first = judged(project, annotator)
    behind = comparing.take(project, annotator)
    assert behind is not None
    step = f"judge-{behind.comparisons.get().pk}"
    drafts.save(project, annotator, step, {"verdict": "5"})
    revising.take_back(first, annotator)
    drafts.save(project, annotator, "judge-again", {"verdict": "1"})
    assert assigning.lease_of(project, annotator) == first
    with drafts.submitting(project, annotator):
        comparing.judge(first.comparisons.get(), annotator, Judgement(7, 7))
    assert assigning.lease_of(project, annotator) == behind
    assert drafts.load(project, annotator, step) == {"verdict": "5"}


@pytest.mark.parametrize("why", ["approved", "rejected", "batch closed", "archived", "somebody else's"])
def test_it_is_too_late_once_others_rest_on_it(project: Project, annotator: User, why: str) -> None:
    batch = Batch.objects.create(project=project, number=1)
    project.items.update(batch=batch)
    place = judged(project, annotator)
    who = annotator
    if why in ("approved", "rejected"):
        reviewing.review(place, make_user("reviewer"), why, "See the guideline.")
    elif why == "batch closed":
        Batch.objects.update(closed_at=timezone.now())
    elif why == "archived":
        Project.objects.update(archived_at=timezone.now())
    else:
        who = make_user()
    with pytest.raises(revising.TooLateError):
        revising.take_back(Assignment.objects.get(pk=place.pk), who)
    if who == annotator:
        assert revising.undoable(Project.objects.get(), annotator) is None


def test_returned_work_comes_first_and_goes_back_to_its_reviewer(project: Project, annotator: User) -> None:
    place = judged(project, annotator)
    reviewing.review(place, make_user("reviewer"), "returned", "Read B again.")
    assert comparing.take(project, annotator) == place
    let_expire(place)
    assigning.return_expired(project, apart_from=make_user())
    place.refresh_from_db()
    assert (place.status, place.revising) == (Status.RETURNED, False)
    assert comparing.take(project, annotator) == place
    comparing.judge(place.comparisons.get(), annotator, Judgement(6, 7))
    place.refresh_from_db()
    assert place.status == Status.SUBMITTED and Preference.objects.get(current=True).revision == 2


def test_the_note_of_the_reviewer_is_on_the_page(client: Client, project: Project, annotator: User) -> None:
    place = judged(project, annotator, 6)
    reviewing.review(place, make_user("reviewer"), "returned", "Read <B> again.")
    client.force_login(annotator)
    assert "sent 1 piece of your work back" in client.get(f"/work/{project.slug}/").content.decode()
    shown = client.post(f"/work/{project.slug}/take/", follow=True).content.decode()
    assert "Read &lt;B&gt; again." in shown and "This is how you submitted it." in shown


def test_in_a_dialogue_the_last_judgement_is_undone_until_the_next_question(annotator: User) -> None:
    project = make_live_project()
    make_item(project)
    place = dialogues.take(project, annotator)
    assert place is not None
    judge_turn(place, annotator, 2)
    assert revising.undoable(project, annotator) == place
    revising.take_back(place, annotator)
    judge_turn(place, annotator, 7)
    assert list(Preference.objects.order_by("pk").values_list("points", "current")) == [(2, False), (7, True)]
    dialogues.continue_with(place, annotator, 2, "And then?")
    assert revising.undoable(project, annotator) is None


def test_a_dialogue_ended_by_mistake_goes_on_after_its_undo(annotator: User) -> None:
    project = make_live_project()
    make_item(project)
    place = dialogues.take(project, annotator)
    assert place is not None
    preference = judge_turn(place, annotator, 2)
    revising.take_back(place, annotator)
    comparing.judge(preference.comparison, annotator, Judgement(None, 8))
    place.refresh_from_db()
    assert place.status == Status.SUBMITTED
    revising.take_back(place, annotator)
    comparing.judge(preference.comparison, annotator, Judgement(3, 8))
    place.refresh_from_db()
    assert place.status == Status.LEASED and not place.revising
    assert dialogues.continue_with(place, annotator, 2, "And then?").turn == 2


def test_the_time_of_all_revisions_counts(project: Project, annotator: User) -> None:
    place = comparing.take(project, annotator)
    assert place is not None
    place.comparisons.update(shown_at=timezone.now() - timedelta(seconds=30))
    comparing.judge(place.comparisons.get(), annotator, Judgement(2, 7))
    place.refresh_from_db()
    revising.take_back(place, annotator)
    Assignment.objects.filter(pk=place.pk).update(reopened_at=timezone.now() - timedelta(seconds=10))
    comparing.judge(place.comparisons.get(), annotator, Judgement(3, 7))
    place.refresh_from_db()
    assert place.seconds == pytest.approx(40, abs=2)
    assert not place.hasty
