"""What managers fill in: projects, guidelines, batches, pools, people."""

from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from annotation.exporting import MARGINS, Selection
from annotation.importing.prompts import PROMPTED
from annotation.judgements import judgements_in
from annotation.models import Batch, PoolEntry, Preference, Project, Prompt
from modeling.registry.models import ModelVersion, samplable_models
from webapp.accounts.models import User
from webapp.accounts.roles import ANNOTATOR
from webapp.dashboards.setting_up import SAMPLED


def offer(form: forms.BaseForm, **rows: QuerySet[Any]) -> None:
    """Set what the form's choice fields of these names let a person choose from."""
    for name, queryset in rows.items():
        cast(forms.ModelChoiceField, form.fields[name]).queryset = queryset


class ProjectForm(forms.ModelForm):
    """The settings that may change while people work."""

    class Meta:
        model = Project
        fields = [
            "name", "description", "dimension", "target", "overlap", "max_turns", "own_prompts", "lease_minutes",
        ]  # fmt: skip
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        labels = {
            "name": _("Name"),
            "description": _("Description"),
            "dimension": _("Dimension"),
            "target": _("Target"),
            "overlap": _("Annotators per item"),
            "max_turns": _("Turns per dialogue, at most"),
            "own_prompts": _("Annotators may write their own prompts"),
            "lease_minutes": _("Minutes until work left alone goes back"),
        }
        help_texts = {
            "target": _("How many judgements are wanted."),
            "overlap": _("Counts for items that are added from now on."),
            "max_turns": "",
            "own_prompts": "",
            "lease_minutes": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.leave_out_what_does_not_apply()
        if self.instance.pk and judgements_in(self.instance).exists():
            self.fields["dimension"].disabled = True
            self.fields["dimension"].help_text = _("Fixed, since judgements were made on it.")

    def leave_out_what_does_not_apply(self) -> None:
        if self.instance.task_type not in SAMPLED:
            del self.fields["max_turns"]
        if self.instance.task_type not in PROMPTED:
            del self.fields["own_prompts"]


TaskType = Project.TaskType
BY_TYPE: dict[str, dict[str, Any]] = {
    TaskType.PREFERENCE: {"overlap": 1},
    TaskType.DEMONSTRATION: {"overlap": 1, "max_turns": 1},
    TaskType.RED_TEAM: {"overlap": 1, "dimension": Project.Dimension.SAFETY},
    TaskType.SAFETY_RATING: {
        "overlap": 3, "max_turns": 1, "own_prompts": False, "dimension": Project.Dimension.SAFETY,
    },
    TaskType.QUALITY_RATING: {
        "overlap": 3, "max_turns": 1, "own_prompts": False, "dimension": Project.Dimension.HELPFULNESS,
    },
}  # fmt: skip
"""What a new project of each kind has, whatever the form said: the paper's raters per item, and what goes without
saying. A number of annotators that was typed wins."""


class NewProjectForm(ProjectForm):
    """A project with its first guideline and sampling pool. Pairwise evaluations are made as campaigns."""

    task_type = forms.ChoiceField(
        choices=[(kind, TaskType(kind).label) for kind in BY_TYPE],
        required=False,
        initial=TaskType.PREFERENCE,
        label=_("Kind of work"),
        help_text=_("Fixed once the project is made. Two stored answers are compared in a campaign: see Evaluation."),
    )

    slug = forms.SlugField(
        max_length=80,
        required=False,
        label=_("Short name"),
        help_text=_("For addresses and commands; made from the name."),
    )
    guideline = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        label=_("Guideline"),
        help_text=_("Markdown. Left empty, the project starts with the standard guideline of its kind and dimension."),
    )
    models = forms.ModelMultipleChoiceField(
        ModelVersion.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Models to sample answers from"),
    )
    temperatures = forms.CharField(
        initial="0.7, 1.0",
        label=_("Temperatures"),
        help_text=_("Each model is sampled at each of these, separated by commas."),
    )
    field_order = ["name", "slug", "task_type", "dimension", "description", "guideline", "models", "temperatures"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["overlap"].required = False
        self.fields["overlap"].initial = None
        self.fields["overlap"].help_text = _("Empty: 1, or 3 where answers are rated.")
        self.fields["models"].help_text = _("For preferences and red teaming; the models that people talk with.")
        offer(self, models=samplable_models())
        if not samplable_models().exists():
            self.fields["models"].help_text = _("None is registered yet; add one to the project's pool later.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed = cleaned.get("slug", "")
        slug = typed or slugify(cleaned.get("name", ""))[:80]
        taken = slug == "new" or Project.objects.filter(slug=slug).exists()
        if not slug and "name" in cleaned and "slug" in cleaned:
            self.add_error("slug", f"No short name can be made from {cleaned['name']!r}: type one, such as safety-1.")
        elif slug and taken:
            self.add_error("slug", f"The short name {slug!r} is taken: type another one.")
        self.instance.slug = slug
        kind = cleaned.get("task_type") or TaskType.PREFERENCE
        self.instance.task_type = kind
        typed_overlap = {"overlap": cleaned["overlap"]} if cleaned.get("overlap") is not None else {}
        return cleaned | BY_TYPE[kind] | typed_overlap

    def clean_temperatures(self) -> list[float]:
        temperatures: list[float] = []
        for word in self.cleaned_data["temperatures"].replace(",", " ").split():
            try:
                temperature = float(word)
            except ValueError:
                raise forms.ValidationError(f"A temperature is a number such as 0.7, got {word!r}.") from None
            if not 0 <= temperature <= 2:
                raise forms.ValidationError(f"A temperature must be between 0 and 2, got {word}.")
            if temperature not in temperatures:
                temperatures.append(temperature)
        if not temperatures:
            raise forms.ValidationError("Give at least one temperature, such as 0.7.")
        return temperatures


class GuidelineForm(forms.Form):
    """The guideline's next version, written on the basis of the latest one."""

    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 16}), label=_("Guideline"), help_text=_("Markdown."))
    changes = forms.CharField(
        max_length=500,
        required=False,
        label=_("What is new"),
        help_text=_("In a sentence; annotators read it once, above the differences."),
    )
    based_on = forms.IntegerField(widget=forms.HiddenInput)

    data: Any

    def __init__(self, project: Project, data: Any = None) -> None:
        self.latest = project.guideline
        number, text = (self.latest.number, self.latest.text) if self.latest else (0, "")
        super().__init__(data, initial={"text": text, "based_on": number})

    def clean_text(self) -> str:
        text = self.cleaned_data["text"].replace("\r\n", "\n").strip() + "\n"
        if self.latest and text.strip() == self.latest.text.strip():
            raise forms.ValidationError(f"Nothing changed: version {self.latest.number} already says this.")
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.latest and cleaned.get("based_on") not in (None, self.latest.number):
            # The typed text stays; publishing again is now a decision, made in sight of the newer version.
            self.data = {**self.data.dict(), "based_on": self.latest.number}
            author = self.latest.created_by or "Somebody"
            raise forms.ValidationError(
                f"{author} published version {self.latest.number} while you wrote: compare it, then publish again."
            )
        return cleaned


