"""Campaigns of human evaluation and the scores that reward models give."""

from django.db import models
from django.urls import reverse

from annotation.models import Project, Response
from modeling.registry.models import ModelVersion


class Campaign(models.Model):
    """Model versions compared pairwise on a prompt set by several raters per item (section 3.4.2).

    Its items, assignments and preferences live in a project of its own, whose task is pairwise evaluation and whose
    overlap is the number of raters per item.
    """

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    project = models.OneToOneField(Project, on_delete=models.PROTECT, related_name="campaign")
    model_versions = models.ManyToManyField(ModelVersion, related_name="campaigns")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaign", args=[self.slug])


class Score(models.Model):
    """What a reward model gives a response: the raw linear score, before any sigmoid."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="scores")
    response = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="scores")
    value = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model_version", "response"], name="one_score_per_response")]
