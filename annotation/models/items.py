"""Units of work and who has them.

An item is created together with as many assignments as its overlap. Claiming work is taking one of these rows, so an
item can never collect more answers than its overlap, and the unique constraint keeps one annotator to one answer.
"""

from typing import Any

from django.conf import settings
from django.db import models

from annotation.models.projects import Batch, Project
from annotation.models.prompts import Prompt


class Item(models.Model):
    """Something to be judged: a prompt to start a dialogue from, or a prompt with two stored responses to compare."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="items")
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="items")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT)
    own_prompt = models.BooleanField(
        default=False, help_text="An annotator wrote the prompt for a dialogue of their own; nobody else is given it."
    )
    response_1 = models.ForeignKey(
        "annotation.Response", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    response_2 = models.ForeignKey(
        "annotation.Response", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="two_stored_responses_or_none",
                condition=models.Q(response_1=None, response_2=None)
                | models.Q(response_1__isnull=False, response_2__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"item {self.pk} of {self.project}"


class Assignment(models.Model):
    """One of an item's places: open, leased to an annotator, or submitted."""

    class Status(models.TextChoices):
        OPEN = "open", "open"
        LEASED = "leased", "leased"
        SUBMITTED = "submitted", "submitted"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="assignments")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    leased_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "item"])]
        constraints = [
            models.UniqueConstraint(fields=["item", "annotator"], name="one_annotator_answers_one_item_once"),
            models.CheckConstraint(
                name="an_open_place_has_no_annotator",
                condition=models.Q(status="open", annotator=None)
                | (~models.Q(status="open") & ~models.Q(annotator=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} by {self.annotator or 'nobody yet'}"


class Skip(models.Model):
    """An annotator passed on an item; it is not offered to them again."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="skips")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "annotator"], name="one_skip_per_item")]


class Draft(models.Model):
    """What an annotator has typed or chosen in a project and not submitted yet."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    fields: Any = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "annotator"], name="one_draft_per_project")]
