"""Tests that a person passes before the work opens."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotation import qualifying
from annotation.gates import gate_of
from annotation.models import Project, QualificationAttempt, QualificationQuestion, QualificationStep
from annotation.qualifying import QualificationError
from tests.factories import make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(slug="tested")


@pytest.fixture
def anna(project: Project) -> User:
    person = make_user(username="anna")
    project.annotators.add(person)
    return person


def make_step(project: Project, number: int = 1, **fields: object) -> QualificationStep:
    """A test of a choice (the second option), a comparison (1 or 2 of 8) and a second choice (options 1 and 3)."""
    step = QualificationStep.objects.create(
        project=project, number=number, title=f"Test {number}", **({"pass_mark": 0.66} | fields)
    )
    questions = [
        ("choice", ["red", "green"], [1]),
        ("comparison", ["Answer one.", "Answer two."], [1, 2]),
        ("choice", ["a", "b", "c"], [0, 2]),
    ]
    for place, (kind, answers, right) in enumerate(questions, 1):
        QualificationQuestion.objects.create(
            step=step, number=place, kind=kind, text=f"Question {place}?", answers=answers, right=right,
            explanation=f"Because of {place}.",
        )  # fmt: skip
    return step


def given(attempt: QualificationAttempt, *answers: str) -> dict[str, str]:
    return {question["key"]: answer for question, answer in zip(attempt.asked, answers, strict=False)}


def test_the_work_opens_once_every_step_is_passed(project: Project, anna: User) -> None:
    first, second = make_step(project), make_step(project, 2)
    gate = gate_of(project, anna)
    assert gate is not None and gate.name == "qualification" and gate.context["current"].step == first
    attempt = qualifying.begin(first, anna)
    done = qualifying.submit(attempt, given(attempt, "1", "2", "1"))
    assert (done.score, done.passed) == (pytest.approx(2 / 3), True)
    gate = gate_of(project, anna)
    assert gate is not None and gate.context["current"].step == second
    attempt = qualifying.begin(second, anna)
    assert qualifying.submit(attempt, given(attempt, "1", "1", "0")).score == 1.0
    assert gate_of(project, anna) is None


def test_a_step_cannot_be_jumped(project: Project, anna: User) -> None:
    make_step(project)
    with pytest.raises(QualificationError, match="before this one"):
        qualifying.begin(make_step(project, 2), anna)


def test_a_failed_attempt_is_followed_by_a_wait_and_then_by_the_last_one(project: Project, anna: User) -> None:
    step = make_step(project, attempts=2, retake_hours=24)
    attempt = qualifying.begin(step, anna)
    assert not qualifying.submit(attempt, given(attempt, "0", "8", "1")).passed
    with pytest.raises(QualificationError, match="may begin at"):
        qualifying.begin(step, anna)
    QualificationAttempt.objects.update(submitted_at=timezone.now() - timedelta(hours=25))
    attempt = qualifying.begin(step, anna)
    assert attempt.number == 2
    qualifying.submit(attempt, given(attempt, "0", "8", "1"))
    QualificationAttempt.objects.update(submitted_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(QualificationError, match="No attempt is left"):
        qualifying.begin(step, anna)
    qualifying.let_in(step, anna)
    assert gate_of(project, anna) is None


def test_missing_answers_are_named_and_nothing_is_graded(project: Project, anna: User) -> None:
    attempt = qualifying.begin(make_step(project), anna)
    with pytest.raises(QualificationError, match="1, 3 still to come"):
        qualifying.submit(attempt, {attempt.asked[1]["key"]: "1"})
    assert QualificationAttempt.objects.get().submitted_at is None


def test_submitting_twice_grades_once(project: Project, anna: User) -> None:
    attempt = qualifying.begin(make_step(project), anna)
    qualifying.submit(attempt, given(attempt, "0", "8", "1"))
    again = qualifying.submit(attempt, given(attempt, "1", "1", "0"))
    assert again.score == 0.0


def test_a_question_that_changes_meanwhile_is_graded_as_it_was_asked(project: Project, anna: User) -> None:
    step = make_step(project)
    attempt = qualifying.begin(step, anna)
    step.questions.filter(number=1).update(right=[0])
    step.questions.filter(number=3).delete()
    assert qualifying.submit(attempt, given(attempt, "1", "1", "0")).score == 1.0


def test_a_step_without_questions_or_closed_is_asked_of_nobody(project: Project, anna: User) -> None:
    QualificationStep.objects.create(project=project, number=1, title="Empty")
    make_step(project, 2, open=False)
    assert gate_of(project, anna) is None


@pytest.mark.parametrize(
    ("kind", "answers", "right", "why"),
    [
        ("choice", ["one"], [0], "at least two options, got 1"),
        ("choice", ["one", "two"], [2], "among 1 to 2"),
        ("comparison", ["one"], [1, 2], "needs 2 answer"),
        ("comparison", ["one", "two"], [2, 9], "between 1 and 8"),
        ("rating", ["one"], [3, 2], "lowest first"),
    ],
)
def test_a_question_that_nobody_could_answer_rightly_is_refused(
    kind: str, answers: list[str], right: list[int], why: str
) -> None:
    with pytest.raises(QualificationError, match=why):
        qualifying.check_question(kind, answers, right, 8)


def test_the_pages_keep_what_is_chosen_and_tell_the_answers_only_at_the_end(
    client: Client, project: Project, anna: User
) -> None:
    make_step(project)
    client.force_login(anna)
    assert "Begin the test" in client.get("/work/tested/").content.decode()
    assert client.post("/work/tested/tests/1/begin/")["Location"] == "/work/tested/tests/1/"
    attempt = QualificationAttempt.objects.get()
    key = attempt.asked[0]["key"]
    assert client.post("/work/tested/tests/1/", {key: "1"}).status_code == 204
    html = client.get("/work/tested/tests/1/").content.decode()
    assert f'name="{key}" value="1" checked' in html
    assert "Because of" not in html
    answer = client.post("/work/tested/tests/1/", {key: "0", "submit": "1"})
    assert answer.status_code == 422 and "2, 3 still to come" in answer.content.decode()
    client.post("/work/tested/tests/1/", given(attempt, "0", "8", "1") | {"submit": "1"})
    html = client.get("/work/tested/tests/1/").content.decode()
    assert "Not passed" in html and "Because of" not in html  # another attempt is left
    assert "may begin on" in client.get("/work/tested/").content.decode()
    QualificationStep.objects.update(attempts=1)
    assert "Because of 1." in client.get("/work/tested/tests/1/").content.decode()
