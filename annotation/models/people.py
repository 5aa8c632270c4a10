"""How a person stands in a project: whether they may work, what they agreed to, which tests they passed."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.projects import Project


class Standing(models.Model):
    """One annotator in one project, from the first time that something is to be remembered about them there."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="standings")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="standings")
    consented_at = models.DateTimeField(null=True, blank=True, help_text="Opted in to harmful content.")
    warned_at = models.DateTimeField(null=True, blank=True, help_text="Told that gold items go wrong.")
    paused_at = models.DateTimeField(null=True, blank=True, help_text="Gets no work until a manager resumes it.")
    paused_because = models.CharField(max_length=500, blank=True)
    gold_since = models.DateTimeField(null=True, blank=True, help_text="Gold items before this do not count any more.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "annotator"], name="one_standing_per_project")]

    def __str__(self) -> str:
        return f"{self.annotator} in {self.project}"


class QualificationStep(models.Model):
    """A test that is passed before a project's work opens; steps are taken in the order of their numbers."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="qualification_steps")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120)
    introduction = models.TextField(blank=True, help_text="Markdown.")
    pass_mark = models.FloatField(
        default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)], help_text="Share right to pass."
    )
    attempts = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1)], help_text="How often it may be tried."
    )
    retake_hours = models.PositiveSmallIntegerField(default=24, help_text="Wait between two attempts.")
    open = models.BooleanField(default=True, help_text="A closed step is asked of nobody any more.")

    class Meta:
        ordering = ["project", "number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_step_per_number")]

    def __str__(self) -> str:
        return f"{self.number}. {self.title}"

    @property
    def pass_percent(self) -> int:
        return round(100 * self.pass_mark)


class QualificationQuestion(models.Model):
    """A question of a test: a choice among options, or a comparison of two answers on the project's own scale."""

    class Kind(models.TextChoices):
        CHOICE = "choice", _("one of several options")
        COMPARISON = "comparison", _("two answers on the project's scale")
        RATING = "rating", _("one answer on the project's scale")

    step = models.ForeignKey(QualificationStep, on_delete=models.CASCADE, related_name="questions")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CHOICE)
    text = models.TextField(help_text="Markdown: the question, or the prompt that was answered.")
    answers: Any = models.JSONField(default=list, blank=True, help_text="The options, or the answers to be judged.")
    right: Any = models.JSONField(help_text="Indices of the right options, or the [lowest, highest] right points.")
    explanation = models.TextField(blank=True, help_text="Shown after the attempt. Markdown.")

    class Meta:
        ordering = ["step", "number"]
        constraints = [models.UniqueConstraint(fields=["step", "number"], name="one_question_per_number")]

    def __str__(self) -> str:
        return f"{self.step}, question {self.number}"


class QualificationAttempt(models.Model):
    """One try of a person at a step. Open until submitted; what was answered so far is kept."""

    step = models.ForeignKey(QualificationStep, on_delete=models.PROTECT, related_name="tries")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveSmallIntegerField()
    answers: Any = models.JSONField(default=dict, blank=True, help_text="By the question's key.")
    asked: Any = models.JSONField(default=list, blank=True, help_text="The questions as they stood.")
    score = models.FloatField(null=True, blank=True, help_text="Share right.")
    passed = models.BooleanField(null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "annotator", "number"], name="one_attempt_per_number"),
            models.UniqueConstraint(
                fields=["step", "annotator"], condition=models.Q(submitted_at=None), name="one_open_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.step}"

    @property
    def score_percent(self) -> int | None:
        return None if self.score is None else round(100 * self.score)