class BatchForm(forms.ModelForm):
    class Meta:
        model = Batch
        fields = ["name", "target"]
        labels = {"name": _("Name"), "target": _("Target")}
        help_texts = {"name": _("Optional, for instance week 12."), "target": _("How many judgements are wanted.")}


class PoolEntryForm(forms.ModelForm):
    """A model variant for a project's pool, from the project's settings."""

    class Meta:
        model = PoolEntry
        fields = ["model_version", "temperature", "top_p", "max_new_tokens"]
        labels = {
            "model_version": _("Model"),
            "temperature": _("Temperature"),
            "top_p": _("Top-p"),
            "max_new_tokens": _("Tokens per answer, at most"),
        }

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.project = project
        offer(self, model_version=samplable_models())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        refuse_a_twin(self.instance.project, cleaned.get("model_version"), cleaned)
        return cleaned


class ToPoolForm(forms.ModelForm):
    """The same from the model's own page."""

    class Meta(PoolEntryForm.Meta):
        fields = ["project", "temperature", "top_p", "max_new_tokens"]

    def __init__(self, version: ModelVersion, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.model_version = version
        offer(self, project=Project.objects.filter(archived_at=None, task_type__in=SAMPLED))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        refuse_a_twin(cleaned.get("project"), self.instance.model_version, cleaned)
        return cleaned


def refuse_a_twin(project: Project | None, version: ModelVersion | None, cleaned: dict[str, Any]) -> None:
    """Raises ValidationError when the project's pool has this variant already."""
    temperature, top_p = cleaned.get("temperature"), cleaned.get("top_p")
    if project is None or version is None or temperature is None or top_p is None:
        return  # a field of its own says what is missing
    if project.pool.filter(model_version=version, temperature=temperature, top_p=top_p).exists():
        raise forms.ValidationError(
            f"{version} at temperature {temperature:g} and top-p {top_p:g} is in the pool of {project} already: "
            "change one of them."
        )


class AnnotatorsForm(forms.Form):
    """People to add to a project."""

    people = forms.ModelMultipleChoiceField(
        User.objects.none(), widget=forms.CheckboxSelectMultiple, label=_("Annotators to add")
    )

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        annotators = get_user_model().objects.filter(is_active=True, groups__name=ANNOTATOR)
        offer(self, people=annotators.exclude(projects=project).order_by("username"))


class ComparisonFilterForm(forms.Form):
    """Which of a project's comparisons to list."""

    batch = forms.ModelChoiceField(Batch.objects.none(), required=False, empty_label="any batch")
    annotator = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="anybody")
    choice = forms.ChoiceField(required=False)
    points = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)
    length = forms.ChoiceField(
        choices=[("", "any lengths"), ("longer", "chose the longer answer"), ("shorter", "chose the shorter answer")],
        required=False,
    )
    split = forms.ChoiceField(choices=[("", "train and test"), ("train", "train"), ("test", "test")], required=False)
    labels = forms.ChoiceField(
        choices=[
            ("", "any safety labels"),
            ("chosen_safer", "chosen safe, the other unsafe"),
            ("both_safe", "both safe"),
            ("both_unsafe", "both unsafe"),
            ("chosen_less_safe", "chosen unsafe, the other safe"),
        ],
        required=False,
    )

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        if not project.marks_safety:
            del self.fields["labels"]
        choice, points = (cast(forms.ChoiceField, self.fields[name]) for name in ("choice", "points"))
        choice.choices = [("", "any choice"), *Preference.Choice.choices, ("none", "not judged yet")]
        points.choices = [("", "any points"), *((point, str(point)) for point in range(1, project.scale + 1))]
        people = User.objects.filter(comparisons__project=project).distinct().order_by("username")
        offer(self, batch=project.batches.all(), annotator=people)


