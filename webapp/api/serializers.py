"""What the API says about rows, and what it takes."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Comparison, Preference, Project, Prompt, Response
from evaluation.models import Campaign
from modeling.registry.models import Job, ModelVersion, Run
from workers.recipes import MARGINS, REWARD_MODEL


class Strict(serializers.Serializer):
    """Input whose unknown names are errors: a misspelt one must not be passed over in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            message = f"unknown name, expected one of: {', '.join(self.fields)}"
            unknown = data.keys() - self.fields.keys()
            if unknown:
                raise serializers.ValidationError({name: [message] for name in sorted(unknown)})
        return super().to_internal_value(data)


class OneOf(serializers.ChoiceField):
    """A choice whose error says what there is to choose from."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        known = ", ".join(value for value, _ in choices)
        kwargs["error_messages"] = {"invalid_choice": f'must be one of {known}, got "{{input}}"'}
        super().__init__(choices, **kwargs)


class Named(serializers.SlugRelatedField):
    """A row by its name."""

    default_error_messages = {"does_not_exist": 'there is none with {slug_name} "{value}"'}


class ProjectSerializer(serializers.ModelSerializer):
    scale = serializers.IntegerField(read_only=True)
    judgements = serializers.IntegerField(read_only=True)

    class Meta:
        model = Project
        fields = [
            "slug", "name", "description", "task_type", "dimension", "scale", "target", "judgements", "overlap",
            "max_turns", "created_at", "archived_at",
        ]  # fmt: skip


class PromptSerializer(serializers.ModelSerializer):
    project = serializers.CharField(source="project.slug")
    batch = serializers.IntegerField(source="batch.number", default=None)

    class Meta:
        model = Prompt
        fields = [
            "id", "project", "batch", "messages", "split", "category", "risk_category", "attack_vector", "source",
            "external_id", "created_at",
        ]  # fmt: skip


class OriginSerializer(serializers.ModelSerializer):
    """How a response was sampled."""

    model = serializers.CharField(source="model_version.name", default=None)

    class Meta:
        model = Response
        fields = ["model", "temperature", "top_p", "seed"]


class ResponseSerializer(serializers.ModelSerializer):
    origin = serializers.SerializerMethodField(help_text="Null for those who may not see models.")

    class Meta:
        model = Response
        fields = ["id", "text", "completion_tokens", "finish_reason", "origin"]

    @extend_schema_field(OriginSerializer(allow_null=True))
    def get_origin(self, response: Response) -> dict[str, Any] | None:
        may_see_models = self.context["request"].user.has_perm("registry.view_modelversion")
        return OriginSerializer(response).data if may_see_models else None


class PreferenceSerializer(serializers.ModelSerializer):
    rating = serializers.CharField(read_only=True, allow_null=True)
    guideline = serializers.IntegerField(source="guideline.number", default=None)

    class Meta:
        model = Preference
        fields = [
            "revision", "choice", "points", "scale", "rating", "margin", "a_safe", "b_safe", "guideline", "seconds",
            "submitted_at",
        ]  # fmt: skip


class ComparisonSerializer(serializers.ModelSerializer):
    project = serializers.CharField(source="project.slug")
    batch = serializers.IntegerField(source="batch.number", default=None)
    prompt = PromptSerializer()
    response_a = ResponseSerializer()
    response_b = ResponseSerializer()
    annotator = serializers.CharField(source="annotator.username", default=None)
    preference = serializers.SerializerMethodField(help_text="Its current revision; null while there is none.")

    class Meta:
        model = Comparison
        fields = [
            "id", "project", "batch", "prompt", "response_a", "response_b", "annotator", "turn", "status", "source",
            "created_at", "preference",
        ]  # fmt: skip

    @extend_schema_field(PreferenceSerializer(allow_null=True))
    def get_preference(self, comparison: Any) -> dict[str, Any] | None:
        return PreferenceSerializer(comparison.judged[0]).data if comparison.judged else None


class ModelVersionSerializer(serializers.ModelSerializer):
    parents = Named(slug_field="name", many=True, read_only=True)
    figures = serializers.DictField(read_only=True)

    class Meta:
        model = ModelVersion
        fields = [
            "name", "kind", "backend", "stage", "digest", "parents", "parameters", "licence", "description", "figures",
            "created_at",
        ]  # fmt: skip


class RunSerializer(serializers.ModelSerializer):
    config = serializers.DictField(read_only=True)
    report = serializers.DictField(read_only=True)
    inputs = Named(slug_field="name", many=True, read_only=True)
    output = Named(slug_field="name", read_only=True, allow_null=True)
    created_by = Named(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Run
        fields = [
            "id", "kind", "name", "status", "progress", "progress_note", "config", "data_digest", "inputs", "output",
            "report", "error", "created_by", "queued_at", "started_at", "finished_at",
        ]  # fmt: skip


class CampaignSerializer(serializers.ModelSerializer):
    project = serializers.CharField(source="project.slug")
    models = Named(source="model_versions", slug_field="name", many=True, read_only=True)

    class Meta:
        model = Campaign
        fields = ["slug", "name", "project", "models", "created_at"]


# What a list is asked for ---------------------------------------------------------------------------------------------


class Query(Strict):
    """The page that is wanted (views.Pages reads it again) and, in each list's own, what its rows are filtered by."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=1000, help_text="Rows per page.")
    offset = serializers.IntegerField(required=False, min_value=0, help_text="Rows to pass over.")


