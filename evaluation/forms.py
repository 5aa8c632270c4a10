"""What managers fill in: a new campaign, and the choice of a reward model to judge one."""

from random import Random
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils.text import slugify

from annotation.importing.forms import LARGEST_UNPACKED, form_error
from annotation.importing.prompts import read_prompts
from annotation.importing.reading import FileError
from annotation.models import Project, Prompt
from evaluation.campaigns import Person, create_campaign, start_sampling, start_scoring, take_prompts
from evaluation.models import Campaign
from modeling.registry.models import ModelVersion, Run, samplable_models

RESERVED_SLUGS = {"new", "compare"}


class PromptProjectField(forms.ModelChoiceField):
    """Says of each project how many prompts it has to offer."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}: {obj.test_prompts:,} test prompts of {obj.all_prompts:,}"


class CampaignForm(forms.Form):
    """A new campaign and the run that samples its answers; both or neither are made."""

    name = forms.CharField(
        max_length=80, help_text="The raters see this name: leave out which models you compare, and what you expect."
    )
    dimension = forms.ChoiceField(choices=Project.Dimension.choices)
    models = forms.ModelMultipleChoiceField(
        ModelVersion.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text="Two or more. On every prompt, every two of them make a pair.",
        error_messages={"required": "Choose at least two model versions."},
    )
    prompt_project = PromptProjectField(
        Project.objects.none(), required=False, label="Prompts of a project", empty_label="none: I upload a file"
    )
    prompt_side = forms.ChoiceField(
        choices=[("test", "its test split"), ("all", "all of them")],
        label="Which of its prompts",
        help_text="Test prompts never train a model. With all of them, a model may have learned from the very prompt.",
    )
    prompt_file = forms.FileField(
        required=False,
        label="Or a file of prompts",
        help_text='JSONL or CSV with "prompt" or "messages" and, to divide the report by, "category".',
    )
    number = forms.IntegerField(
        min_value=1, max_value=20000, initial=100, label="Prompts, at most", help_text="Drawn at random by the seed."
    )
    raters_per_item = forms.IntegerField(min_value=1, max_value=20, initial=3, help_text="The paper asked three.")
    annotators = forms.ModelMultipleChoiceField(
        get_user_model().objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Without any, only reward models judge the answers.",
    )
    temperature = forms.FloatField(min_value=0, max_value=2, initial=0.8)
    top_p = forms.FloatField(min_value=0.01, max_value=1, initial=0.95, label="Top-p")
    max_new_tokens = forms.IntegerField(min_value=1, max_value=8192, initial=256, label="Longest answer, in tokens")
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, Any] = self.fields
        choices["models"].queryset = samplable_models()
        people = get_user_model().objects.with_perm("annotation.add_preference", include_superusers=False)
        choices["annotators"].queryset = people.order_by("username")
        test_prompts = Count("prompts", filter=Q(prompts__split=Prompt.Split.TEST))
        counted = Project.objects.annotate(all_prompts=Count("prompts"), test_prompts=test_prompts)
        choices["prompt_project"].queryset = counted.filter(all_prompts__gt=0).order_by("name")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        slug = slugify(name)
        if not slug or slug in RESERVED_SLUGS:
            raise ValidationError(f'"{name}" makes no address of its own: use other letters or digits.')
        return name

    def clean_models(self) -> list[ModelVersion]:
        chosen = list(self.cleaned_data["models"])
        if len(chosen) < 2:
            raise ValidationError("Choose at least two model versions: a campaign compares them.")
        return chosen

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        project, file = data.get("prompt_project"), data.get("prompt_file")
        people, wanted = len(data.get("annotators", ())), data.get("raters_per_item", 0)
        if 0 < people < wanted:
            self.add_error("annotators", f"{wanted} raters per item need as many people, got {people}: choose more.")
        if bool(project) == bool(file):
            if "prompt_file" not in self.errors and "prompt_project" not in self.errors:
                self.add_error("prompt_project", "Choose either a project or a file to take the prompts from.")
        elif not self.errors:
            data["prompts"] = self._prompts(project, file)
        return data

    def _prompts(self, project: Project | None, file: Any) -> list[Prompt]:
        if project is None:
            try:
                found = list(read_prompts(file, LARGEST_UNPACKED))
            except FileError as error:
                self.add_error("prompt_file", form_error(error))
                return []
        else:
            stored = project.prompts.order_by("pk")
            found = list(stored if self.cleaned_data["prompt_side"] == "all" else stored.filter(split="test"))
            if not found:
                self.add_error("prompt_side", f"{project} has no test prompts: take all of them, or another project.")
        return Random(self.cleaned_data["seed"]).sample(found, min(len(found), self.cleaned_data["number"]))

    @transaction.atomic
    def _make(self, user: Person) -> Campaign:
        data = self.cleaned_data
        campaign = create_campaign(
            slugify(data["name"]),
            data["name"],
            data["models"],
            data["raters_per_item"],
            data["dimension"],
            data["annotators"],
            user,
        )
        start_sampling(
            campaign,
            take_prompts(campaign, data["prompts"]),
            data["temperature"],
            data["top_p"],
            data["max_new_tokens"],
            data["seed"],
            user,
        )
        return campaign

    def save(self, user: Person) -> Campaign | None:
        """The new campaign; None, with the reason among the form's errors, where it can't be made."""
        try:
            return self._make(user)
        except ValidationError as error:
            self.add_error(None, ValidationError(error.messages))
        except IntegrityError:
            self.add_error("name", "Somebody made a campaign of this name just now: choose another name.")
        return None


class JudgeForm(forms.Form):
    """Which reward model scores the campaign's answers."""

    reward_model = forms.ModelChoiceField(ModelVersion.objects.none(), to_field_name="name", empty_label=None)

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign
        kinds = (ModelVersion.Kind.HELPFULNESS_REWARD, ModelVersion.Kind.SAFETY_REWARD)
        reward_models = ModelVersion.objects.filter(kind__in=kinds, backend=ModelVersion.Backend.LOCAL)
        choices: dict[str, Any] = self.fields
        choices["reward_model"].queryset = reward_models.exclude(stage=ModelVersion.Stage.RETIRED)

    def save(self, user: Person) -> Run:
        """Raises ValidationError where scoring can't be started."""
        return start_scoring(self.campaign, self.cleaned_data["reward_model"], user)
