"""What reviewers say about the work of annotators, and what counts where annotators disagree."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.comparisons import Response
from annotation.models.items import Assignment, Item
from annotation.models.projects import GuidelineVersion


class Review(models.Model):
    """A reviewer's verdict on a submitted place; the latest one counts, the earlier ones stay."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("approved")
        RETURNED = "returned", _("returned")
        REJECTED = "rejected", _("rejected")

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="reviews"
    )
    verdict = models.CharField(max_length=10, choices=Verdict)
    note = models.TextField(blank=True, help_text="What the annotator reads where work is returned or rejected.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}: {self.assignment}"


class Adjudication(models.Model):
    """What counts for an item on which annotators disagreed, beside their own judgements, which stay."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="adjudications")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveSmallIntegerField(default=1)
    current = models.BooleanField(default=True, help_text="Whether this is the latest revision.")
    points = models.PositiveSmallIntegerField(null=True, blank=True, help_text="About response_1 as A.")
    scale = models.PositiveSmallIntegerField()
    preferred = models.ForeignKey(Response, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    labels: Any = models.JSONField(default=dict, blank=True, help_text="Whatever else the kind of work asks for.")
    note = models.TextField(blank=True)
    guideline = models.ForeignKey(GuidelineVersion, null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "revision"], name="one_adjudication_per_revision"),
            models.UniqueConstraint(fields=["item"], condition=models.Q(current=True), name="one_current_adjudication"),
        ]

    def __str__(self) -> str:
        return f"adjudication of {self.item}"