class ProjectQuery(Query):
    task_type = OneOf(Project.TaskType.choices, required=False)
    dimension = OneOf(Project.Dimension.choices, required=False)


class PromptQuery(Query):
    project = Named(slug_field="slug", queryset=Project.objects.all(), required=False)
    batch = serializers.IntegerField(required=False, help_text="Number of the batch.")
    split = OneOf(Prompt.Split.choices, required=False)


class ComparisonQuery(PromptQuery):
    status = OneOf(Job.Status.choices, required=False)


class ModelQuery(Query):
    kind = OneOf(ModelVersion.Kind.choices, required=False)
    stage = OneOf(ModelVersion.Stage.choices, required=False)


class RunQuery(Query):
    kind = OneOf(Run.Kind.choices, required=False)
    status = OneOf(Job.Status.choices, required=False)


class CampaignQuery(Query):
    project = Named(slug_field="slug", queryset=Project.objects.all(), required=False)


# What is taken --------------------------------------------------------------------------------------------------------


class NewPromptsSerializer(Strict):
    """Prompts in the shape of a file's rows, for one project: all of them are stored or none."""

    MOST = 10_000

    project = Named(slug_field="slug", queryset=Project.objects.all())
    batch = serializers.CharField(required=False, default="", allow_blank=True, max_length=80)
    prompts = serializers.ListField(
        child=serializers.DictField(),
        allow_empty=False,
        max_length=MOST,
        help_text="Each with prompt (text), messages or turns, and optionally category, risk_category, attack_vector, "
        "source and id.",
    )


class AddedPromptsSerializer(serializers.Serializer):
    project = serializers.CharField()
    rows = serializers.IntegerField()
    new = serializers.IntegerField()
    already_there = serializers.IntegerField()
    places = serializers.IntegerField(help_text="Places for annotators that were opened.")


def within(name: str) -> list[MinValueValidator | MaxValueValidator]:
    """Validators that keep a setting within its range, which the API's schema tells too."""
    [setting] = [each for each in REWARD_MODEL.settings if each.name == name]
    message = f"{name} must be between {setting.least} and {setting.most}, got %(show_value)s"
    return [MinValueValidator(setting.least, message), MaxValueValidator(setting.most, message)]


class TrainingSettingsSerializer(Strict):
    """As on the page "Train a reward model"; what is left out takes its default for the base model's size."""

    epochs = serializers.IntegerField(required=False, validators=within("epochs"))
    batch_size = serializers.IntegerField(required=False, validators=within("batch_size"))
    learning_rate = serializers.FloatField(required=False, validators=within("learning_rate"))
    margin = OneOf([(name, name) for name in MARGINS], required=False)
    safety_weight = serializers.FloatField(required=False, validators=within("safety_weight"))
    max_length = serializers.IntegerField(required=False, validators=within("max_length"))
    seed = serializers.IntegerField(required=False, validators=within("seed"))


class NewRunSerializer(Strict):
    """A reward model's training, on the project's dimension."""

    project = Named(slug_field="slug", queryset=Project.objects.all())
    base = Named(slug_field="name", queryset=ModelVersion.objects.all())
    name = serializers.SlugField(max_length=100, help_text="Of the new model.")
    settings = TrainingSettingsSerializer(required=False)
