"""Two responses side by side, and which one a person preferred."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from annotation.models.items import Assignment
from annotation.models.projects import Batch, PoolEntry, Project
from annotation.models.prompts import Prompt
from annotation.models.revisions import Revision
from modeling.registry.models import Job, ModelVersion


class Response(models.Model):
    """An answer to a prompt, with everything that is known about how it was sampled."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="responses")
    text = models.TextField(blank=True)
    model_version = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="responses"
    )
    temperature = models.FloatField(null=True, blank=True)
    top_p = models.FloatField(null=True, blank=True)
    max_new_tokens = models.PositiveIntegerField(null=True, blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    finish_reason = models.CharField(max_length=20, blank=True, help_text="stop (end of turn) or length.")
    latency = models.FloatField(null=True, blank=True, help_text="Seconds from start to last token.")
    identity: Any = models.JSONField(
        default=list, blank=True, help_text="[[start, end], ...]: where the text says who wrote it. See identity.py."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.text[:80]


class Dialogue(models.Model):
    """A conversation that an annotator leads: each turn is a comparison whose chosen response continues it, or, in red
    teaming, one reply of a model that stays hidden."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="dialogues")
    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE, related_name="dialogue")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="dialogues")
    variant = models.ForeignKey(
        PoolEntry, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="The hidden model's."
    )
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"dialogue {self.pk} in {self.project}"


class Comparison(Job):
    """Two responses to one prompt in the order in which one annotator sees them: A on the left, B on the right.

    It is queued while its responses are sampled and done when both are there; imported ones are done from the start.
    """

    TASK = "workers.sample_comparison"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="comparisons")
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="comparisons")
    response_a = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="shown_as_a")
    response_b = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="shown_as_b")
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.CASCADE, related_name="comparisons"
    )
    dialogue = models.ForeignKey(Dialogue, null=True, blank=True, on_delete=models.CASCADE, related_name="comparisons")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="comparisons"
    )
    turn = models.PositiveSmallIntegerField(default=1)
    regeneration = models.PositiveSmallIntegerField(
        default=0, help_text="How often this turn's answers had been sampled anew; the latest ones are judged."
    )
    shown_at = models.DateTimeField(
        null=True, blank=True, help_text="When both responses were first on the annotator's page."
    )
    source = models.CharField(max_length=50, blank=True, help_text="Empty when it was made here, else its format.")
    external_id = models.CharField(max_length=200, blank=True, help_text="The pair's name in the imported file.")
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "annotator"], name="comparisons_by_annotator")]
        constraints = [
            models.UniqueConstraint(fields=["project", "import_key"], name="nothing_is_imported_twice"),
            models.UniqueConstraint(fields=["assignment", "turn", "regeneration"], name="one_comparison_per_turn"),
            models.CheckConstraint(
                name="two_different_responses", condition=~models.Q(response_a=models.F("response_b"))
            ),
        ]

    def __str__(self) -> str:
        return f"comparison {self.pk} in {self.project}"


class Reply(Job):
    """One answer of the hidden model in a red teamer's dialogue: queued while it is sampled, done when it is there."""

    TASK = "workers.sample_reply"

    dialogue = models.ForeignKey(Dialogue, on_delete=models.CASCADE, related_name="replies")
    turn = models.PositiveSmallIntegerField(default=1)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="replies")
    response = models.OneToOneField(Response, on_delete=models.PROTECT, related_name="reply")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dialogue", "turn"], name="one_reply_per_turn")]

    def __str__(self) -> str:
        return f"reply {self.turn} in {self.dialogue}"


class Preference(Revision):
    """What somebody said about a comparison.

    `points` run from 1 (A is much the better) to `scale` (B is); an even scale forces a choice, an odd one has a
    middle. Imported pairs may state a choice without its strength: then points is NULL.
    """

    class Choice(models.TextChoices):
        A = "a", "A"
        B = "b", "B"
        TIE = "tie", "about the same"
        NEITHER = "neither", "both unusable"

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="preferences")
    choice = models.CharField(max_length=10, choices=Choice)
    points = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(9)]
    )
    scale = models.PositiveSmallIntegerField(default=8, help_text="How many points the scale has.")
    margin = models.FloatField(null=True, blank=True, help_text="Margin as imported, where the file gave one.")
    a_safe = models.BooleanField(null=True, blank=True)
    b_safe = models.BooleanField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["submitted_at"], name="preferences_by_day")]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "revision"], name="one_preference_per_revision"),
            models.UniqueConstraint(
                fields=["comparison"], condition=models.Q(current=True), name="one_current_preference"
            ),
            models.CheckConstraint(
                name="points_within_the_scale",
                condition=models.Q(points=None) | models.Q(points__gte=1, points__lte=models.F("scale")),
            ),
            models.CheckConstraint(
                name="both_unusable_has_no_points", condition=~models.Q(choice="neither") | models.Q(points=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_choice_display()} in {self.comparison}"

    @property
    def chosen(self) -> Response | None:
        """The preferred response; None for a tie or when both were unusable."""
        return {"a": self.comparison.response_a, "b": self.comparison.response_b}.get(self.choice)

    @property
    def rejected(self) -> Response | None:
        return {"a": self.comparison.response_b, "b": self.comparison.response_a}.get(self.choice)

    @property
    def rating(self) -> str | None:
        """By how much (section 3.2.1): significantly, better, slightly or negligibly; None for a tie or unrated."""
        return rating_of(self.points, self.scale)


RATINGS = ("significantly", "better", "slightly", "negligibly")


def choice_of(points: int, scale: int) -> str:
    """The choice that `points` on a scale of `scale` points state."""
    middle = (scale + 1) / 2
    if points == middle:
        return Preference.Choice.TIE
    return Preference.Choice.A if points < middle else Preference.Choice.B


def rating_of(points: int | None, scale: int) -> str | None:
    """The strength that `points` state: the outermost point is `significantly`, and so on inwards."""
    if points is None or points == (scale + 1) / 2:
        return None
    return RATINGS[min(points - 1, scale - points)]
