"""The reviewers' pages."""

import pytest
from django.test import Client

from annotation.models import Assignment, GuidelineVersion, Item, Project
from tests.factories import (
    make_comparison,
    make_judgement,
    make_model,
    make_pair,
    make_preference,
    make_project,
    make_user,
)
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION)


@pytest.fixture
def reviewer(client: Client) -> User:
    person = make_user("reviewer")
    client.force_login(person)
    return person


def submitted(project: Project, points: int = 2) -> Assignment:
    said = make_judgement(make_pair(project, make_model("the-one"), make_model("the-other")), make_user(), points)
    place = said.comparison.assignment
    assert place is not None
    return place


def test_a_verdict_leads_to_the_next_piece_of_work(client: Client, project: Project, reviewer: User) -> None:
    one = submitted(project)
    other = make_judgement(make_pair(project, make_model(), make_model()), make_user(), 5).comparison.assignment
    assert other is not None
    page = client.get("/projects/pairs/reviews/")
    assert f"/projects/pairs/reviews/{one.pk}/".encode() in page.content
    answer = client.post(f"/projects/pairs/reviews/{one.pk}/", {"verdict": "approved", "note": ""})
    assert answer["Location"] == f"/projects/pairs/reviews/{other.pk}/"
    answer = client.post(f"/projects/pairs/reviews/{other.pk}/", {"verdict": "rejected", "note": "Random."})
    assert answer["Location"] == "/projects/pairs/reviews/"


def test_a_verdict_without_its_note_is_refused_and_says_so(client: Client, project: Project, reviewer: User) -> None:
    place = submitted(project)
    answer = client.post(f"/projects/pairs/reviews/{place.pk}/", {"verdict": "returned", "note": ""})
    assert answer.status_code == 422
    assert "Write a note" in answer.content.decode()


def test_the_page_shows_the_work_and_no_model(client: Client, project: Project, reviewer: User) -> None:
    place = submitted(project, points=7)
    html = client.get(f"/projects/pairs/reviews/{place.pk}/").content.decode()
    assert "B much better" in html and "Answer " in html
    assert "the-one" not in html and "the-other" not in html


def test_the_turns_of_a_dialogue_are_shown_with_their_judgements(client: Client, reviewer: User) -> None:
    project = make_project(slug="talks")
    annotator = make_user()
    item = Item.objects.create(project=project, prompt=make_comparison(project).prompt)
    place = Assignment.objects.create(item=item, annotator=annotator, status=Assignment.Status.SUBMITTED)
    for turn, points in ((1, 1), (2, 8)):
        comparison = make_comparison(project, assignment=place, annotator=annotator, turn=turn)
        make_preference(comparison, points)
    html = client.get(f"/projects/talks/reviews/{place.pk}/").content.decode()
    assert "Turn 1" in html and "A significantly better" in html
    assert "Turn 2" in html and "B significantly better" in html


def test_the_raters_are_told_about_the_sides_that_the_page_shows(
    client: Client, project: Project, reviewer: User
) -> None:
    item = make_pair(project, make_model(), make_model())
    Assignment.objects.create(item=item)
    make_judgement(item, make_user(username="ben"), 1)
    flipped = make_judgement(item, make_user(username="carla"), 6, flipped=True).comparison.assignment
    assert flipped is not None
    lines = client.get(f"/projects/pairs/reviews/{flipped.pk}/").context["raters"]
    assert [(line.points, line.words) for line in lines] == [(7, "B much better"), (6, "B better")]


def test_a_disputed_item_is_settled_with_its_raters_in_sight(client: Client, project: Project, reviewer: User) -> None:
    item = make_pair(project, make_model(), make_model())
    Assignment.objects.create(item=item)
    make_judgement(item, make_user(username="ben"), 1)
    make_judgement(item, make_user(username="carla"), 2, flipped=True)  # on her page, B was the first one
    Item.objects.filter(pk=item.pk).update(disagreement=0.8)
    html = client.get(f"/projects/pairs/disputed/{item.pk}/").content.decode()
    assert "A much better" in html  # ben's
    assert "B better" in html  # carla's, turned to the item's own order
    assert client.post(f"/projects/pairs/disputed/{item.pk}/", {"note": "x"}).status_code == 422
    answer = client.post(f"/projects/pairs/disputed/{item.pk}/", {"points": "1", "note": "Ben read on."})
    assert answer["Location"] == "/projects/pairs/disputed/"
    assert item.adjudications.get().reviewer == reviewer


def test_all_without_a_signal_is_approved_by_one_button(client: Client, project: Project, reviewer: User) -> None:
    submitted(project)
    html = client.get("/projects/pairs/reviews/").content.decode()
    assert "Approve 1 without a signal" in html
    client.post("/projects/pairs/reviews/approve/")
    assert Assignment.objects.get().approved


def test_the_guidelines_page_tells_what_each_version_changed(client: Client, project: Project) -> None:
    client.force_login(make_user("manager"))
    first = GuidelineVersion.objects.create(project=project, number=1, text="Be fair.")
    place = submitted(project)
    place.comparisons.get().preferences.update(guideline=first)
    assert place.annotator is not None
    project.annotators.add(place.annotator)
    GuidelineVersion.objects.create(project=project, number=2, text="Be very fair.", changes="Fairer.")
    html = client.get("/projects/pairs/guideline/").content.decode()
    assert "very </ins>" in html and "Fairer." in html
    assert "1 piece of work can go back" in html

    assert client.post("/projects/pairs/guideline/ask-again/", {"note": ""}).status_code == 422
    client.post("/projects/pairs/guideline/ask-again/", {"note": "See rule 1."})
    place.refresh_from_db()
    assert place.status == Assignment.Status.RETURNED


def test_an_annotator_is_told_once_of_a_new_version(client: Client, project: Project) -> None:
    annotator = make_user()
    project.annotators.add(annotator)
    client.force_login(annotator)
    GuidelineVersion.objects.create(project=project, number=1, text="Be fair.")
    assert "Read the guideline before you begin" in client.get("/work/pairs/").content.decode()
    client.post("/work/pairs/guideline/1/read/")
    assert "before you begin" not in client.get("/work/pairs/").content.decode()
    GuidelineVersion.objects.create(project=project, number=2, text="Be very fair.", changes="Fairer.")
    html = client.get("/work/pairs/").content.decode()
    assert "The guideline has changed: version 2" in html and "very </ins>" in html
    client.post("/work/pairs/guideline/2/read/")
    assert "has changed" not in client.get("/work/pairs/").content.decode()