class DemonstrationExportForm(forms.Form):
    """What of a project's demonstrations to download."""

    split = forms.ChoiceField(choices=[("all", "all"), *Prompt.Split.choices])
    batch = forms.ModelChoiceField(Batch.objects.none(), required=False, empty_label="every batch")

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, batch=project.batches.all())

    def selection(self) -> Selection:
        chosen = self.cleaned_data
        return Selection(chosen["split"], str(chosen["batch"]) if chosen["batch"] else None)


class FillForm(forms.Form):
    """Where the answers come from that a rating project gives out."""

    source = forms.ModelChoiceField(
        Project.objects.none(), label=_("Project or campaign"), help_text=_("Its stored answers are copied as items.")
    )
    most = forms.IntegerField(
        required=False, min_value=1, label=_("At most"), help_text=_("The oldest answers first. Empty: all.")
    )

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        answered = Project.objects.filter(prompts__responses__isnull=False).exclude(pk=project.pk)
        offer(self, source=answered.distinct().order_by("name"))


class ExportForm(forms.Form):
    """What of a project's preferences to download."""

    split = forms.ChoiceField(choices=[("all", "all"), *Prompt.Split.choices])
    batch = forms.ModelChoiceField(Batch.objects.none(), required=False, empty_label="every batch")
    margin = forms.ChoiceField(choices=[(name, name) for name in MARGINS], help_text="Section 3.2.2, table 27.")

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, batch=project.batches.all())

    def selection(self) -> Selection:
        chosen = self.cleaned_data
        return Selection(chosen["split"], str(chosen["batch"]) if chosen["batch"] else None, chosen["margin"])
