"""What the API says about rows, and what it takes."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation import blinding
from annotation.models import Comparison, Preference, Project, Prompt, Response
from evaluation.models import Campaign
from modeling.registry.models import Job, ModelVersion, Run
from workers.recipes import FROM_PROJECTS, MODEL_HELP, REJECTION_SAMPLING, REWARD_MODEL, Recipe
from workers.starting import Order


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
    """An answer. Whoever may not see models gets it as an annotator reads it, without what would tell its model."""

    TELLING = ("id", "completion_tokens", "finish_reason")

    id = serializers.IntegerField(allow_null=True, help_text="Null for those who may not see models.")
    origin = serializers.SerializerMethodField(help_text="Null for those who may not see models.")

    class Meta:
        model = Response
        fields = ["id", "text", "completion_tokens", "finish_reason", "origin"]

    @extend_schema_field(OriginSerializer(allow_null=True))
    def get_origin(self, response: Response) -> dict[str, Any] | None:
        return OriginSerializer(response).data if self.sees_models else None

    @property
    def sees_models(self) -> bool:
        return bool(self.context["request"].user.has_perm("registry.view_modelversion"))

    def to_representation(self, response: Response) -> dict[str, Any]:
        told = super().to_representation(response)
        if self.sees_models:
            return told
        return told | dict.fromkeys(self.TELLING) | {"text": blinding.shown(response, response.prompt.project)}


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


def a_model(setting: str) -> Named:
    """A model that some recipes need."""
    return Named(slug_field="name", queryset=ModelVersion.objects.all(), required=False, help_text=MODEL_HELP[setting])


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


class NewRunSerializer(Strict):
    """A training, as its form on the page "New training" asks for it; `kind` says by which recipe.

    Which models a recipe needs is said where one is missing. A setting that is left out takes its default for the base
    model's size.
    """

    kind = OneOf([(kind, recipe.title) for kind, recipe in FROM_PROJECTS.items()], default=REWARD_MODEL.kind)
    projects = Named(slug_field="slug", many=True, queryset=Project.objects.all(), default=list)
    open_projects = Named(
        slug_field="slug",
        many=True,
        queryset=Project.objects.all(),
        default=list,
        help_text="Imported public pairs, which a reward model's mix draws from.",
    )
    bag = serializers.PrimaryKeyRelatedField(
        many=True,
        queryset=Run.objects.all(),
        default=list,
        help_text="Earlier rejection sampling runs whose candidates are chosen from too.",
    )
    base = Named(slug_field="name", queryset=ModelVersion.objects.all(), help_text=MODEL_HELP["base"])
    policy = a_model("policy")
    helpfulness_reward = a_model("helpfulness_reward")
    safety_reward = a_model("safety_reward")
    dimension = OneOf(
        Project.Dimension.choices, required=False, help_text="Of a reward model; the first project's when left out."
    )
    name = serializers.SlugField(max_length=100, help_text="Of the new model.")
    settings = serializers.DictField(required=False, default=dict)

    def validate(self, data: Any) -> Any:
        """The models and settings are the recipe's own, and each setting is of its type and in its range."""
        recipe = FROM_PROJECTS[data["kind"]]
        for name in (*MODEL_HELP, "dimension", "open_projects", "bag"):
            if data.get(name) and name not in names_of(recipe):
                raise serializers.ValidationError({name: [f"{recipe.kind} takes no {name}: leave it out"]})
        data["settings"] = {name: self.setting(recipe, name, value) for name, value in data["settings"].items()}
        return data

    def setting(self, recipe: Recipe, name: str, value: Any) -> Any:
        known = recipe.setting(name)
        if known is None:
            expected = ", ".join(each.name for each in recipe.settings)
            raise serializers.ValidationError({"settings": {name: [f"unknown name, expected one of: {expected}"]}})
        try:
            return known.from_json(value)
        except DjangoValidationError as error:
            raise serializers.ValidationError({"settings": {name: error.messages}}) from error

    def order(self) -> Order:
        """What was asked for."""
        given = self.validated_data
        recipe = FROM_PROJECTS[given["kind"]]
        of_projects = given["projects"][0].dimension if given["projects"] else ""
        return Order(
            recipe=recipe,
            name=given["name"],
            models={setting: given[setting] for setting in recipe.all_models if given.get(setting)},
            projects=given["projects"],
            settings=given["settings"],
            dimension=given.get("dimension", of_projects) if recipe is REWARD_MODEL else "",
            open_projects=given["open_projects"],
            bag=given["bag"],
        )


def names_of(recipe: Recipe) -> tuple[str, ...]:
    """What the recipe can be given besides projects, a name and settings."""
    own = {REWARD_MODEL.kind: ("dimension", "open_projects"), REJECTION_SAMPLING.kind: ("bag",)}
    return (*recipe.all_models, *own.get(recipe.kind, ()))
