"""Which projects an evaluation is about, which two policies it compares, and which answers are to be scored."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from annotation.models import Project
from evaluation.reward_models.evaluating import Scope, scope_of
from evaluation.scoring import Person, named_batch, start_scoring_project
from modeling.registry.models import ModelVersion, Run


class ScopeForm(forms.Form):
    """Of the page's address; what is not named takes the default."""

    project = forms.ModelMultipleChoiceField(
        Project.objects.none(), to_field_name="slug", required=False, widget=forms.CheckboxSelectMultiple
    )
    before = forms.ModelChoiceField(ModelVersion.objects.none(), to_field_name="name", required=False)
    after = forms.ModelChoiceField(ModelVersion.objects.none(), to_field_name="name", required=False)

    def __init__(self, scope: Scope, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["project"].queryset = Project.objects.filter(pk__in=[each.pk for each in scope.offered])
        for side in ("before", "after"):
            fields[side].queryset = ModelVersion.objects.filter(kind=ModelVersion.Kind.POLICY)
            fields[side].choices = [(each.name, each.name) for each in scope.policies]
        self.initial = {
            "project": [project.slug for project in scope.projects],
            "before": scope.before and scope.before.name,
            "after": scope.after and scope.after.name,
        }


def chosen_scope(model: ModelVersion, query: Any) -> tuple[Scope, ScopeForm]:
    """What the address asks for, and the form that asks for something else; what it names wrongly is left out."""
    projects = list(Project.objects.filter(slug__in=query.getlist("project")).order_by("name"))
    policies = ModelVersion.objects.filter(kind=ModelVersion.Kind.POLICY)
    before, after = (policies.filter(name=query.get(side, "")).first() for side in ("before", "after"))
    scope = scope_of(model, projects, before, after)
    return scope, ScopeForm(scope)


class ScoringForm(forms.Form):
    """Which answers the reward model is to score."""

    project = forms.ModelChoiceField(Project.objects.none(), to_field_name="slug", empty_label=None)
    batch = forms.IntegerField(required=False, min_value=1, help_text="Its number. Empty: all of them.")
    held_out = forms.BooleanField(
        required=False, initial=True, label="Held-out prompts only", help_text="All that this page needs."
    )

    def __init__(self, model: ModelVersion, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model = model
        fields: dict[str, Any] = self.fields
        fields["project"].queryset = Project.objects.filter(archived_at=None, prompts__isnull=False).distinct()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if project := data.get("project"):
            try:
                data["batch"] = named_batch(project, data.get("batch"))
            except project.batches.model.DoesNotExist as error:
                self.add_error("batch", str(error))
        return data

    def save(self, user: Person) -> Run | None:
        """The run; None, with the reason among the form's errors, where it can't be started."""
        data = self.cleaned_data
        try:
            return start_scoring_project(
                data["project"], self.model, data["batch"], held_out=data["held_out"], user=user
            )
        except ValidationError as error:
            self.add_error(None, ValidationError(error.messages))
        return None
