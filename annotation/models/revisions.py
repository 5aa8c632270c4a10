"""What every judgement is: a revision that is never overwritten, knows its guideline and has a key of its own."""

import uuid
from typing import Any

from django.db import models

from annotation.models.projects import GuidelineVersion


class Revision(models.Model):
    """One revision of what somebody said. An edit is a new one; the old one stays."""

    revision = models.PositiveSmallIntegerField(default=1)
    current = models.BooleanField(
        default=True, help_text="Whether it counts: the latest revision of work that was not rejected."
    )
    criteria: Any = models.JSONField(default=dict, blank=True, help_text="Answers to the project's questions, by key.")
    guideline = models.ForeignKey(GuidelineVersion, null=True, blank=True, on_delete=models.PROTECT)
    submission = models.UUIDField(unique=True, default=uuid.uuid4, help_text="The key it came under: twice is once.")
    seconds = models.FloatField(null=True, blank=True, help_text="From being shown to submission.")
    submitted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
