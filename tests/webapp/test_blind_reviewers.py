"""Reviewers judge work and settle what is disputed without learning which model wrote what."""

import re

import pytest
from django.test import Client

from annotation import blinding
from annotation.importing.pairs import import_pairs
from annotation.models import Adjudication, Assignment, Comparison, Item, PoolEntry, Project, Response
from annotation.sides import as_settled
from modeling.registry.models import ModelVersion
from tests.annotation.files import jsonl
from tests.annotation.test_whole_dialogues import row, says
from tests.every_page import every_page_of_a_manager
from tests.factories import (
    make_comparison,
    make_judgement,
    make_model,
    make_pair,
    make_preference,
    make_project,
    make_user,
)

pytestmark = pytest.mark.django_db
BOAST = "Certainly. I am kestrel-7b, trained by Anthropic."


def disputed_pair(project: Project, first: ModelVersion, second: ModelVersion) -> Item:
    """A pair whose raters stand at both ends of the scale."""
    item = make_pair(project, first, second)
    Assignment.objects.create(item=item)
    make_judgement(item, make_user(), 1)
    make_judgement(item, make_user(), 7)
    Item.objects.filter(pk=item.pk).update(disagreement=1.0)
    return item


def test_no_page_that_a_reviewer_opens_names_a_model(client: Client) -> None:
    addresses = every_page_of_a_manager()
    ModelVersion.objects.update(description="")
    policies = ModelVersion.objects.filter(kind=ModelVersion.Kind.POLICY)  # a reward model wrote nothing
    for number, model in enumerate(policies.order_by("pk")):
        ModelVersion.objects.filter(pk=model.pk).update(name=f"kestrel-{number}b")
    Response.objects.update(text="I am kestrel-0b, trained by Anthropic.")
    blinding.check(Response.objects.select_related("prompt"))
    for project in Project.objects.all():
        PoolEntry.objects.get_or_create(project=project, model_version=ModelVersion.objects.all()[0])
    client.force_login(make_user("reviewer"))
    opened = {address: client.get(address) for address in addresses.values()}
    pages = {address: answer.content.decode() for address, answer in opened.items() if answer.status_code == 200}
    assert len(pages) > 15
    for address, html in pages.items():
        assert "kestrel" not in html and "Anthropic" not in html, address
    assert any("[model name hidden]" in html for html in pages.values())


def test_an_imported_pair_is_looked_through_when_a_reviewer_opens_it(client: Client) -> None:
    make_model("kestrel-7b")
    comparison = make_comparison(make_project(slug="pairs"), a=BOAST, b="Yes.")
    make_preference(comparison)
    address = f"/projects/pairs/comparisons/{comparison.pk}/"
    client.force_login(make_user("reviewer"))
    html = client.get(address).content.decode()
    assert "kestrel" not in html and "Anthropic" not in html and "Certainly." in html
    client.force_login(make_user("manager"))
    assert "kestrel-7b, trained by Anthropic" in client.get(address).content.decode()


def test_the_api_tells_a_reviewer_no_more_than_the_pages(client: Client) -> None:
    comparison = make_comparison(make_project(), a=BOAST, b="Yes.", model_a=make_model("kestrel-7b"))
    blinding.check([comparison.response_a])
    for role, id_told in (("reviewer", None), ("manager", comparison.response_a_id)):
        client.force_login(make_user(role))
        told = client.get(f"/api/v1/comparisons/{comparison.pk}/").json()["response_a"]
        assert told["id"] == id_told
        assert ("kestrel" in told["text"]) == (role == "manager")


def test_a_campaigns_first_model_is_not_always_a_where_items_are_settled(client: Client) -> None:
    """By position alone a reviewer who settles many items would learn whose answer is whose, and lean to a side."""
    project = make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    models = make_model("first"), make_model("second")
    client.force_login(make_user("reviewer"))
    sides = set()
    for _ in range(16):
        item = disputed_pair(project, *models)
        shown = as_settled(item)
        html = client.get(f"/projects/pairs/disputed/{item.pk}/").content.decode()
        assert html.index(shown[0].text) < html.index(shown[1].text)
        sides.add(shown[0] == item.response_1)
        client.post(f"/projects/pairs/disputed/{item.pk}/", {"points": "2", "note": ""})
        settled = Adjudication.objects.get(item=item)
        assert settled.preferred == shown[0]  # 2 of 7: the A of the page is better
        assert settled.points == (2 if shown[0] == item.response_1 else 6)
        assert "<strong>A better</strong>" in client.get(f"/projects/pairs/disputed/{item.pk}/").content.decode()
    assert sides == {True, False}


def test_whole_dialogues_are_read_by_whoever_reviews_and_settles(client: Client) -> None:
    project = make_project(slug="talks", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)
    shared = says("Where is the ferry?", "Which one?")
    one, other = (
        [*shared, *says("The blue one.", "Pier two.")],
        [*shared, *says("Any.", "Gone.", "And now?", "At six.")],
    )
    import_pairs(jsonl(row(one, other)), project)
    item = Item.objects.get()
    said = make_judgement(item, make_user(), 1)
    assert said.comparison.assignment
    client.force_login(make_user("reviewer"))
    for address in (
        f"/projects/talks/reviews/{said.comparison.assignment.pk}/",
        f"/projects/talks/disputed/{item.pk}/",
        f"/projects/talks/comparisons/{Comparison.objects.get().pk}/",
    ):
        html = client.get(address).content.decode()
        for text in ("Where is the ferry?", "Which one?", "The blue one.", "Pier two.", "Any.", "Gone.", "And now?"):
            assert len(re.findall(re.escape(text), html)) == 1, (address, text)
        assert "At six." in html
