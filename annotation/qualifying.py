"""Qualification: tests that a person passes, step by step, before a project's work opens to them (section A.5).

An attempt keeps the questions as they stood when it began, so that an edit never changes what somebody was asked. The
right answers are shown after an attempt was passed or when none is left, never in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from annotation.gates import Gate
from annotation.models import Project, QualificationAttempt, QualificationQuestion, QualificationStep, Standing

Kind = QualificationQuestion.Kind


class QualificationError(Exception):
    """An attempt that can't begin or be submitted now; says why."""


@dataclass(frozen=True)
class StepState:
    """Where a person stands at a step."""

    step: QualificationStep
    attempts: list[QualificationAttempt]
    """Newest first."""

    @property
    def passed(self) -> bool:
        return any(attempt.passed for attempt in self.attempts)

    @property
    def open(self) -> QualificationAttempt | None:
        return next((attempt for attempt in self.attempts if attempt.submitted_at is None), None)

    @property
    def submitted(self) -> list[QualificationAttempt]:
        return [attempt for attempt in self.attempts if attempt.submitted_at is not None]

    @property
    def left(self) -> int:
        """Attempts that remain, the open one included."""
        return max(0, self.step.attempts - len(self.submitted))

    @property
    def may_begin_at(self) -> datetime | None:
        """When the next attempt may begin; None at once."""
        if self.open or not self.submitted or self.submitted[0].submitted_at is None:
            return None
        free = self.submitted[0].submitted_at + timedelta(hours=self.step.retake_hours)
        return free if free > timezone.now() else None


def states_of(project: Project, annotator: Any) -> list[StepState]:
    """Every open step with questions, in order, and where the person stands there."""
    steps = list(project.qualification_steps.filter(open=True, questions__isnull=False).distinct().order_by("number"))
    if not steps:
        return []
    tries = QualificationAttempt.objects.filter(step__in=steps, annotator=annotator.pk).order_by("-number")
    by_step: dict[int, list[QualificationAttempt]] = {}
    for attempt in tries:
        by_step.setdefault(attempt.step_id, []).append(attempt)
    return [StepState(step, by_step.get(step.pk, [])) for step in steps]


def gate(project: Project, annotator: AbstractUser, standing: Standing | None) -> Gate | None:
    """Closed until every step is passed."""
    states = states_of(project, annotator)
    current = next((state for state in states if not state.passed), None)
    if current is None:
        return None
    return Gate("qualification", "annotation/gates/qualification.html", {"states": states, "current": current})


@transaction.atomic
def begin(step: QualificationStep, annotator: AbstractUser) -> QualificationAttempt:
    """The person's open attempt at a step, begun now where there is none. Raises QualificationError."""
    step = QualificationStep.objects.select_for_update(no_key=True).select_related("project").get(pk=step.pk)
    states = states_of(step.project, annotator)
    state = next((state for state in states if state.step == step), None)
    if state is None:
        raise QualificationError("This test is closed.")
    if state.open:
        return state.open
    if state.passed:
        raise QualificationError("You have passed this test already.")
    if any(not earlier.passed for earlier in states[: states.index(state)]):
        raise QualificationError("Pass the tests before this one first.")
    if state.left == 0:
        raise QualificationError("No attempt is left. Please talk to a manager.")
    if state.may_begin_at:
        raise QualificationError(f"The next attempt may begin at {timezone.localtime(state.may_begin_at):%d %b %H:%M}.")
    asked = [snapshot(question) for question in step.questions.order_by("number")]
    return QualificationAttempt.objects.create(
        step=step, annotator_id=annotator.pk, number=len(state.attempts) + 1, asked=asked
    )


def snapshot(question: QualificationQuestion) -> dict[str, Any]:
    return {
        "key": f"q{question.pk}",
        "kind": question.kind,
        "text": question.text,
        "answers": question.answers,
        "right": question.right,
        "explanation": question.explanation,
    }


def keep(attempt: QualificationAttempt, given: Mapping[str, Any]) -> None:
    """Keep what is answered so far."""
    keys = {question["key"] for question in attempt.asked}
    answers = {key: str(value)[:20] for key, value in given.items() if key in keys and value}
    QualificationAttempt.objects.filter(pk=attempt.pk, submitted_at=None).update(answers=answers)


@transaction.atomic
def submit(attempt: QualificationAttempt, given: Mapping[str, Any]) -> QualificationAttempt:
    """Grade an attempt; submitting it again changes nothing. Raises QualificationError where answers are missing."""
    attempt = QualificationAttempt.objects.select_for_update(of=("self",)).select_related("step").get(pk=attempt.pk)
    if attempt.submitted_at is not None:
        return attempt
    keep(attempt, given)
    attempt.refresh_from_db(fields=["answers"])
    missing = [place for place, question in enumerate(attempt.asked, 1) if question["key"] not in attempt.answers]
    if missing:
        raise QualificationError(f"Answer every question: {', '.join(map(str, missing))} still to come.")
    attempt.score = sum(map(is_right, attempt.asked, each(attempt))) / len(attempt.asked)
    attempt.passed = attempt.score >= attempt.step.pass_mark - 1e-9
    attempt.submitted_at = timezone.now()
    attempt.save(update_fields=["score", "passed", "submitted_at"])
    return attempt


def each(attempt: QualificationAttempt) -> list[str]:
    """The answers in the order of the questions."""
    return [attempt.answers.get(question["key"], "") for question in attempt.asked]


def is_right(question: Mapping[str, Any], answer: str) -> bool:
    """Whether an answer is one of the right options, or within the right points of the scale."""
    if not answer.isdigit():
        return False
    if question["kind"] == Kind.CHOICE:
        return int(answer) in question["right"]
    lowest, highest = question["right"]
    return bool(lowest <= int(answer) <= highest)


@transaction.atomic
def let_in(step: QualificationStep, annotator: Any) -> QualificationAttempt:
    """A manager's decision: the person counts as having passed, without a score."""
    tries = QualificationAttempt.objects.filter(step=step, annotator=annotator.pk)
    tries.filter(submitted_at=None).delete()
    number = tries.count() + 1
    return QualificationAttempt.objects.create(
        step=step, annotator_id=annotator.pk, number=number, passed=True, submitted_at=timezone.now()
    )


def check_question(kind: str, answers: list[str], right: list[int], scale: int) -> None:
    """Raises QualificationError where nobody could answer the question rightly."""
    wanted = {Kind.COMPARISON: 2, Kind.RATING: 1}
    if kind == Kind.CHOICE:
        if len(answers) < 2:
            raise QualificationError(f"A choice needs at least two options, got {len(answers)}.")
        if not right or not all(0 <= index < len(answers) for index in right):
            raise QualificationError(f"The right options must be among 1 to {len(answers)}.")
        return
    if len(answers) != wanted[Kind(kind)]:
        raise QualificationError(f"It needs {wanted[Kind(kind)]} answer(s) to judge, got {len(answers)}.")
    if len(right) != 2 or not 1 <= right[0] <= right[1] <= scale:
        raise QualificationError(f"The right points must be two numbers between 1 and {scale}, lowest first.")
