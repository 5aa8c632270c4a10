"""What managers fill in about the quality of work: gold items, pauses, tests and their questions."""

from typing import Any

from django import forms
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from annotation import qualifying
from annotation.models import Item, Project, QualificationQuestion, QualificationStep

Kind = QualificationQuestion.Kind


class GoldForm(forms.Form):
    """An item and which points are right about it."""

    item = forms.IntegerField(label=_("Item"), help_text=_("Its number, as the page of disputed items has it."))
    lowest = forms.IntegerField(min_value=1, label=_("Lowest right points"))
    highest = forms.IntegerField(min_value=1, label=_("Highest right points"))
    explanation = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Why"),
        help_text=_("Shown to whoever is warned or paused for getting it wrong. Markdown."),
    )

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        self.project = project
        for name in ("lowest", "highest"):
            self.fields[name].widget.attrs["max"] = project.scale

    def clean_item(self) -> Item:
        item = Item.objects.filter(project=self.project, pk=self.cleaned_data["item"]).first()
        if item is None:
            raise forms.ValidationError(
                _("This project has no item %(number)d.") % {"number": self.cleaned_data["item"]}
            )
        return item


class RulesForm(forms.ModelForm):
    """How a project keeps its work good and its people well."""

    class Meta:
        model = Project
        fields = [
            "gold_share", "gold_warning", "gold_pause", "max_overlap", "agreement_floor", "seconds_per_100_words",
            "sensitive", "daily_cap", "break_minutes", "help_text",
        ]  # fmt: skip
        widgets = {"help_text": forms.Textarea(attrs={"rows": 3})}
        labels = {
            "gold_share": _("Share of gold items in the work"),
            "gold_warning": _("Warn below this share right"),
            "gold_pause": _("Pause below this share right"),
            "max_overlap": _("Raters of a disputed item, at most"),
            "agreement_floor": _("Agreement below which another rater is asked"),
            "seconds_per_100_words": _("Seconds per 100 words, below which it is haste"),
            "sensitive": _("Harmful content: people opt in, and it is blurred"),
            "daily_cap": _("Judgements per person and day, at most"),
            "break_minutes": _("Suggest a break after so many minutes"),
            "help_text": _("Whom to turn to if the work gets to somebody"),
        }
        help_texts = {
            "gold_share": _("From 0 to 1; 0 gives out none."),
            "gold_warning": "",
            "gold_pause": "",
            "max_overlap": _("Empty: no further raters."),
            "agreement_floor": _("From 0 to 1."),
            "seconds_per_100_words": _("0 never calls it haste."),
            "sensitive": "",
            "daily_cap": _("Empty: no cap."),
            "break_minutes": _("Empty: never."),
            "help_text": _("Markdown: names, hours, numbers."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        pause, warning = cleaned.get("gold_pause"), cleaned.get("gold_warning")
        if pause is not None and warning is not None and pause > warning:
            self.add_error("gold_pause", _("A pause above the warning would come before it: at most %s.") % warning)
        return cleaned


class PauseForm(forms.Form):
    reason = forms.CharField(max_length=500)


class StepForm(forms.ModelForm):
    """A test: its mark and how often it may be tried."""

    pass_mark = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=80,
        label=_("Pass mark, %"),
        help_text=_("The paper's: 90, 80 and about 73."),
    )

    class Meta:
        model = QualificationStep
        fields = ["title", "introduction", "pass_mark", "attempts", "retake_hours", "open"]
        widgets = {"introduction": forms.Textarea(attrs={"rows": 3})}
        labels = {
            "title": _("Title"),
            "introduction": _("Introduction"),
            "attempts": _("Attempts"),
            "retake_hours": _("Hours between two attempts"),
            "open": _("It has to be passed before the work"),
        }
        help_texts = {"open": "", "attempts": "", "retake_hours": ""}

    def __init__(self, project: Project, data: Any = None, instance: QualificationStep | None = None) -> None:
        initial = {"pass_mark": instance.pass_percent} if instance else {}
        super().__init__(data, instance=instance, initial=initial)
        self.project = project

    def clean_pass_mark(self) -> float:
        return float(self.cleaned_data["pass_mark"]) / 100

    def save(self, commit: bool = True) -> QualificationStep:
        step: QualificationStep = self.instance
        if step.pk is None:
            step.project = self.project
            newest = self.project.qualification_steps.aggregate(newest=Max("number"))["newest"]
            step.number = (newest or 0) + 1
        step.save()
        return step


class QuestionForm(forms.Form):
    """A question of a test. Options and answers are separated by a line of three dashes."""

    kind = forms.ChoiceField(choices=Kind.choices, label=_("Kind"))
    text = forms.CharField(
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=_("Question"),
        help_text=_("Or the prompt that was answered. Markdown."),
    )
    answers = forms.CharField(
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        label=_("Options, or the answers to judge"),
        help_text=_("An option per line; longer ones, and answers, with a line of --- between them."),
    )
    right = forms.CharField(
        max_length=100,
        label=_("What is right"),
        help_text=_("Numbers of the right options (1, 3), or the lowest and highest right points (1-2)."),
    )
    explanation = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}), label=_("Explanation")
    )

    def __init__(self, step: QualificationStep, data: Any = None) -> None:
        super().__init__(data)
        self.step = step

    def clean_answers(self) -> list[str]:
        text = self.cleaned_data["answers"].replace("\r\n", "\n")
        parts = text.split("\n---\n") if "\n---\n" in text or self.data.get("kind") != Kind.CHOICE else text.split("\n")
        return [part.strip() for part in parts if part.strip()]

    def clean_right(self) -> list[int]:
        words = self.cleaned_data["right"].replace("-", " ").replace("\u2013", " ").replace(",", " ").split()
        if not words or not all(word.isdigit() for word in words):
            raise forms.ValidationError(_("Write numbers, such as 1, 3 or 1-2, got “%(value)s”.") % {
                "value": self.cleaned_data["right"],
            })  # fmt: skip
        numbers = [int(word) for word in words]
        if self.data.get("kind") == Kind.CHOICE:
            return [number - 1 for number in numbers]
        return numbers * 2 if len(numbers) == 1 else numbers

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            scale = self.step.project.scale
            try:
                qualifying.check_question(cleaned["kind"], cleaned["answers"], cleaned["right"], scale)
            except qualifying.QualificationError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def save(self) -> QualificationQuestion:
        newest = self.step.questions.aggregate(newest=Max("number"))["newest"]
        return QualificationQuestion.objects.create(step=self.step, number=(newest or 0) + 1, **self.cleaned_data)
