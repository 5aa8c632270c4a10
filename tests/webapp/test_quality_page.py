"""The managers' page of quality: rules, gold items, pauses and tests."""

import pytest
from django.test import Client

from annotation.models import Gold, Project, QualificationQuestion, QualificationStep, Standing
from tests.factories import make_model, make_pair, make_project, make_user

pytestmark = pytest.mark.django_db
RULES = {
    "gold_share": "0.1", "gold_warning": "0.8", "gold_pause": "0.6", "max_overlap": "5", "agreement_floor": "0.7",
    "seconds_per_100_words": "6", "daily_cap": "80", "break_minutes": "50", "help_text": "Call Rosa.",
}  # fmt: skip
STEP = {"title": "Reading", "introduction": "", "pass_mark": "80", "attempts": "2", "retake_hours": "24", "open": "on"}


@pytest.fixture
def project(client: Client) -> Project:
    client.force_login(make_user("manager"))
    return make_project(slug="pairs", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=3)


def test_the_rules_are_saved_or_refused_with_what_was_typed(client: Client, project: Project) -> None:
    client.post("/projects/pairs/quality/rules/", RULES | {"sensitive": "on"})
    project.refresh_from_db()
    assert (project.gold_share, project.max_overlap, project.sensitive, project.daily_cap) == (0.1, 5, True, 80)
    for wrong, why in (
        ({"gold_share": "1.5"}, "less than or equal to 1"),
        ({"gold_pause": "0.9"}, "would come before it"),
        ({"max_overlap": "2"}, "fewer than every item has, 3"),
        ({"break_minutes": "1"}, "greater than or equal to 5"),
    ):
        answer = client.post("/projects/pairs/quality/rules/", RULES | wrong)
        assert answer.status_code == 422 and why in answer.content.decode(), wrong
    project.refresh_from_db()
    assert project.max_overlap == 5


def test_an_item_becomes_gold_and_stops_being_it(client: Client, project: Project) -> None:
    item = make_pair(project, make_model(), make_model())
    fields = {"item": str(item.pk), "lowest": "1", "highest": "2", "explanation": "A knows the tide."}
    assert client.post("/projects/pairs/quality/gold/", fields | {"item": "999"}).status_code == 422
    assert client.post("/projects/pairs/quality/gold/", fields | {"highest": "9"}).status_code == 422
    client.post("/projects/pairs/quality/gold/", fields)
    assert Gold.objects.get().expected == {"points": [1, 2]}
    assert [line.gold.item for line in client.get("/projects/pairs/quality/").context["gold_lines"]] == [item]
    client.post(f"/projects/pairs/quality/gold/{Gold.objects.get().pk}/remove/")
    assert not Gold.objects.exists()


def test_a_manager_pauses_a_person_with_a_reason_and_lets_them_go_on(client: Client, project: Project) -> None:
    anna = make_user(username="anna")
    project.annotators.add(anna)
    address = f"/projects/pairs/quality/people/{anna.pk}/pause/"
    client.post(address, {"reason": ""})
    assert not Standing.objects.exists()
    client.post(address, {"reason": "Please call me."})
    assert Standing.objects.get().paused_because == "Please call me."
    worker = Client()
    worker.force_login(anna)
    assert "Please call me." in worker.get("/work/pairs/").content.decode()
    client.post(address)
    assert Standing.objects.get().paused_at is None


def test_a_test_is_made_question_by_question(client: Client, project: Project) -> None:
    assert client.post("/projects/pairs/quality/tests/", STEP)["Location"] == "/projects/pairs/quality/tests/1/"
    made = QualificationStep.objects.get()
    assert (made.number, made.pass_mark) == (1, 0.8)
    address = "/projects/pairs/quality/tests/1/questions/"
    choice = {"kind": "choice", "text": "Which?", "answers": "one\ntwo", "right": "2", "explanation": "It is."}
    assert client.post(address, choice | {"right": "3"}).status_code == 422
    assert client.post(address, choice | {"right": "two"}).status_code == 422
    client.post(address, choice)
    client.post(
        address, {"kind": "comparison", "text": "Which?", "answers": "First,\nlong.\n---\nSecond.", "right": "1-2"}
    )
    kept = list(QualificationQuestion.objects.values_list("number", "answers", "right"))
    assert kept == [(1, ["one", "two"], [1]), (2, ["First,\nlong.", "Second."], [1, 2])]
    html = client.get("/projects/pairs/quality/tests/1/").content.decode()
    assert "Right: 2" in html
    client.post(f"/projects/pairs/quality/tests/1/questions/{QualificationQuestion.objects.get(number=1).pk}/remove/")
    assert QualificationQuestion.objects.get().number == 2
