"""What annotators send who write or label: a prompt with its risks, an ideal answer, the label of an attempt."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _

from annotation.forms import KEY_MISSING, LONGEST_PROMPT, CriteriaForm
from annotation.models import Project
from annotation.protocol import Words, plain

LONGEST_RESPONSE = 20_000
VERDICTS = {"yes": True, "no": False}


def choices_of(entries: Sequence[Words]) -> list[tuple[str, Words]]:
    """A taxonomy's entries: what is stored, and what the page says."""
    return [(plain(entry), entry) for entry in entries]


def checked_length(text: str, longest: int) -> str:
    """The text with plain line ends. Raises ValidationError for one that is too long."""
    text = text.replace("\r\n", "\n")
    if len(text) > longest:
        raise forms.ValidationError(
            _("A text has at most %(limit)s characters here, this one has %(length)s: shorten it.")
            % {"limit": intcomma(longest), "length": intcomma(len(text))}
        )
    return text


class OwnPromptForm(forms.Form):
    """A prompt of the annotator's own; in the safety stream with what it is about and how it goes about it."""

    prompt = forms.CharField(error_messages={"required": _("Write a prompt first.")})
    risk_category = forms.ChoiceField(required=False)
    attack_vector = forms.ChoiceField(required=False)

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, entries, missing in (
            ("risk_category", project.rules.risk_categories, _("Choose the prompt's risk category.")),
            ("attack_vector", project.rules.attack_vectors, _("Choose the prompt's attack vector.")),
        ):
            self.fields[name] = forms.ChoiceField(
                choices=choices_of(entries), required=project.is_safety, error_messages={"required": missing}
            )

    def clean_prompt(self) -> str:
        return checked_length(self.cleaned_data["prompt"], LONGEST_PROMPT)


class DemonstrationForm(CriteriaForm):
    """The ideal answer."""

    response = forms.CharField(
        strip=False, error_messages={"required": _("Write the answer that the model should have given.")}
    )
    submission = forms.UUIDField(error_messages={"required": KEY_MISSING})

    def clean_response(self) -> str:
        text = checked_length(self.cleaned_data["response"], LONGEST_RESPONSE).strip()
        if not text:
            raise forms.ValidationError(self.fields["response"].error_messages["required"])
        return text


class AttemptForm(CriteriaForm):
    """The label of a red-team attempt."""

    risk_categories = forms.MultipleChoiceField(
        error_messages={"required": _("Choose at least one risk category.")},
    )
    attack_vector = forms.ChoiceField(error_messages={"required": _("Choose the attack vector.")})
    degree = forms.TypedChoiceField(coerce=int, error_messages={"required": _("Choose the degree of risk.")})
    violating = forms.ChoiceField(
        choices=[("yes", "yes"), ("no", "no")],
        error_messages={"required": _("Say whether an answer broke the rules.")},
    )
    submission = forms.UUIDField(error_messages={"required": KEY_MISSING})

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(project, *args, **kwargs)
        rules = project.rules
        for name, choices in (
            ("risk_categories", choices_of(rules.risk_categories)),
            ("attack_vector", choices_of(rules.attack_vectors)),
            ("degree", [(str(degree), label) for degree, label in enumerate(rules.degrees, start=1)]),
        ):
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def said(self) -> dict[str, Any]:
        """The attempt's fields."""
        names = ("risk_categories", "attack_vector", "degree")
        said = {name: self.cleaned_data[name] for name in names}
        return said | {"violating": VERDICTS[self.cleaned_data["violating"]], "criteria": self.criteria}
