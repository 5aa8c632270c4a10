"""Annotators read again what they have submitted, see what became of it, and take back what nobody has reviewed."""

import pytest
from django.test import Client

from annotation import comparing, reviewing
from annotation.comparing import Judgement
from annotation.models import Assignment, Batch, Preference, Project
from tests.annotation.test_assigning_races import make_stored_item
from tests.annotation.test_work_pages import judge
from tests.factories import make_item, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(annotator: User) -> Project:
    project = make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    project.annotators.add(annotator)
    return project


def submit(project: Project, annotator: User, *points: int) -> list[Assignment]:
    """One item for each judgement, oldest first."""
    places = []
    for given in points:
        make_stored_item(project, overlap=1)
        place = comparing.take(project, annotator)
        assert place
        comparing.judge(place.comparisons.get(), annotator, Judgement(given, 7))
        places.append(place)
    return places


def test_the_newest_comes_first_in_words(client: Client, project: Project, annotator: User) -> None:
    submit(project, annotator, 2, 7)
    html = client.get("/work/pairs/mine/").content.decode()
    assert html.index("B much better") < html.index("A better")
    assert html.count("Take it back") == 2


def test_any_of_it_is_taken_back_and_said_anew(client: Client, project: Project, annotator: User) -> None:
    first, *_ = submit(project, annotator, 2, 7, 6)
    answer = client.post(f"/work/pairs/undo/{first.pk}/")
    assert answer["Location"] == "/work/pairs/"
    html = client.get("/work/pairs/").content.decode()
    assert "This is how you submitted it" in html
    assert judge(client, first.comparisons.get(), 4) == 302
    said = Preference.objects.filter(comparison__assignment=first).order_by("revision")
    assert list(said.values_list("points", "current")) == [(2, False), (4, True)]


def test_a_rejection_says_why_and_what_was_reviewed_stays(client: Client, project: Project, annotator: User) -> None:
    rejected, approved = submit(project, annotator, 2, 7)
    reviewer = make_user("reviewer")
    reviewing.review(rejected, reviewer, "rejected", "You chose without reading B.")
    reviewing.review(approved, reviewer, "approved")
    html = client.get("/work/pairs/mine/").content.decode()
    assert "You chose without reading B." in html and "rejected: it counts no more" in html and "approved" in html
    assert "Take it back" not in html
    assert client.post(f"/work/pairs/undo/{approved.pk}/").status_code == 409


def test_a_closed_batch_is_closed_here_too(client: Client, project: Project, annotator: User) -> None:
    [place] = submit(project, annotator, 2)
    batch = Batch.objects.create(project=project, number=1, closed_at=place.item.created_at)
    type(place.item).objects.update(batch=batch)
    assert "Take it back" not in client.get("/work/pairs/mine/").content.decode()


def test_nobody_reads_another_ones_work(client: Client, project: Project, annotator: User) -> None:
    other = make_user()
    project.annotators.add(other)
    [place] = submit(project, other, 1)
    assert "Nothing yet." in client.get("/work/pairs/mine/").content.decode()
    assert client.post(f"/work/pairs/undo/{place.pk}/").status_code == 409
    place.refresh_from_db()
    assert place.status == Assignment.Status.SUBMITTED


def test_harmful_content_is_not_in_sight_before_it_is_asked_for(
    client: Client, project: Project, annotator: User
) -> None:
    submit(project, annotator, 2)
    Project.objects.update(sensitive=True)
    html = client.get("/work/pairs/mine/").content.decode()
    asked = project.prompts.get().text
    assert asked not in html[html.index("<summary>") : html.index("</summary>")]
    assert asked in html[html.index("</summary>") :]


@pytest.mark.parametrize(
    ("task_type", "fields", "in_words"),
    [
        (Project.TaskType.SAFETY_RATING, {"points": "2"}, "2"),
        (Project.TaskType.DEMONSTRATION, {"response": "At **pier** two."}, "Ideal answer"),
    ],
)
def test_other_kinds_of_work_are_read_again_too(
    client: Client, annotator: User, task_type: str, fields: dict[str, str], in_words: str
) -> None:
    project = make_project(slug="here", task_type=task_type, own_prompts=False)
    project.annotators.add(annotator)
    prompt = make_prompt(project, "Where is the ferry?")
    is_rating = task_type == Project.TaskType.SAFETY_RATING
    make_item(project, prompt, response_1=prompt.responses.create(text="Gone.") if is_rating else None)
    client.post("/work/here/take/")
    place = Assignment.objects.get()
    page = client.get("/work/here/")
    step, key = page.context["desk"].step, page.context["desk"].submission
    deed = "rate" if is_rating else "demonstration"
    answer = client.post(f"/work/here/{deed}/{place.pk}/", fields | {"step": step, "submission": key})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    html = client.get("/work/here/mine/").content.decode()
    assert "Where is the ferry?" in html
    expected = str(project.rules.labels[1]) if is_rating else "<strong>pier</strong>"
    assert expected in html and in_words in html
