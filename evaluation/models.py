"""Campaigns of human evaluation and their reports, what reward and judge models say, and the iterations of the loop."""

from typing import Any

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


class KeptReport(models.Model):
    """A campaign's report as it was last made, to be shown again while `fingerprint` is still that of its data."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="kept_report")
    fingerprint = models.CharField(max_length=64)
    html = models.TextField()
    json = models.TextField()
    csv = models.TextField()
    made_at = models.DateTimeField(auto_now=True)


class PublishedError(Exception):
    """A published report is never changed or removed: publish the next version instead."""


class PublishedReports(models.QuerySet["Report"]):
    def update(self, **fields: Any) -> int:
        raise PublishedError("A published report is never changed: publish the next version instead.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise PublishedError("A published report is never removed: others may have cited it.")


class Report(models.Model):
    """A version of a campaign's report that was published: what it was made from, and what it said, for ever.

    The snapshot alone makes the same bytes again (`manage.py evaluate rebuild`). A trigger of the database refuses
    every change, whoever makes it.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="reports")
    number = models.PositiveIntegerField()
    as_of = models.DateTimeField(help_text="When its data were collected.")
    published_by = models.CharField(max_length=150, blank=True, help_text="The name; people may go, the report stays.")
    note = models.CharField(max_length=500, blank=True, help_text="Why it was published, for its readers.")
    software = models.CharField(max_length=64, help_text="The digest of the code that made it.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the snapshot's content.")
    snapshot = models.BinaryField()
    html = models.TextField()
    json = models.TextField()
    csv = models.TextField()

    objects = PublishedReports.as_manager()

    class Meta:
        ordering = ["campaign", "-number"]
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="one_report_per_number")]

    def __str__(self) -> str:
        return f"{self.campaign.slug}/v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise PublishedError(f"{self} is published and never changed: publish the next version instead.")
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("published-report", args=[self.campaign.slug, self.number])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise PublishedError(f"{self} is published and never removed: others may have cited it.")


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


class JudgeTemplate(models.Model):
    """What judge models were asked: a template as it stood, with the guideline that was inserted. Never changed."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of all that makes the question.")
    text = models.TextField(help_text="The template's file; of imported verdicts, where they come from.")
    guideline = models.TextField(blank=True, help_text="The guideline that was inserted.")
    temperature = models.FloatField(default=0.0)
    max_new_tokens = models.PositiveIntegerField(default=0)
    points = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of its scale; none: it names a side.")
    for_pairs = models.BooleanField(default=True, help_text="It shows two answers; otherwise one.")
    imported = models.BooleanField(default=False, help_text="Verdicts from a file: nobody was asked here.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:8]})"


class Judgement(models.Model):
    """What a judge model said about a response, or about two in the order in which it was shown them. Never changed.

    A reply without a verdict that can be read stays, with the reason: asked again it is another attempt.
    """

    judge = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="judgements")
    template = models.ForeignKey(JudgeTemplate, on_delete=models.PROTECT, related_name="judgements")
    first = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="judged_first")
    second = models.ForeignKey(Response, null=True, blank=True, on_delete=models.CASCADE, related_name="judged_second")
    sample = models.PositiveSmallIntegerField(default=0, help_text="From 0, where the same is asked several times.")
    attempt = models.PositiveSmallIntegerField(default=1, help_text="Above 1 after replies that could not be read.")
    key = models.CharField(max_length=64, blank=True, help_text="SHA-256 of judge, question and sample: the cache's.")
    cached_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    reply = models.TextField(blank=True)
    points = models.PositiveSmallIntegerField(null=True, blank=True, help_text="On the template's scale.")
    preference = models.FloatField(null=True, blank=True, help_text="For the response shown first, 0 to 1.")
    failure = models.CharField(max_length=500, blank=True, help_text="Why the reply says nothing.")
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    latency = models.FloatField(null=True, blank=True, help_text="Seconds until the reply was there.")
    cost = models.FloatField(null=True, blank=True, help_text="In the prices' currency; none where no price was given.")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="judgements")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["key"], name="judgements_by_question")]
        constraints = [
            models.UniqueConstraint(
                fields=["judge", "template", "first", "second", "sample", "attempt"],
                condition=models.Q(second__isnull=False),
                name="one_judgement_of_a_pair",
            ),
            models.UniqueConstraint(
                fields=["judge", "template", "first", "sample", "attempt"],
                condition=models.Q(second__isnull=True),
                name="one_judgement_of_a_response",
            ),
            models.CheckConstraint(
                name="a_verdict_or_a_reason_why_not",
                condition=models.Q(failure="", points__isnull=False)
                | models.Q(failure="", preference__isnull=False)
                | models.Q(~models.Q(failure=""), points=None, preference=None),
            ),
            models.CheckConstraint(
                name="a_preference_from_0_to_1",
                condition=models.Q(preference=None) | models.Q(preference__gte=0, preference__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"judgement {self.pk} by {self.judge}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(f"{self} is never changed: ask again, as another attempt")
        super().save(*args, **kwargs)


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
