"""What reviewers fill in: verdicts, what counts for a disputed item, and the request to judge anew."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project, Review
from annotation.submitted import words_of


class AskAgainForm(forms.Form):
    """Work of older guideline versions goes back to its annotators with a note."""

    note = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=_("Note to the annotators"),
        help_text=_("Why they are asked again, and what to look at."),
    )


class ReviewForm(forms.Form):
    """A verdict on submitted work; a note where its annotator has to do something or loses it."""

    verdict = forms.ChoiceField(choices=Review.Verdict.choices)
    note = forms.CharField(max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3}), label=_("Note"))


class AdjudicationForm(forms.Form):
    """What counts for an item, on its project's scale."""

    points = forms.TypedChoiceField(
        coerce=int,
        widget=forms.RadioSelect,
        label=_("What counts"),
        error_messages={"required": _("Choose a point of the scale.")},
    )
    note = forms.CharField(
        max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}), label=_("Why, for the record")
    )

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        points = range(1, project.scale + 1)
        offered = [(number, f"{number}: {words_of(number, project.scale, project)}") for number in points]
        cast(forms.TypedChoiceField, self.fields["points"]).choices = offered
