"""The forms that start training runs: one per recipe, built from the recipe's own description."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse

from annotation.models import Project
from modeling.registry.models import Job, ModelVersion, Run
from workers.recipes import (
    MODEL_HELP,
    REJECTION_SAMPLING,
    REWARD_MODEL,
    Data,
    Recipe,
    Setting,
    model_kinds,
    numbers,
)
from workers.starting import TRAINS, Order, check_new_name, words

SEVERAL = ("project", "open_project", "bag")
"""Fields of which several values may be chosen."""
ASK_FOR_DEFAULTS = {
    "hx-include": "closest form",
    "hx-params": "not csrfmiddlewaretoken",
    "hx-select": "#settings",
    "hx-target": "#settings",
    "hx-swap": "outerHTML",
}
"""Another base has other defaults: the settings come anew, with what was typed in them."""
PROJECT_HELP = {
    Data.PAIRS: "Their preferences train; held-out prompts measure.",
    Data.DEMONSTRATIONS: "The answers that people wrote there, or chose, save unsafe ones, are learned.",
    Data.PROMPTS: "Their prompts are answered; held-out ones only measure.",
    Data.SAFETY_PROMPTS: "Their adversarial prompts are answered.",
    Data.DIALOGUES: "The users' side of their dialogues is answered.",
}


def offered_models(recipe: Recipe, setting: str) -> QuerySet[ModelVersion]:
    """The models that can take a recipe's setting."""
    kinds = model_kinds(recipe, setting)
    local = ModelVersion.objects.filter(backend=ModelVersion.Backend.LOCAL, kind__in=kinds)
    return local.exclude(stage=ModelVersion.Stage.RETIRED).order_by("name")


class ProjectsField(forms.ModelMultipleChoiceField):
    """Projects that a recipe may learn from, each with what it collects."""

    def __init__(self, recipe: Recipe, **kwargs: Any) -> None:
        kinds = TRAINS if recipe.data is Data.DEMONSTRATIONS else (Project.TaskType.PREFERENCE,)
        rows = Project.objects.filter(task_type__in=kinds, archived_at=None)
        super().__init__(rows, to_field_name="slug", widget=forms.CheckboxSelectMultiple, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} ({obj.get_dimension_display()})"


class BagField(forms.ModelMultipleChoiceField):
    """Earlier runs whose candidates are kept."""

    def label_from_instance(self, obj: Any) -> str:
        return f"run {obj.pk}: {obj.name}"


class TrainingForm(forms.Form):
    """Which data, which models, and as many settings as somebody wants to change; an empty one keeps its default."""

    def __init__(self, recipe: Recipe, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recipe = recipe
        self.fields["project"] = ProjectsField(
            recipe, label="Projects", help_text=PROJECT_HELP[recipe.data], required=recipe is not REJECTION_SAMPLING
        )
        for setting in recipe.all_models:
            self.fields[setting] = forms.ModelChoiceField(
                offered_models(recipe, setting),
                to_field_name="name",
                label=words(setting).capitalize() if setting != "base" else "Base model",
                help_text=MODEL_HELP[setting],
                empty_label="none" if setting in recipe.optional_models else "choose one",
                required=setting in recipe.models and (setting == "base" or recipe is not REJECTION_SAMPLING),
            )
        self.fields["name"] = forms.SlugField(
            max_length=100, help_text="Of the new model, for instance safety-2.", validators=[check_new_name]
        )
        if recipe is REWARD_MODEL:
            self.fields["open_project"] = ProjectsField(
                recipe, required=False, label="Open data", help_text="Projects of imported pairs that a mix draws from."
            )
        if recipe is REJECTION_SAMPLING:
            self.fields["bag"] = BagField(
                Run.objects.filter(kind=recipe.kind, status=Job.Status.DONE),
                required=False,
                widget=forms.CheckboxSelectMultiple,
                label="Earlier runs",
                help_text="Their candidates stay in the bag, so that no ability is forgotten.",
            )
        address = reverse("run-train", args=[recipe.kind])
        self.fields["base"].widget.attrs |= {"hx-get": address, **ASK_FOR_DEFAULTS}
        shipped = self.shipped()
        for each in recipe.settings:
            self.fields[each.name] = field_of(each, shipped.get(each.name, each.default))

    def shipped(self) -> dict[str, Any]:
        """The settings that are shipped for a model of the chosen base's size."""
        name = self.data.get("base") or self.initial.get("base")
        base = ModelVersion.objects.filter(name=name).first() if name else None
        return self.recipe.shipped_for(base) if base else {}

    def order(self) -> Order:
        """What the filled-in form asks for."""
        chosen = self.cleaned_data
        settings = {
            each.name: chosen[each.name] for each in self.recipe.settings if chosen[each.name] not in (None, "", [])
        }
        projects = list(chosen["project"])
        dimension = ""
        if self.recipe is REWARD_MODEL:
            mix = settings.get("mix", "none")
            dimension = projects[0].dimension if mix == "none" else mix
        return Order(
            recipe=self.recipe,
            name=chosen["name"],
            models={setting: chosen[setting] for setting in self.recipe.all_models if chosen[setting]},
            projects=projects,
            settings=settings,
            dimension=dimension,
            open_projects=list(chosen.get("open_project") or []),
            bag=list(chosen.get("bag") or []),
        )

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self if self.recipe.setting(field.name) is None]

    @property
    def setting_fields(self) -> list[forms.BoundField]:
        return [self[each.name] for each in self.recipe.settings]


def field_of(setting: Setting, default: Any) -> forms.Field:
    """The field of a setting, which says its default."""
    shown = ", ".join(map(str, default)) if isinstance(default, list) else default
    label = setting.label or setting.name.replace("_", " ").capitalize()
    if setting.choices:
        empty = ("", "default" if default is None else f"default ({shown})")
        choices = [empty, *((name, name) for name in setting.choices)]
        return forms.ChoiceField(required=False, choices=choices, label=label, help_text=setting.help)
    kinds: dict[Any, Callable[..., forms.Field]] = {int: forms.IntegerField, float: forms.FloatField}
    field = kinds.get(setting.kind, NumbersField)(required=False, label=label, help_text=setting.help)
    field.validators.append(setting.check)
    field.widget.attrs["placeholder"] = "default" if default is None else f"default: {shown}"
    return field


class NumbersField(forms.CharField):
    """Numbers with commas between them."""

    def to_python(self, value: Any) -> Any:
        try:
            return numbers(value or "")
        except ValueError as error:
            raise ValidationError(f"Enter numbers with commas between them, such as 0.7, 1.0; {error}.") from error
