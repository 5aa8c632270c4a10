"""What the dashboards sum up: counts of an annotator's day in a batch, instead of a million judgements."""

from typing import Any

from django.conf import settings
from django.db import models

from annotation.models.projects import Batch, Project


class Tally(models.Model):
    """The counts of one annotator's judgements of one day in one batch; nobody's and no batch's have theirs too.

    Only what counts is in it. Written by tallies.py alone, from the judgements, and always a whole day anew.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tallies")
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    day = models.DateField()
    judged = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    chose_a = models.PositiveIntegerField(default=0)
    chose_b = models.PositiveIntegerField(default=0)
    tied = models.PositiveIntegerField(default=0)
    unusable = models.PositiveIntegerField(default=0)
    labelled = models.PositiveIntegerField(default=0, help_text="Both answers marked safe or unsafe.")
    both_safe = models.PositiveIntegerField(default=0)
    both_unsafe = models.PositiveIntegerField(default=0)
    chosen_safer = models.PositiveIntegerField(default=0)
    chosen_less_safe = models.PositiveIntegerField(default=0)
    violations = models.PositiveIntegerField(default=0, help_text="Ratings or attempts that say so.")
    chose_longer = models.PositiveIntegerField(default=0)
    lengths_differ = models.PositiveIntegerField(default=0, help_text="Choices between answers of unequal length.")
    turns = models.PositiveIntegerField(default=0, help_text="Judged turns of dialogues.")
    dialogues = models.PositiveIntegerField(default=0)
    context_tokens = models.PositiveBigIntegerField(default=0)
    contexts = models.PositiveIntegerField(default=0, help_text="Judgements whose context was counted.")
    answer_tokens = models.FloatField(default=0)
    answers = models.PositiveIntegerField(default=0, help_text="Judgements whose answers were counted.")
    places = models.PositiveIntegerField(default=0, help_text="Pieces of work submitted that day.")
    hasty = models.PositiveIntegerField(default=0)
    gold = models.PositiveIntegerField(default=0)
    gold_passed = models.PositiveIntegerField(default=0)
    approved = models.PositiveIntegerField(default=0)
    returned = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    compared = models.PositiveIntegerField(default=0, help_text="Judgements whose other raters have a majority.")
    with_majority = models.PositiveIntegerField(default=0)
    points: Any = models.JSONField(default=dict, help_text="How often each point of the project's scale was given.")
    times: Any = models.JSONField(default=dict, help_text="Judgements by the bucket of their seconds; see tallies.py.")
    last_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "tallies"
        indexes = [models.Index(fields=["project", "annotator", "day"])]

    def __str__(self) -> str:
        return f"{self.judged} judgements by {self.annotator or 'nobody known'} on {self.day}"


class StaleTally(models.Model):
    """An annotator's day whose tallies have to be written anew before anybody reads them."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="stale_tallies")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    day = models.DateField()

    class Meta:
        verbose_name_plural = "stale tallies"
        indexes = [models.Index(fields=["project"])]

    def __str__(self) -> str:
        return f"{self.annotator or 'nobody known'} on {self.day}"
