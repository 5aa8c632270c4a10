"""The editor of a project's protocol: a text box for each list, an entry a line. See annotation/protocol.py."""

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.judgements import judgements_in
from annotation.models import Project
from annotation.protocol import DEFAULTS, Criterion, Protocol, ProtocolError, plain, protocol_of

LINES = {
    "strengths": (
        gettext_lazy("The scale's strengths, strongest first"),
        gettext_lazy("How much better: A's points, and mirrored B's."),
    ),
    "labels": (gettext_lazy("The scale's points, from 1 up"), ""),
    "risk_categories": (gettext_lazy("Risk categories"), ""),
    "attack_vectors": (gettext_lazy("Attack vectors"), ""),
    "degrees": (gettext_lazy("Degrees of risk, from 1 up"), ""),
}  # fmt: skip
SCALES = ("strengths", "labels", "degrees")
"""Lists whose length is the number of points: fixed once somebody has chosen among them."""
CRITERION = gettext_lazy("key | question | option | option … A key that ends with ? may be left unanswered.")


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def criterion_line(criterion: Criterion) -> str:
    key = criterion.key if criterion.required else f"{criterion.key}?"
    return " | ".join([key, plain(criterion.question), *map(plain, criterion.options)])


def criterion_in(line: str) -> dict[str, Any]:
    """A criterion as JSON holds it. Raises ProtocolError for a line that is none."""
    parts = [part.strip() for part in line.split("|")]
    if len(parts) < 4:
        raise ProtocolError(
            _("A question must be key | question | option | option, got “%(line)s”.") % {"line": line[:80]}
        )
    key, question, *options = parts
    return {
        "key": key.removesuffix("?"),
        "question": question,
        "options": options,
        "required": not key.endswith("?"),
    }


class ProtocolForm(forms.Form):
    """What a project's kind of work asks for, prefilled with what it asks now."""

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        self.project, self.default = project, DEFAULTS[project.task_type]
        rules = project.rules
        self.judged = judgements_in(project).exists()
        super().__init__(*args, **kwargs)
        for name, (label, hint) in LINES.items():
            if getattr(self.default, name):
                fixed = self.judged and name in SCALES
                self.fields[name] = forms.CharField(
                    label=label,
                    initial="\n".join(map(plain, getattr(rules, name))),
                    help_text=_("The number of lines is fixed, since judgements were made.") if fixed else str(hint),
                    widget=forms.Textarea(attrs={"rows": len(getattr(rules, name)) + 1, "dir": "auto"}),
                )
        if self.default.strengths:
            self.fields["middle"] = forms.CharField(
                label=_("The middle"),
                required=False,
                initial=plain(rules.middle),
                help_text=_("What the middle point says; empty where a choice is forced."),
            )
        if project.task_type == Project.TaskType.PREFERENCE and not project.is_safety:
            self.fields["safety_marks"] = forms.BooleanField(
                label=_("Each answer is marked safe or unsafe too"),
                required=False,
                initial=rules.safety_marks,
                help_text=_("Safety reward models learn from it what safe answers to ordinary prompts look like."),
            )
        if self.default.labels:
            self.fields["violations"] = forms.IntegerField(
                label=_("Violations"),
                min_value=0,
                initial=rules.violations,
                help_text=_("So many of the lowest points are violations; 0: none."),
            )
        self.fields["criteria"] = forms.CharField(
            label=_("Questions beside it"),
            required=False,
            initial="\n".join(map(criterion_line, rules.criteria)),
            help_text=CRITERION,
            widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.changed = self.difference(cleaned)
            rules = protocol_of(self.project.task_type, self.changed)
        except ProtocolError as error:
            raise forms.ValidationError(str(error)) from error
        if self.judged:
            self.check_points(rules)
        return cleaned

    def difference(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """What of the form is not the paper's, as the project's row holds it. Raises ProtocolError."""
        said: dict[str, Any] = {}
        for name in LINES:
            if name in cleaned:
                entries = lines_of(cleaned[name])
                if entries != list(map(plain, getattr(self.default, name))):
                    said[name] = entries
        if "middle" in cleaned and cleaned["middle"] != plain(self.default.middle):
            said["middle"] = cleaned["middle"]
        if cleaned.get("safety_marks"):
            said["safety_marks"] = True
        if "violations" in cleaned and cleaned["violations"] != self.default.violations:
            said["violations"] = cleaned["violations"]
        if criteria := [criterion_in(line) for line in lines_of(cleaned["criteria"])]:
            said["criteria"] = criteria
        return said

    def check_points(self, rules: Protocol) -> None:
        now = self.project.rules
        for name, before, after in (
            ("middle" if now.strengths and len(now.strengths) == len(rules.strengths) else "strengths",
             now.points if now.strengths else 0, rules.points if now.strengths else 0),
            ("labels", len(now.labels), len(rules.labels)),
            ("degrees", len(now.degrees), len(rules.degrees)),
        ):  # fmt: skip
            if before != after:
                self.add_error(
                    name,
                    _("Judgements were made on %(before)d points: there can't be %(after)d now.")
                    % {"before": before, "after": after},
                )

    @transaction.atomic
    def save(self) -> None:
        Project.objects.filter(pk=self.project.pk).update(protocol=self.changed)
