"""A project: one kind of work on one dimension, its guideline, its weekly batches and the models it samples."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from annotation.protocol import Protocol, ProtocolError, protocol_of
from modeling.registry.models import ModelVersion

share = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class Project(models.Model):
    """A stream of human judgements, for instance safety preferences (section 3.2.1)."""

    class TaskType(models.TextChoices):
        PREFERENCE = "preference", _("preference between two sampled answers")
        DEMONSTRATION = "demonstration", _("demonstration of the ideal answer")
        RED_TEAM = "red_team", _("red teaming of a hidden model")
        PAIRWISE_EVALUATION = "pairwise_evaluation", _("pairwise evaluation of stored answers")
        SAFETY_RATING = "safety_rating", _("safety rating of stored answers")
        QUALITY_RATING = "quality_rating", _("quality rating of stored answers")

    class Dimension(models.TextChoices):
        HELPFULNESS = "helpfulness", _("helpfulness")
        SAFETY = "safety", _("safety")

    class IdentityPolicy(models.TextChoices):
        """What becomes of an answer that says who wrote it ("As X, trained by Y")."""

        MASK = "mask", _("mask the words")
        FLAG = "flag", _("show the words and flag the answer to managers")

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    task_type = models.CharField(max_length=30, choices=TaskType, default=TaskType.PREFERENCE)
    dimension = models.CharField(max_length=20, choices=Dimension, default=Dimension.HELPFULNESS)
    target = models.PositiveIntegerField(null=True, blank=True, help_text="How many judgements are wanted.")
    overlap = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(20)], help_text="Annotators per item."
    )
    max_turns = models.PositiveSmallIntegerField(
        default=8,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="A dialogue ends after these.",
    )
    own_prompts = models.BooleanField(default=True, help_text="Annotators may write their own prompts.")
    lease_minutes = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(1)], help_text="Work left alone this long goes back to the queue."
    )
    protocol: Any = models.JSONField(
        default=dict, blank=True, help_text="Scale, labels, criteria and taxonomies where they differ from the paper's."
    )
    system_prompt = models.TextField(blank=True, help_text="Said to the models before every prompt that has none.")
    identity_policy = models.CharField(
        max_length=10, choices=IdentityPolicy, default=IdentityPolicy.MASK, help_text="Where an answer names its model."
    )
    regenerations = models.PositiveSmallIntegerField(
        default=1, validators=[MaxValueValidator(10)], help_text="How often a turn's answers may be sampled anew."
    )
    # Assignment: see assigning.py.
    max_overlap = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Items on which the raters disagree get further ones, up to so many. Empty: none.",
    )
    agreement_floor = models.FloatField(
        default=0.7, validators=share, help_text="Agreement of an item's raters (0 to 1) below which another is asked."
    )
    random_order = models.BooleanField(default=True, help_text="Each annotator meets the items in another order.")
    # Care: see care.py.
    sensitive = models.BooleanField(
        default=False, help_text="Harmful content: annotators opt in, and it is blurred until they look."
    )
    daily_cap = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Judgements per person and day, at most."
    )
    break_minutes = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(5)], help_text="A break is suggested after so long."
    )
    help_text = models.TextField(blank=True, help_text="Markdown: whom to turn to when the work weighs on somebody.")
    # Quality: see gold.py, reviewing.py.
    gold_share = models.FloatField(default=0.0, validators=share, help_text="Share of the work that is gold items.")
    gold_warning = models.FloatField(default=0.8, validators=share, help_text="Below this share right, a warning.")
    gold_pause = models.FloatField(default=0.6, validators=share, help_text="Below this, the person's work pauses.")
    seconds_per_100_words = models.FloatField(
        default=6.0, validators=[MinValueValidator(0.0)], help_text="Faster than this is haste. 0: never."
    )
    annotators = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="projects", blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(name="overlap_of_at_least_one", condition=models.Q(overlap__gte=1))]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("project", args=[self.slug])

    @property
    def is_safety(self) -> bool:
        return self.dimension == self.Dimension.SAFETY

    @property
    def marks_safety(self) -> bool:
        """Whether each of two answers is marked safe or unsafe (section 3.2.1)."""
        return self.task_type == self.TaskType.PREFERENCE and (self.is_safety or self.rules.safety_marks)

    def clean(self) -> None:
        try:
            protocol_of(self.task_type, self.protocol)
        except ProtocolError as error:
            raise ValidationError({"protocol": str(error)}) from error
        if self.max_overlap is not None and self.max_overlap < self.overlap:
            raise ValidationError(
                {"max_overlap": f"At most {self.max_overlap} raters is fewer than every item has, {self.overlap}."}
            )

    @property
    def rules(self) -> Protocol:
        """The protocol in full: the paper's, with what this project changed."""
        return protocol_of(self.task_type, self.protocol)

    @property
    def scale(self) -> int:
        """Points of the scale; by default eight (a forced choice) or seven (with a middle), recipe.md 2 and 8."""
        return self.rules.points

    @property
    def guideline(self) -> "GuidelineVersion | None":
        return self.guidelines.order_by("-number").first()

    @property
    def open_batch(self) -> "Batch | None":
        return self.batches.filter(closed_at=None).order_by("-number").first()


class GuidelineVersion(models.Model):
    """The guideline as it stood at one time; every judgement knows which version it was made under."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown.")
    changes = models.CharField(max_length=500, blank=True, help_text="What is new, in a sentence for the annotators.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_guideline_per_number")]

    def __str__(self) -> str:
        return f"{self.project} guideline {self.number}"


class GuidelineReading(models.Model):
    """An annotator has seen a version of the guideline, and what changed since the one that they had seen before."""

    guideline = models.ForeignKey(GuidelineVersion, on_delete=models.CASCADE, related_name="readings")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["guideline", "annotator"], name="a_version_is_read_once")]


class Batch(models.Model):
    """A weekly batch: what was collected between two tuning iterations (section 3.2.1)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=80, blank=True)
    target = models.PositiveIntegerField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["project", "-number"]
        verbose_name_plural = "batches"
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_batch_per_number")]

    def __str__(self) -> str:
        return self.name or f"batch {self.number}"


class PoolEntry(models.Model):
    """A model variant that a project samples answers from: a model version at a temperature."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="pool")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="pool_entries")
    temperature = models.FloatField(default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(2.0)])
    top_p = models.FloatField(default=0.95, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)])
    max_new_tokens = models.PositiveIntegerField(
        default=256, validators=[MinValueValidator(1), MaxValueValidator(8192)]
    )
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name = "sampling pool entry"
        verbose_name_plural = "sampling pool"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "model_version", "temperature", "top_p"], name="one_pool_entry_per_variant"
            ),
            models.CheckConstraint(
                name="temperature_from_0_to_2", condition=models.Q(temperature__gte=0, temperature__lte=2)
            ),
            models.CheckConstraint(name="top_p_from_0_to_1", condition=models.Q(top_p__gt=0, top_p__lte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.model_version} at temperature {self.temperature:g}"
