"""Which pieces of a project's work to list."""

from typing import Any, cast

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from annotation import tallies
from annotation.judgements import MODELS, place_of
from annotation.models import Assignment, Batch, Preference, Project, Rating
from webapp.accounts.models import User
from webapp.dashboards.forms import offer

SIGNALS = {
    "hasty": (_("hasty"), Q(hasty=True)),
    "gold_failed": (_("gold failed"), Q(gold_passed=False)),
    "gold_passed": (_("gold passed"), Q(gold_passed=True)),
    "approved": (_("approved"), Q(approved=True)),
    "returned": (_("returned"), Q(status=Assignment.Status.RETURNED)),
    "rejected": (_("rejected"), Q(status=Assignment.Status.REJECTED)),
    "disputed": (_("disputed"), Q(item__disagreement__gte=0.3)),
}


MAJORITY = {"with_majority": (_("with the majority"), True), "against_majority": (_("against the majority"), False)}


class WorkFilterForm(forms.Form):
    """A batch, a person, points that were given, a day, and what is remarkable about it."""

    batch = forms.ModelChoiceField(Batch.objects.none(), required=False, empty_label=_("any batch"), label=_("Batch"))
    annotator = forms.ModelChoiceField(
        User.objects.none(), required=False, empty_label=_("anybody"), label=_("Annotator")
    )
    points = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, label=_("Points"))
    signal = forms.ChoiceField(required=False, label=_("What about it"))
    day = forms.DateField(required=False, label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        self.project = project
        points, signal = (cast(forms.ChoiceField, self.fields[name]) for name in ("points", "signal"))
        points.choices = [("", _("any points")), *((point, str(point)) for point in range(1, project.scale + 1))]
        signals = {name: words for name, (words, _where) in SIGNALS.items()}
        if MODELS[project.task_type] in (Preference, Rating):
            signals |= {name: words for name, (words, _agreed) in MAJORITY.items()}
        if project.rules.violations:
            signals["violating"] = _("violating")
        signal.choices = [("", _("anything")), *signals.items()]
        people = User.objects.filter(assignments__project=project).distinct().order_by("username")
        offer(self, batch=project.batches.all(), annotator=people)
        if MODELS[project.task_type] not in (Preference, Rating):
            del self.fields["points"]

    def filtered(self, rows: QuerySet[Assignment]) -> QuerySet[Assignment]:
        """Each filter is one of a fixed list; a judgement counts as its current revision does."""
        wanted = self.cleaned_data
        if wanted["batch"]:
            rows = rows.filter(item__batch=wanted["batch"])
        if wanted["annotator"]:
            rows = rows.filter(annotator=wanted["annotator"])
        if wanted["signal"] in SIGNALS:
            rows = rows.filter(SIGNALS[wanted["signal"]][1])
        elif wanted["signal"] in MAJORITY:
            judged = tallies.agreeing(self.project, MAJORITY[wanted["signal"]][1])
            rows = rows.filter(pk__in=judged.values(place_of(self.project)))
        elif wanted["signal"]:
            most = self.project.rules.violations
            rows = rows.filter(ratings__points__lte=most, ratings__current=True)
        if wanted["day"]:
            rows = rows.filter(submitted_at__date=wanted["day"])
        if wanted.get("points"):
            said = "comparisons__preferences" if MODELS[self.project.task_type] is Preference else "ratings"
            rows = rows.filter(**{f"{said}__points": wanted["points"], f"{said}__current": True}).distinct()
        return rows
