"""Campaigns of human evaluation, the scores that reward models give, and the iterations of the loop."""

from django.db import models
from django.urls import reverse

from annotation.models import Project, Response
from modeling.registry.models import ModelVersion, Run


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


class Refusal(models.Model):
    """What a refusal classifier says of a response: above 0 it calls it a refusal (section 4.2.3)."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="refusals")
    response = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="refusals")
    logit = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model_version", "response"], name="one_refusal_per_classifier")]


class Iteration(models.Model):
    """One round of the loop, from V1 on: collect, train reward models, tune the policy, evaluate (section 3.2.3).

    Every round tunes the same base, V0, and adds its candidate to the sampling pool of the next round's batch.
    """

    number = models.PositiveSmallIntegerField()
    helpfulness_project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    safety_project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    settings = models.JSONField(default=dict, help_text="How the round is run; fixed when it begins.")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True, help_text="When its candidate joined the pool.")

    class Meta:
        ordering = ["helpfulness_project", "safety_project", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["helpfulness_project", "safety_project", "number"], name="one_iteration_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"iteration {self.number} of {self.helpfulness_project} and {self.safety_project}"


class Stage(models.Model):
    """A part of an iteration and the run that carries it out. It is done when its run is, and never done twice."""

    class Name(models.TextChoices):
        COLLECTION = "collection", "collection"
        HELPFULNESS_REWARD = "helpfulness_reward", "helpfulness reward model"
        SAFETY_REWARD = "safety_reward", "safety reward model"
        REJECTION_SAMPLING = "rejection_sampling", "rejection sampling"
        PPO = "ppo", "PPO"
        EVALUATION = "evaluation", "evaluation"

    iteration = models.ForeignKey(Iteration, on_delete=models.CASCADE, related_name="stages")
    name = models.CharField(max_length=30, choices=Name)
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="stage")

    class Meta:
        ordering = ["iteration", "pk"]
        constraints = [models.UniqueConstraint(fields=["iteration", "name"], name="one_run_per_stage")]

    def __str__(self) -> str:
        return f"{self.get_name_display()} of {self.iteration}"
