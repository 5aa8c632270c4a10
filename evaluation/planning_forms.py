"""What is asked of a plan: how precise, with which ties and agreement, at what cost."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.planning_campaigns import Alternatives, Wanted, alternatives, pilot
from evaluation.statistics.planning import Assumptions, Costs, icc_of_percent_agreement


class PlanForm(forms.Form):
    """The alternatives by number of raters; percentages are of 100 here and parts of 1 behind."""

    difference = forms.FloatField(
        min_value=0.1, max_value=50, initial=5, label="Difference to be found, in points",
        help_text="Of the win rate from 50 %, ties as half a win: 5 finds 55 % against 45 %.",
    )  # fmt: skip
    power = forms.FloatField(min_value=50, max_value=99.9, initial=80, label="Chance to find it, %")
    models = forms.IntegerField(
        min_value=2, max_value=20, initial=2, help_text="Every two of them are a pair; all pairs hold together."
    )
    pilot = forms.ModelChoiceField(
        Campaign.objects.none(), required=False, to_field_name="slug", empty_label="none: the figures below",
        label="Ties and agreement of an earlier campaign",
    )  # fmt: skip
    tie_rate = forms.FloatField(min_value=0, max_value=99, initial=25, label="Ties, % of votes")
    agreement = forms.FloatField(
        min_value=0, max_value=100, initial=60, label="Two raters say the same, %", help_text="Of win, tie and loss."
    )
    prompt_cost = forms.FloatField(min_value=0, initial=1, label="Cost of a prompt with its answers")
    judgement_cost = forms.FloatField(
        min_value=0, initial=1, label="Cost of a judgement", help_text="In the same unit."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, Any] = self.fields
        choices["pilot"].queryset = Campaign.objects.order_by("name")

    def clean(self) -> dict[str, Any]:
        """The plans are worked out here, since what can't be is an error of the fields together."""
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                data["found"] = self._alternatives(data)
            except ValueError as error:
                raise ValidationError(str(error)) from error
        return data

    def _alternatives(self, data: dict[str, Any]) -> Alternatives:
        pairs = data["models"] * (data["models"] - 1) // 2
        if data["pilot"]:
            known = pilot(find_campaign(data["pilot"].slug))
            given = Assumptions(known.tie_rate, known.icc)
        else:
            tie_rate = data["tie_rate"] / 100
            given = Assumptions(tie_rate, icc_of_percent_agreement(data["agreement"] / 100, tie_rate))
        costs = Costs(data["prompt_cost"], pairs * data["judgement_cost"])
        wanted = Wanted(difference=data["difference"] / 100, power=data["power"] / 100, pairs=pairs)
        found = alternatives(given, wanted, costs=costs)
        if not found.plans:
            raise ValidationError(found.refused)
        return found
