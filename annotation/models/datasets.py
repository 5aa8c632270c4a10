"""Snapshots of the collected data: what was handed to a training run or a person, and when."""

from typing import Any

from django.conf import settings
from django.db import models

from annotation.models.projects import Project


class DatasetSnapshot(models.Model):
    """An immutable export: its digest names its content, its manifest says how it came about."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="snapshots")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the exported lines.")
    manifest: Any = models.JSONField(default=dict)
    rows = models.PositiveIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.project}, {self.digest[:12]}"
