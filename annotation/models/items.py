"""Units of work and who has them.

An item is created together with as many assignments as its overlap. Claiming work is taking one of these rows, so an
item can never collect more answers than its overlap, and the unique constraint keeps one annotator to one answer.
"""

import random
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.projects import Batch, Project
from annotation.models.prompts import Prompt


class Item(models.Model):
    """Something to be judged: a prompt to work on, with one stored response to rate or two to compare.

    Two responses may answer different prompts that open alike: then two whole dialogues are compared.
    """

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
    priority = models.SmallIntegerField(default=0, help_text="Items of a higher priority are given out first.")
    disagreement = models.FloatField(
        null=True, blank=True, help_text="From 0 (all agree) to 1; empty below two judgements. See disagreement.py."
    )
    pattern = models.CharField(
        max_length=60,
        blank=True,
        editable=False,
        help_text="Its raters' points in order, by which agreement is counted.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "batch", "pattern"]),
            models.Index(fields=["project", "-priority"]),
            models.Index(fields=["project", "-disagreement"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="a_second_response_beside_a_first",
                condition=models.Q(response_2=None) | models.Q(response_1__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"item {self.pk} of {self.project}"


class Gold(models.Model):
    """What is known to be right about an item: it is mixed into the work, unannounced, to see who judges well.

    A gold item has no open places of its own: whoever is given it gets one made for them.
    """

    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="gold")
    expected: Any = models.JSONField(help_text='{"points": [lowest, highest]} of the scale, about response_1 as A.')
    explanation = models.TextField(blank=True, help_text="Shown to whoever got it wrong. Markdown.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)


SHUFFLES = 2**31


def shuffled() -> int:
    """Where a place lies in the random order in which places are given out."""
    return random.randrange(SHUFFLES)


class Places(models.QuerySet[Any]):
    """Places take the project and the priority of their item when they are made."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        places = list(objs)
        for place in places:
            place.take_after_item()
        return super().bulk_create(places, *args, **kwargs)


class Assignment(models.Model):
    """One of an item's places: the unit of work, of review and of undoing.

    open -> leased -> submitted is the common way. A reserved place is an annotator's next one, held ready. A submitted
    one may be returned by a reviewer, or taken back by its annotator, and is then leased anew with `revising` set until
    the next revision comes; left alone, it is submitted as it was. Rejected work stays, uncounted, and never opens
    again for the same person.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        RESERVED = "reserved", _("reserved")
        LEASED = "leased", _("in hand")
        SUBMITTED = "submitted", _("submitted")
        RETURNED = "returned", _("returned")
        REJECTED = "rejected", _("rejected")

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="assignments")
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        related_name="assignments",
        editable=False,
        help_text="The item's: work is found by an index over project, status and order.",
    )
    priority = models.SmallIntegerField(default=0, editable=False, help_text="The item's; see assigning.prioritise.")
    shuffle = models.PositiveIntegerField(
        default=shuffled, editable=False, help_text="Where it lies in the project's random order."
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    leased_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    revising = models.BooleanField(default=False, help_text="In hand once more, to revise what was submitted.")
    reopened_at = models.DateTimeField(null=True, blank=True, help_text="When it last came into hand to be revised.")
    seconds = models.FloatField(null=True, blank=True, help_text="Time that its judgements took.")
    hasty = models.BooleanField(default=False, help_text="Judged faster than its words can be read.")
    gold_passed = models.BooleanField(null=True, blank=True, help_text="Of a gold item: whether it was judged right.")
    approved = models.BooleanField(default=False, help_text="By a reviewer: it can't be taken back any more.")

    objects = Places.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "status", "-priority", "shuffle"], name="places_in_random_order"),
            models.Index(fields=["project", "status", "-priority", "item"], name="places_oldest_item_first"),
            models.Index(fields=["annotator", "status", "submitted_at"]),
        ]
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.take_after_item()
        super().save(*args, **kwargs)

    def take_after_item(self) -> None:
        self.project_id, self.priority = self.item.project_id, self.item.priority


class Skip(models.Model):
    """An annotator passed on an item; it is not offered to them again."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="skips")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "annotator"], name="one_skip_per_item")]


class Flag(models.Model):
    """An annotator tells the managers that something is wrong with an item: a broken text, a breach of the rules."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="flags")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    resolution = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "annotator"], name="one_flag_per_item")]


class Draft(models.Model):
    """What an annotator has typed or chosen in a project and not submitted yet."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    fields: Any = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "annotator"], name="one_draft_per_project")]
