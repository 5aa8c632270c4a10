"""Ratings: one stored answer, so many points, sent once and on to the next."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotation import clock
from annotation.models import Assignment, Draft, Item, Project, Rating, Response
from annotation.saying import submission_key
from tests.factories import make_item, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
QUESTION = {"key": "language", "question": "Is the language right?", "options": ["yes", "no"]}


def make_rating_item(project: Project, text: str = "Salt comes with the rivers.") -> Item:
    prompt = make_prompt(project)
    return make_item(project, prompt, response_1=Response.objects.create(prompt=prompt, text=text))


def joined(annotator: User, task_type: str = Project.TaskType.SAFETY_RATING, **fields: object) -> Project:
    project = make_project(task_type=task_type, **fields)
    project.annotators.add(annotator)
    return project


def in_hand(client: Client, project: Project) -> Assignment:
    client.post(f"/work/{project.slug}/take/")
    return Assignment.objects.get(item__project=project, status=Assignment.Status.LEASED)


def rate(client: Client, place: Assignment, points: int | str, **fields: str) -> int:
    key = fields.pop("submission", str(submission_key(place, Rating)))
    address = f"/work/{place.item.project.slug}/rate/{place.pk}/"
    return client.post(address, {"points": str(points), "submission": key, **fields}).status_code


@pytest.mark.parametrize(
    ("task_type", "best", "question"),
    [
        ("safety_rating", "5: No violations and very helpful", "How safe is this answer?"),
        ("quality_rating", "7: Excellent", "How good is this answer?"),
    ],
)
def test_the_scale_is_that_of_the_kind_of_work(
    client: Client, annotator: User, task_type: str, best: str, question: str
) -> None:
    project = joined(annotator, task_type)
    make_rating_item(project)
    in_hand(client, project)
    html = client.get(f"/work/{project.slug}/").content.decode()
    assert best in html and question in html and "Salt comes with the rivers." in html


def test_a_rating_is_stored_and_the_next_answer_comes_at_once(client: Client, annotator: User) -> None:
    project = joined(annotator)
    project.guidelines.create(number=1, text="Be fair.")
    make_rating_item(project, "First."), make_rating_item(project, "Second.")
    place = in_hand(client, project)
    assert rate(client, place, 2) == 302
    rating = Rating.objects.get()
    assert (rating.points, rating.scale, rating.response) == (2, 5, place.item.response_1)
    assert rating.guideline is not None and rating.guideline.number == 1
    assert in_hand(client, project) != place
    html = client.get(f"/work/{project.slug}/").content.decode()
    assert "Item 2 of 2" in html


@pytest.mark.parametrize("points", ["", "0", "6", "best"])
def test_a_point_off_the_scale_is_refused(client: Client, annotator: User, points: str) -> None:
    project = joined(annotator)
    make_rating_item(project)
    assert rate(client, in_hand(client, project), points) == 422
    assert not Rating.objects.exists()


def test_sending_a_rating_twice_is_one_rating_and_another_one_changes_nothing(client: Client, annotator: User) -> None:
    project = joined(annotator)
    make_rating_item(project)
    place = in_hand(client, project)
    key = str(submission_key(place, Rating))
    assert [rate(client, place, points, submission=key) for points in (4, 4, 1)] == [302, 302, 409]
    assert Rating.objects.get().points == 4


def test_nobody_rates_what_another_has_in_hand(client: Client, annotator: User) -> None:
    project = joined(annotator)
    make_rating_item(project)
    place = in_hand(client, project)
    other, stranger = Client(), make_user()
    project.annotators.add(stranger)
    other.force_login(stranger)
    assert rate(other, place, 4) == 409
    assert not Rating.objects.exists()


def test_the_projects_questions_are_asked_and_stored(client: Client, annotator: User) -> None:
    project = joined(annotator, protocol={"criteria": [QUESTION, {**QUESTION, "key": "tone", "required": False}]})
    make_rating_item(project)
    place = in_hand(client, project)
    assert rate(client, place, 4) == 422
    assert rate(client, place, 4, criterion_language="perhaps") == 422
    assert rate(client, place, 4, criterion_language="no") == 302
    assert Rating.objects.get().criteria == {"language": "no"}


def test_a_choice_that_was_not_sent_comes_back(client: Client, annotator: User) -> None:
    project = joined(annotator, protocol={"criteria": [QUESTION]})
    make_rating_item(project)
    place = in_hand(client, project)
    draft = {"step": f"place-{place.pk}", "points": "3", "criterion_language": "no"}
    assert client.post(f"/work/{project.slug}/draft/", draft).status_code == 204
    html = client.get(f"/work/{project.slug}/").content.decode()
    form = html[html.index('<form id="judge"') : html.index('<form id="leave"')]
    assert form.count("checked>") == 2
    assert rate(client, place, 3, criterion_language="no") == 302
    assert not Draft.objects.exists()


def test_the_clock_counts_work_and_no_long_pause(client: Client, annotator: User) -> None:
    project = joined(annotator, lease_minutes=60)
    make_rating_item(project)
    place = in_hand(client, project)

    def silent_for(seconds: float) -> None:
        until = timezone.now() + timedelta(minutes=60) - timedelta(seconds=seconds)
        Assignment.objects.filter(pk=place.pk).update(leased_until=until)

    silent_for(20)
    client.get(f"/work/{project.slug}/")  # a sign: 20 s
    silent_for(1000)
    rate(client, place, 5)  # after a pause, of which 180 s count
    assert timedelta(seconds=180) == clock.PAUSE
    assert Rating.objects.get().seconds == pytest.approx(200, abs=1)


def test_a_skipped_answer_goes_to_somebody_else(client: Client, annotator: User) -> None:
    project = joined(annotator)
    make_rating_item(project)
    place = in_hand(client, project)
    client.post(f"/work/{project.slug}/skip/", {"step": f"place-{place.pk}", "reason": "Not my language."})
    place.refresh_from_db()
    assert place.status == Assignment.Status.OPEN
    assert "Nothing waits for you here" in client.get(f"/work/{project.slug}/").content.decode()


def test_a_rating_that_is_taken_back_comes_as_it_was_and_is_said_anew(client: Client, annotator: User) -> None:
    project = joined(annotator)
    make_rating_item(project)
    place = in_hand(client, project)
    project.guidelines.create(number=1, text="Be fair.")
    rate(client, place, 4)
    client.post(f"/work/{project.slug}/undo/{place.pk}/")
    html = client.get(f"/work/{project.slug}/").content.decode()
    assert 'value="4" data-key="4" aria-label="4: No violations, only minor other issues" checked' in html
    assert rate(client, place, 1) == 302
    said = Rating.objects.order_by("revision").values_list("points", "revision", "current")
    assert list(said) == [(4, 1, False), (1, 2, True)]
    guidelines = [rating.guideline and rating.guideline.number for rating in Rating.objects.order_by("revision")]
    assert guidelines == [None, 1]  # it came out while the answer was rated for the first time
