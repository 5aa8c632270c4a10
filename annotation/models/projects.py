"""A project: one kind of work on one dimension, its guideline, its weekly batches and the models it samples."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from modeling.registry.models import ModelVersion


class Project(models.Model):
    """A stream of human judgements, for instance safety preferences (section 3.2.1)."""

    class TaskType(models.TextChoices):
        PREFERENCE = "preference", "preference between two sampled answers"
        PAIRWISE_EVALUATION = "pairwise_evaluation", "pairwise evaluation of stored answers"

    class Dimension(models.TextChoices):
        HELPFULNESS = "helpfulness", "helpfulness"
        SAFETY = "safety", "safety"

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
    def scale(self) -> int:
        """Points of the preference scale: eight (a forced choice) or seven (with a middle), recipe.md 2 and 8."""
        return 8 if self.task_type == self.TaskType.PREFERENCE else 7

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
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_guideline_per_number")]

    def __str__(self) -> str:
        return f"{self.project} guideline {self.number}"


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
