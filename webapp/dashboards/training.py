"""The form behind "Train a reward model"."""

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from annotation.models import Project
from modeling.registry.models import ModelVersion
from workers.starting import MARGINS, RANGES

SETTINGS = ("epochs", "batch_size", "learning_rate", "margin", "safety_weight", "max_length", "seed")


def within(name: str) -> list[MinValueValidator | MaxValueValidator]:
    """Validators that keep a setting within its range."""
    low, high = RANGES[name]
    message = f"{name} must be between {low} and {high}, got %(show_value)s"
    return [MinValueValidator(low, message), MaxValueValidator(high, message)]


class TrainRewardForm(forms.Form):
    """Which pairs, which base, and as many settings as somebody wants to change; an empty one keeps its default."""

    project = forms.ModelChoiceField(
        Project.objects.filter(task_type=Project.TaskType.PREFERENCE, archived_at=None), to_field_name="slug"
    )
    base = forms.ModelChoiceField(
        ModelVersion.objects.filter(backend=ModelVersion.Backend.LOCAL).exclude(stage=ModelVersion.Stage.RETIRED),
        to_field_name="name",
        label="Base model",
        help_text="A chat checkpoint, or an earlier reward model to go on from.",
    )
    name = forms.SlugField(max_length=100, help_text="Of the new model, for instance safety-reward-2.")

    epochs = forms.IntegerField(required=False, help_text="Passes over the pairs; the paper found that two overfit.")
    batch_size = forms.IntegerField(required=False, help_text="Pairs per optimizer step.")
    learning_rate = forms.FloatField(required=False, help_text="Peak of the cosine schedule.")
    margin = forms.ChoiceField(
        required=False,
        choices=[("", f"default ({MARGINS[0]})"), *((name, name) for name in MARGINS)],
        help_text="Of the ranking loss: small is 1, 2/3, 1/3, 0; large is 3, 2, 1, 0.",
    )
    safety_weight = forms.FloatField(required=False, help_text="Of the auxiliary loss on safe and unsafe labels.")
    max_length = forms.IntegerField(required=False, label="Longest dialogue", help_text="In tokens.")
    seed = forms.IntegerField(required=False, help_text="Of the order of the pairs.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in RANGES:
            self.fields[name].validators += within(name)
            self.fields[name].widget.attrs["placeholder"] = "default"

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if ModelVersion.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a model called {name} already: choose another name.")
        return name

    def settings(self) -> dict[str, Any]:
        """The settings that were filled in."""
        return {name: self.cleaned_data[name] for name in SETTINGS if self.cleaned_data[name] not in (None, "")}

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in SETTINGS]

    @property
    def setting_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in SETTINGS]
