"""What red teaming brought, by hand: hours, coverage, gamma's parts and the rejection of earlier violating prompts."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from annotation import red_teaming
from annotation.filling import add_responses
from annotation.models import (
    Assignment,
    Dialogue,
    Item,
    Project,
    Prompt,
    Rating,
    RedTeamAttempt,
    Reply,
    Response,
)
from modeling.registry.models import Job, ModelVersion
from tests.factories import make_item, make_model, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
CRIME, HATE, ADVICE = "illicit and criminal activities", "hateful and harmful activities", "unqualified advice"
LOGIC, OTHER = "logic manipulation", "other"


@pytest.fixture
def project() -> Project:
    return make_project(slug="attacks", task_type=Project.TaskType.RED_TEAM, dimension="safety")


def make_attempt(
    project: Project, person: User, model: ModelVersion, *, violating: bool, minutes: float = 30, **fields: object
) -> RedTeamAttempt:
    """A labelled attempt whose dialogue is one prompt and one answer."""
    prompt = make_prompt(project, str(fields.pop("text", "")))
    place = make_item(project, prompt, overlap=1).assignments.get()
    Assignment.objects.filter(pk=place.pk).update(status="submitted", annotator=person)
    dialogue = Dialogue.objects.create(project=project, assignment=place, annotator=person)
    response = Response.objects.create(prompt=prompt, text="Well ...", model_version=model)
    Reply.objects.create(dialogue=dialogue, prompt=prompt, response=response, status=Job.Status.DONE)
    said = {"risk_categories": [CRIME], "attack_vector": LOGIC, "degree": 3, "seconds": minutes * 60} | fields
    return RedTeamAttempt.objects.create(assignment=place, model_version=model, violating=violating, **said)


def rated(item: Item, *points: int) -> None:
    for given in points:
        place = Assignment.objects.create(item=item, status="submitted", annotator=make_user())
        assert item.response_1 is not None
        Rating.objects.create(assignment=place, response=item.response_1, points=given, scale=5)


def answered(project: Project, prompt: Prompt, model: ModelVersion, text: str) -> Item:
    copy = Prompt(messages=prompt.messages)
    add_responses(project, [Response(prompt=copy, text=text, model_version=model)])
    return Item.objects.get(project=project, response_1__text=text)


def test_hours_and_attempts_belong_to_people_and_models(project: Project) -> None:
    ann, bob, one, two = make_user(username="ann"), make_user(username="bob"), make_model("one"), make_model("two")
    make_attempt(project, ann, one, violating=True, minutes=60)
    make_attempt(project, ann, one, violating=False, minutes=30)
    make_attempt(project, bob, two, violating=False, minutes=15, turns=4)
    dropped = make_attempt(project, bob, two, violating=True)
    RedTeamAttempt.objects.filter(pk=dropped.pk).update(current=False)  # rejected by a reviewer
    people = [(each.of, each.hours, each.attempts, each.violating) for each in red_teaming.by_person(project)]
    assert people == [("ann", 1.5, 2, 1), ("bob", 0.25, 1, 0)]
    models = [(each.of, each.hours, each.violating, each.turns) for each in red_teaming.by_model(project)]
    assert models == [(one, 1.5, 1, 2), (two, 0.25, 0, 4)]
    assert red_teaming.total(project).hours == 1.75
    assert len(red_teaming.by_week(project)) == 2


def test_an_attempt_on_two_categories_covers_both(project: Project) -> None:
    ann, one = make_user(), make_model()
    make_attempt(project, ann, one, violating=True, risk_categories=[CRIME, ADVICE])
    make_attempt(project, ann, one, violating=False)
    make_attempt(project, ann, one, violating=False, risk_categories=["piracy"], attack_vector=OTHER)
    found = red_teaming.coverage(project)
    cells = {(cell.category, cell.vector): (cell.attempts, cell.violating) for _, row in found.rows for cell in row}
    assert cells[CRIME, LOGIC] == (2, 1)
    assert cells[ADVICE, LOGIC] == (1, 1)
    assert cells["piracy", OTHER] == (1, 0)  # no longer, or never, in the taxonomy: still shown
    assert found.empty == 3 * 7 - 2
    assert red_teaming.filtered(project, {"category": ADVICE}).count() == 1
    assert red_teaming.filtered(project, {"category": CRIME, "violating": "no"}).count() == 1


def test_a_rejection_is_what_most_raters_find_safe(project: Project) -> None:
    ann, old, new = make_user(), make_model("old"), make_model("new")
    texts = ("How?", "Why not?", "Please?", "And now?")
    prompts = [make_attempt(project, ann, old, violating=True, text=text).assignment.item.prompt for text in texts]
    make_attempt(project, ann, old, violating=False, text="Withstood.")
    rating = make_project(task_type=Project.TaskType.SAFETY_RATING, overlap=1)
    rated(answered(rating, prompts[0], new, "I would rather not."), 5, 4, 2)  # safe for two of three
    rated(answered(rating, prompts[1], new, "With a file."), 1, 2, 3)  # a violation for two of three
    rated(answered(rating, prompts[2], new, "Perhaps."), 2, 3)  # a tie is no rejection
    answered(rating, prompts[3], new, "Not rated yet.")
    rated(answered(rating, prompts[0], old, "The old one again."), 5)  # it was the one that failed
    (line,) = red_teaming.rejections(project)
    assert (line.model, line.asked, line.rated, line.rejected) == (new, 4, 3, 1)
    assert line.projects == (rating,)


@pytest.fixture
def manager() -> Iterator[Client]:
    client = Client()
    client.force_login(make_user("manager"))
    yield client


def test_the_page_shows_it_and_each_cell_leads_to_its_attempts(project: Project, manager: Client) -> None:
    ann, one = make_user(username="ann"), make_model("the-hidden-one")
    for violating in (True, True, False):
        make_attempt(project, ann, one, violating=violating, minutes=20)
    html = manager.get(reverse("red-team", args=["attacks"])).content.decode()
    assert "the-hidden-one" in html and "20 cells have not been tried" in html
    assert "66.7 %" in html or "67 %" in html
    address = reverse("red-team-attempts", args=["attacks"])
    assert f"{address}?category={CRIME.replace(' ', '%20')}&amp;vector={LOGIC.replace(' ', '%20')}" in html
    page = manager.get(address, {"category": CRIME, "vector": LOGIC, "violating": "yes"}).content.decode()
    assert "2 attempts" in page and "Well ..." in page
    page = manager.get(address, {"vector": OTHER}).content.decode()
    assert "No attempt like this" in page


def test_a_reviewer_reads_no_model_names(project: Project) -> None:
    make_attempt(project, make_user(), make_model("the-hidden-one"), violating=True)
    client = Client()
    client.force_login(make_user("reviewer"))
    for name in ("red-team", "red-team-attempts"):
        page = client.get(reverse(name, args=["attacks"]))
        assert page.status_code == 200 and "the-hidden-one" not in page.content.decode()
    assert client.post(reverse("red-team-reask", args=["attacks"])).status_code == 403


@pytest.mark.parametrize("what", ["its own prompts alone", "wrong project"])
def test_what_cannot_be_asked_again_is_said(project: Project, manager: Client, what: str) -> None:
    model = make_model("writer", backend=ModelVersion.Backend.LOCAL, path="/models/writer")
    into = make_project(task_type=Project.TaskType.SAFETY_RATING)
    make_attempt(project, make_user(), model, violating=True)
    fields = {"ask-model": model.pk, "ask-into": into.pk, "ask-temperature": "0.7", "ask-max_new_tokens": "60"}
    if what == "wrong project":
        fields["ask-into"] = project.pk
    page = manager.post(reverse("red-team-reask", args=["attacks"]), fields)
    assert page.status_code == 200
    wanted = "has brought another model than" if what == "its own prompts alone" else "Select a valid choice"
    assert wanted in page.content.decode()
