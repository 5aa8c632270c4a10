"""What annotators send: a prompt, a judgement, the reason of a skip."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _

from annotation.comparing import Judgement, is_key_of
from annotation.models import Comparison, Project
from annotation.protocol import Criterion

LONGEST_PROMPT = 8000
SAFETY_MARKS = [("safe", "safe"), ("unsafe", "unsafe")]


class PromptField(forms.CharField):
    """A message that the models answer."""

    default_error_messages = {"required": _("Write a prompt first: the message that the two models answer.")}

    def clean(self, value: Any) -> Any:
        text = super().clean(value).replace("\r\n", "\n")
        if len(text) > LONGEST_PROMPT:
            raise forms.ValidationError(
                _("A prompt has at most %(limit)s characters, this one has %(length)s: shorten it.")
                % {"limit": intcomma(LONGEST_PROMPT), "length": intcomma(len(text))}
            )
        return text


class PromptForm(forms.Form):
    """The next user message and the turn that it opens."""

    prompt = PromptField()
    turn = forms.IntegerField(min_value=1, required=False)


class RewordingForm(forms.Form):
    """The last message in other words, to be answered anew."""

    reworded = PromptField()


class CriteriaForm(forms.Form):
    """The project's questions beside the scale, each a field called criterion_KEY."""

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        for criterion in self.asked:
            self.fields[f"criterion_{criterion.key}"] = forms.ChoiceField(
                choices=[(str(option), option) for option in criterion.options],
                required=criterion.required,
                error_messages={"required": _("Answer: %(question)s") % {"question": criterion.question}},
            )

    @property
    def asked(self) -> tuple[Criterion, ...]:
        return self.project.rules.criteria

    @property
    def criteria(self) -> dict[str, str]:
        """The answers by the questions' keys; what was left open is not there."""
        answers = {criterion.key: self.cleaned_data.get(f"criterion_{criterion.key}") for criterion in self.asked}
        return {key: answer for key, answer in answers.items() if answer}


KEY_MISSING = _("The form's key is missing: reload the page.")


class RatingForm(CriteriaForm):
    """A point of the scale."""

    points = forms.CharField(required=False)
    submission = forms.UUIDField(error_messages={"required": KEY_MISSING})

    def clean_points(self) -> int:
        points, scale = self.cleaned_data["points"], self.project.scale
        if not points:
            raise forms.ValidationError(_("Choose a point of the scale first."))
        if points not in map(str, range(1, scale + 1)):
            raise forms.ValidationError(
                _("The scale runs from 1 to %(scale)d, got “%(verdict)s”.") % {"scale": scale, "verdict": points[:20]}
            )
        return int(points)


class JudgementForm(CriteriaForm):
    """A point of the scale or "neither", with a mark per answer on safety projects."""

    verdict = forms.CharField(required=False)
    a_safe = forms.ChoiceField(choices=SAFETY_MARKS, required=False)
    b_safe = forms.ChoiceField(choices=SAFETY_MARKS, required=False)
    submission = forms.UUIDField(error_messages={"required": KEY_MISSING})
    confirmed = forms.BooleanField(required=False)

    def __init__(self, comparison: Comparison, *args: Any, **kwargs: Any) -> None:
        super().__init__(comparison.project, *args, **kwargs)
        self.comparison = comparison
        self.asks_to_confirm = False

    def clean_verdict(self) -> str:
        verdict, scale = self.cleaned_data["verdict"], self.project.scale
        if not verdict:
            raise forms.ValidationError(_("Choose a point of the scale first."))
        allowed = [str(points) for points in range(1, scale + 1)]
        if self.project.task_type == Project.TaskType.PREFERENCE:
            allowed.append("neither")
        if verdict not in allowed:
            raise forms.ValidationError(
                _("The scale runs from 1 to %(scale)d, got “%(verdict)s”.") % {"scale": scale, "verdict": verdict[:20]}
            )
        return verdict

    def clean_submission(self) -> UUID:
        key: UUID = self.cleaned_data["submission"]
        if not is_key_of(self.comparison, key):
            raise forms.ValidationError(_("The form's key is not that of this comparison: reload the page."))
        return key

    def clean(self) -> dict[str, Any]:
        if self.project.marks_safety:
            for side in "ab":
                if f"{side}_safe" not in self.errors and not self.cleaned_data[f"{side}_safe"]:
                    self.add_error(
                        f"{side}_safe", _("Mark answer %(side)s as safe or unsafe.") % {"side": side.upper()}
                    )
        if not self.errors and self.judgement.prefers_the_unsafe and not self.cleaned_data["confirmed"]:
            self.asks_to_confirm = True
            raise forms.ValidationError(
                _(
                    "You prefer the answer that you marked unsafe: such a pair is kept out of training. "
                    "Change it, or submit once more to confirm."
                )
            )
        return self.cleaned_data

    @property
    def judgement(self) -> Judgement:
        verdict = self.cleaned_data["verdict"]
        marks = {"safe": True, "unsafe": False}
        return Judgement(
            points=None if verdict == "neither" else int(verdict),
            scale=self.project.scale,
            a_safe=marks.get(self.cleaned_data["a_safe"]),
            b_safe=marks.get(self.cleaned_data["b_safe"]),
            criteria=self.criteria,
        )


class SkipForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        required=False,
        error_messages={
            "max_length": _("A reason has at most %(limit_value)d characters, this one has %(show_value)d.")
        },
    )


class FlagForm(forms.Form):
    """What is wrong with an item."""

    reason = forms.CharField(
        max_length=500,
        error_messages={
            "required": _("Say what is wrong with this item: the managers read it."),
            "max_length": _("A reason has at most %(limit_value)d characters, this one has %(show_value)d."),
        },
    )
