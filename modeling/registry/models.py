"""What was trained, by which run, from what: model versions, runs and the rows that every queued job shares."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse


class ModelVersion(models.Model):
    """One version of a model: a checkpoint on disk, a served endpoint, or only a name that imported data mentions."""

    class Kind(models.TextChoices):
        POLICY = "policy", "policy"
        HELPFULNESS_REWARD = "helpfulness_reward", "helpfulness reward model"
        SAFETY_REWARD = "safety_reward", "safety reward model"
        CLASSIFIER = "classifier", "refusal classifier"

    class Backend(models.TextChoices):
        LOCAL = "local", "local checkpoint"
        ENDPOINT = "endpoint", "served endpoint"
        NAME_ONLY = "name_only", "name only (imported answers)"

    class Stage(models.TextChoices):
        CANDIDATE = "candidate", "candidate"
        ACTIVE = "active", "active"
        RETIRED = "retired", "retired"

    name = models.SlugField(max_length=100, unique=True)
    kind = models.CharField(max_length=30, choices=Kind)
    backend = models.CharField(max_length=20, choices=Backend, default=Backend.LOCAL)
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.CANDIDATE)
    path = models.CharField(max_length=500, blank=True, help_text="Folder of a Hugging Face checkpoint.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the checkpoint's files.")
    base_url = models.CharField(max_length=500, blank=True, help_text="Of an OpenAI-compatible endpoint, with /v1.")
    remote_model = models.CharField(max_length=200, blank=True, help_text="The endpoint's name for the model.")
    key_variable = models.CharField(
        max_length=100, blank=True, help_text="The worker's environment variable that holds the key; never the key."
    )
    parents = models.ManyToManyField("self", symmetrical=False, related_name="children", blank=True)
    parameters = models.BigIntegerField(null=True, blank=True, help_text="Number of parameters.")
    licence = models.CharField(max_length=100, blank=True)
    description = models.TextField(blank=True)
    figures = models.JSONField(default=dict, blank=True, help_text="Held-out accuracy and the like, from its run.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="a_local_checkpoint_has_a_path",
                condition=~models.Q(backend="local") | ~models.Q(path=""),
            ),
            models.CheckConstraint(
                name="an_endpoint_has_a_url_and_a_model",
                condition=~models.Q(backend="endpoint") | (~models.Q(base_url="") & ~models.Q(remote_model="")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("model", args=[self.name])

    @property
    def is_reward_model(self) -> bool:
        return self.kind in (self.Kind.HELPFULNESS_REWARD, self.Kind.SAFETY_REWARD)


def samplable_models() -> models.QuerySet[ModelVersion]:
    """The policies that answers can be sampled from: checkpoints here and served endpoints."""
    backends = (ModelVersion.Backend.LOCAL, ModelVersion.Backend.ENDPOINT)
    policies = ModelVersion.objects.filter(kind=ModelVersion.Kind.POLICY, backend__in=backends)
    return policies.exclude(stage=ModelVersion.Stage.RETIRED).order_by("name")


class Job(models.Model):
    """A piece of queued work. The row is the truth; the broker's message only wakes a worker up (see jobs.py)."""

    class Status(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    TASK: ClassVar[str]
    """Name of the Celery task that carries out this kind of job."""

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker that dies lets this run out.")
    progress = models.FloatField(null=True, blank=True, help_text="Share done, 0 to 1.")
    progress_note = models.CharField(max_length=200, blank=True)
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        return self.status in (self.Status.DONE, self.Status.FAILED, self.Status.CANCELLED)


class Run(Job):
    """A training or evaluation run: its settings, what it read, and the model version it made."""

    class Kind(models.TextChoices):
        SFT = "sft", "supervised fine-tuning"
        REWARD_MODEL = "reward_model", "reward model training"
        DPO = "dpo", "direct preference optimization"
        REJECTION_SAMPLING = "rejection_sampling", "rejection sampling fine-tuning"
        PPO = "ppo", "proximal policy optimization"
        GHOST_ATTENTION = "ghost_attention", "ghost attention"
        CONTEXT_DISTILLATION = "context_distillation", "safety context distillation"
        CAMPAIGN_SAMPLING = "campaign_sampling", "sampling of a campaign's answers"
        SCORING = "scoring", "scoring by a reward model"
        JUDGING = "judging", "judging by a chat model"
        COLLECTION = "collection", "collection of an iteration's batch"
        POLICY_EVALUATION = "policy_evaluation", "evaluation of an iteration's policies"
        REASKING = "reasking", "asking violating prompts again"
        REFUSAL_CLASSIFIER = "refusal_classifier", "refusal classifier training"
        DIVERSITY = "diversity", "Self-BLEU against temperature"
        SAFETY_SCALING = "safety_scaling", "safety data scaling"

    TASK = "workers.execute_run"

    kind = models.CharField(max_length=30, choices=Kind)
    name = models.CharField(max_length=100)
    config: Any = models.JSONField(default=dict, help_text="What this run was asked to do.")
    folder = models.CharField(max_length=500, blank=True)
    data_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the data that it saw.")
    inputs = models.ManyToManyField(ModelVersion, related_name="input_of", blank=True)
    output = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="made_by")
    report: Any = models.JSONField(default=dict, blank=True, help_text="The run's closing figures.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.pk])


class RunMetric(models.Model):
    """One point of one of a run's curves."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    name = models.CharField(max_length=50)
    value = models.FloatField()

    class Meta:
        ordering = ["step"]
        constraints = [models.UniqueConstraint(fields=["run", "name", "step"], name="one_value_per_step")]


class Worker(models.Model):
    """A worker process and when it was last heard of, so that a page can say that nobody is there to answer."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.CharField(max_length=200, blank=True, help_text="What it works on: sampling, training or both.")
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
