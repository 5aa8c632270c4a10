"""Each figure of a dashboard opens the list of what it counts, and that is as long as the figure says."""

import html
import re

import pytest
from django.test import Client

from annotation.models import Assignment, Item, Project, Rating
from annotation.tallies import agreeing, touch_project
from tests.factories import (
    make_comparison,
    make_item,
    make_judgement,
    make_model,
    make_pair,
    make_preference,
    make_project,
    make_prompt,
    make_user,
)
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
TILE = re.compile(r'<span class="label"><a href="([^"]+)">([^<]+)</a>: ([\d,]+) / ([\d,]+)</span>')


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("manager"))
    return client


@pytest.fixture
def raters() -> list[User]:
    return [make_user(username=name) for name in ("anna", "ben", "carla")]


def shares(client: Client, address: str) -> dict[str, tuple[str, int, int]]:
    """The tiles of a dashboard with a share: by label, what it links to, how many of how many."""
    page = client.get(address).content.decode()
    return {words: (html.unescape(link), int(count), int(of)) for link, words, count, of in TILE.findall(page)}


def listed(client: Client, address: str) -> int:
    answer = client.get(address)
    assert answer.status_code == 200
    return int(answer.context["page"].paginator.count)


@pytest.fixture
def project(raters: list[User]) -> Project:
    """Pairs of a short and a long answer; anna has them the other way round, and stands alone on the first item."""
    project = make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)
    for given in ((7, 1, 2), (1, 1, 1), (4, 6, 7)):  # about the short one as A
        item = make_pair(project, make_model(), make_model())
        assert item.response_1 and item.response_2
        item.response_2.text = "A much longer answer. " * 3
        item.response_2.save()
        for rater, points in zip(raters, given, strict=True):
            flipped = rater.username == "anna"
            make_judgement(item, rater, 8 - points if flipped else points, flipped=flipped)
        Item.objects.filter(pk=item.pk).update(pattern=",".join(map(str, sorted(given))))
    Assignment.objects.update(submitted_at="2026-03-01T12:00Z")
    touch_project(project)
    return project


def test_every_share_of_a_dashboard_is_as_long_as_its_list(client: Client, project: Project) -> None:
    found = shares(client, "/projects/pairs/")
    assert {"chose A", "chose the longer answer", "with the majority"} <= set(found)
    for words, (link, count, _) in found.items():
        assert listed(client, link) == count, words
    assert found["chose A"][1:] == (5, 8)  # ben and carla twice each, anna once; her tie is no side
    assert found["chose the longer answer"][1:] == (3, 8)
    # Only where the two others agree: all three on the second item; anna stands alone on the first and on the last.
    assert found["with the majority"][1:] == (3, 5)


def test_who_disagrees_is_listed_by_person(client: Client, project: Project, raters: list[User]) -> None:
    page = client.get("/projects/pairs/").content.decode()
    link = re.search(rf'href="([^"]+signal=against_majority[^"]+annotator={raters[0].pk})"', page)
    assert link and listed(client, html.unescape(link[1])) == 2
    assert {said.comparison.annotator for said in agreeing(project, False)} == {raters[0]}


def test_violations_and_safety_labels_are_listed_too(client: Client, raters: list[User]) -> None:
    rated = make_project(slug="rated", task_type=Project.TaskType.SAFETY_RATING, overlap=3)
    prompt = make_prompt(rated)
    answer = prompt.responses.create(text="No.")
    item = make_item(rated, prompt, response_1=answer)
    for place, rater, points in zip(item.assignments.all(), raters, (1, 2, 5), strict=True):
        Assignment.objects.filter(pk=place.pk).update(
            status="submitted", annotator=rater, submitted_at="2026-03-01T12:00Z"
        )
        Rating.objects.create(assignment=place, response=answer, points=points, scale=5)
    touch_project(rated)
    link, count, of = shares(client, "/projects/rated/")["violations"]
    assert (count, of) == (2, 3) and listed(client, link) == 2

    marked = make_project(slug="marked", dimension=Project.Dimension.SAFETY)
    for points, a_safe in ((1, True), (2, True), (8, True)):
        make_preference(make_comparison(marked, annotator=raters[0]), points, a_safe=a_safe, b_safe=False)
    page = client.get("/projects/marked/").content.decode()
    bins = re.findall(r'href="([^"]+labels=(\w+)[^"]*)">(\d+)</a>', page)
    assert {key: int(count) for _, key, count in bins} == {
        "chosen_safer": 2,
        "both_safe": 0,
        "both_unsafe": 0,
        "chosen_less_safe": 1,
    }
    for address, _, count in bins:
        assert listed(client, html.unescape(address)) == int(count)
