"""What people say at a place of work other than a comparison: ratings, demonstrations, red-team attempts."""

from typing import Any

from django.db import models

from annotation.models.comparisons import Response
from annotation.models.items import Assignment
from annotation.models.prompts import Prompt
from annotation.models.revisions import Revision
from modeling.registry.models import ModelVersion


class PlacedRevision(Revision):
    """A revision of the one thing that is said at a place."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="%(class)ss")

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="one_%(class)s_per_revision"),
            models.UniqueConstraint(
                fields=["assignment"], condition=models.Q(current=True), name="one_current_%(class)s"
            ),
        ]


class Rating(PlacedRevision):
    """Points for one response: safety on five (section 4.4), quality on seven (section 3.4.1)."""

    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="ratings")
    points = models.PositiveSmallIntegerField()
    scale = models.PositiveSmallIntegerField(help_text="How many points the scale has.")

    class Meta(PlacedRevision.Meta):
        constraints = [
            *PlacedRevision.Meta.constraints,
            models.CheckConstraint(
                name="a_rating_within_the_scale", condition=models.Q(points__gte=1, points__lte=models.F("scale"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points} of {self.scale} for response {self.response_id}"


class Demonstration(PlacedRevision):
    """A prompt and the ideal response to it (sections 3.1 and 4.2.2)."""

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="demonstrations")
    text = models.TextField()

    def __str__(self) -> str:
        return self.text[:80]


class RedTeamAttempt(PlacedRevision):
    """A red teamer's verdict on a dialogue with one hidden model (section 4.3)."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="red_team_attempts")
    risk_categories: Any = models.JSONField(default=list, help_text="Names of the project's risk categories.")
    attack_vector = models.CharField(max_length=200)
    degree = models.PositiveSmallIntegerField(help_text="Of risk, from 1.")
    violating = models.BooleanField(help_text="Whether an answer broke the rules.")
    turns = models.PositiveSmallIntegerField(default=1, help_text="Prompts that were tried.")

    def __str__(self) -> str:
        return f"{self.attack_vector}: {'violating' if self.violating else 'withstood'}"
