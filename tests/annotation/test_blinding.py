"""Nothing that an annotator is given says which model wrote which answer."""

import random
from itertools import pairwise

import pytest
from django.test import Client

from annotation import blinding, comparing, dialogues, exporting
from annotation.models import Assignment, Comparison, Project, Response
from modeling.registry.models import ModelVersion
from tests.annotation.answering import answer
from tests.annotation.test_work_pages import joined, judge, page
from tests.factories import make_item, make_judgement, make_model, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db

DRAWS = 400
HIDDEN = "[model name hidden]"
TELLING = "I am Kestrel, made by Anthropic. Salt comes with the rivers."


def asked(
    client: Client, project: Project, a: str, b: str = "Because.", text: str = "Why?", turn: int = 1
) -> Comparison:
    """A turn whose answers came, looked through as the worker does it."""
    client.post(f"/work/{project.slug}/prompt/", {"prompt": text, "turn": turn})
    comparison = Comparison.objects.latest("pk")
    answer(comparison, a, b)
    comparison.refresh_from_db()
    for side in (comparison.response_a, comparison.response_b):
        side.refresh_from_db()
    blinding.check([comparison.response_a, comparison.response_b])
    return comparison


def test_a_name_in_an_answer_is_masked_on_the_page_and_stays_in_the_row(client: Client, annotator: User) -> None:
    project = joined(annotator)
    comparison = asked(client, project, TELLING)
    html = page(client, project)
    assert "Kestrel" not in html and "Anthropic" not in html
    assert f"I am {HIDDEN}, made by {HIDDEN}. Salt comes with the rivers." in html
    assert comparison.response_a.text == TELLING and comparison.response_a.identity == [[5, 12], [22, 31]]


def test_it_stays_masked_in_the_history_of_later_turns(client: Client, annotator: User) -> None:
    project = joined(annotator)
    judge(client, asked(client, project, TELLING), 1)
    assert "Anthropic" not in page(client, project) and HIDDEN in page(client, project)
    later = asked(client, project, "Yes.", text="Sure?", turn=2)
    html = page(client, project)
    assert "Anthropic" not in html and HIDDEN in html
    assert later.prompt.messages[1]["content"] == TELLING  # the models read what was said


def test_a_project_may_show_the_names_and_flag_the_answers_to_its_managers(client: Client, annotator: User) -> None:
    project = joined(annotator, identity_policy=Project.IdentityPolicy.FLAG)
    comparison = asked(client, project, TELLING)
    assert "I am Kestrel, made by Anthropic." in page(client, project)
    judge(client, comparison, 1)
    asked(client, project, "Nothing told.", text="Sure?", turn=2)
    assert list(blinding.telling(project)) == [comparison]


def test_stored_answers_are_looked_through_before_they_are_compared(client: Client, annotator: User) -> None:
    project = joined(annotator, task_type=Project.TaskType.PAIRWISE_EVALUATION)
    prompt = make_prompt(project)
    model = make_model("curlew-13b")
    one = prompt.responses.create(text="Answered by curlew-13b: yes.", model_version=model)
    make_item(project, prompt, response_1=one, response_2=prompt.responses.create(text="No."))
    client.post(f"/work/{project.slug}/take/")
    html = page(client, project)
    assert "curlew" not in html and f"Answered by {HIDDEN}: yes." in html
    one.refresh_from_db()
    assert one.identity == [[12, 22]]


def test_training_data_has_the_words_as_the_model_said_them(client: Client, annotator: User) -> None:
    project = joined(annotator)
    judge(client, asked(client, project, TELLING), 1)
    [row] = exporting.rows_of(project, exporting.Selection(), exporting.Counts(), frozenset())
    assert row["chosen"] == [{"role": "assistant", "content": TELLING}]


def test_side_and_model_are_independent(annotator: User) -> None:
    """Of 400 draws each model is on the left in 200, give or take four standard deviations of 10."""
    random.seed(7)
    project = joined(annotator)
    quick, slow = ModelVersion.objects.filter(pool_entries__project=project).order_by("pk")
    prompt = make_prompt(project)
    for _ in range(DRAWS):
        place = Assignment.objects.create(item=make_item(project, prompt), annotator=annotator, status="leased")
        dialogues.compare(dialogues.open_dialogue(place, annotator), prompt)
    rows = Comparison.objects.select_related("response_a", "response_b")
    lefts = [row.response_a.model_version_id for row in rows]
    assert set(lefts) == {quick.pk, slow.pk} and abs(lefts.count(quick.pk) - DRAWS / 2) < 40
    # keys follow the sides, never the models: whoever saw them would learn the sides that they see anyway
    assert all(row.response_a_id < row.response_b_id for row in rows)
    runs = sum(one != other for one, other in pairwise(lefts))
    assert abs(runs - DRAWS / 2) < 40, "the last draw foretells the next"


def test_the_sides_of_stored_answers_are_drawn_for_every_rater() -> None:
    random.seed(7)
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=1)
    prompt, rater = make_prompt(project), make_user()
    first = 0
    for _ in range(DRAWS):
        one, other = (prompt.responses.create(text=text) for text in ("One.", "Other."))
        item = make_item(project, prompt, response_1=one, response_2=other)
        place = item.assignments.get()
        place.annotator, place.status = rater, Assignment.Status.LEASED
        first += comparing.present(place).response_a == one
    assert abs(first - DRAWS / 2) < 40


def test_asking_again_after_a_failure_forgets_where_the_old_text_told_its_model(
    client: Client, annotator: User
) -> None:
    project = joined(annotator)
    comparison = asked(client, project, TELLING)
    Comparison.objects.update(status="failed")
    client.post(f"/work/{project.slug}/again/{comparison.pk}/")
    assert set(Response.objects.values_list("text", flat=True)) == {""}
    assert all(identity == [] for identity in Response.objects.values_list("identity", flat=True))


def test_a_reviewer_reads_the_answers_masked_too(annotator: User) -> None:
    project = make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION)
    prompt = make_prompt(project)
    one, other = prompt.responses.create(text=TELLING), prompt.responses.create(text="No.")
    blinding.check([one, other])
    item = make_item(project, prompt, response_1=one, response_2=other)
    place = make_judgement(item, annotator, 2).comparison.assignment
    assert place is not None
    client = Client()
    client.force_login(make_user("reviewer"))
    html = client.get(f"/projects/pairs/reviews/{place.pk}/").content.decode()
    assert "Salt comes with the rivers." in html and HIDDEN in html
    assert "Kestrel" not in html and "Anthropic" not in html
