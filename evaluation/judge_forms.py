"""What managers fill in to ask a judge model about a campaign."""

from pathlib import PurePath
from typing import Any

from django import forms

from evaluation.model_judging import (
    BOTH,
    MOST_AT_ONCE,
    MOST_SAMPLES,
    RANDOM,
    JudgeOrder,
    check_order,
    guideline_for,
    template_row,
)
from evaluation.models import Campaign, JudgeTemplate
from evaluation.questioning import (
    LARGEST,
    Template,
    TemplateError,
    parse_template,
    shipped_guidelines,
    shipped_templates,
    template_from_bytes,
)
from modeling.registry.models import ModelVersion, samplable_models

OWN = "own:"


class JudgeOrderForm(forms.Form):
    """An order to a judge; `order` is there once the form is valid."""

    judge = forms.ModelChoiceField(
        ModelVersion.objects.none(),
        to_field_name="name",
        empty_label=None,
        help_text="A judge favours its own answers: better take a model that is not compared.",
    )
    template = forms.ChoiceField(label="Question")
    template_file = forms.FileField(
        required=False, label="Or a question of your own", help_text="A Markdown template; it stays in the list above."
    )
    guideline = forms.ChoiceField(required=False, label="Guideline in it")
    orders = forms.ChoiceField(
        choices=[(BOTH, "both: each pair twice"), (RANDOM, "one, drawn at random: each pair once")],
        label="Order of the answers",
        help_text="Both orders cost twice as much, show how far the order sways the judge, and cancel it.",
    )
    samples = forms.IntegerField(
        min_value=1, max_value=MOST_SAMPLES, initial=1, help_text="Replies to each question; above 1 at a temperature."
    )
    temperature = forms.FloatField(min_value=0, max_value=2, required=False, help_text="Empty: the question's own.")
    limit = forms.IntegerField(min_value=1, required=False, label="Items, at most", help_text="A random part of them.")
    concurrency = forms.IntegerField(
        min_value=1, max_value=MOST_AT_ONCE, initial=8, label="At a time", help_text="Questions on their way at once."
    )
    price_in = forms.FloatField(min_value=0, required=False, label="Price of a million tokens read")
    price_out = forms.FloatField(min_value=0, required=False, label="Price of a million tokens written")
    budget = forms.FloatField(
        min_value=0, required=False, help_text="Nothing is asked that could cost more than is left of it."
    )
    reask = forms.BooleanField(required=False, label="Ask again where a reply could not be read")

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign
        self.order: JudgeOrder | None = None
        choices: dict[str, Any] = self.fields
        choices["judge"].queryset = samplable_models()
        shipped = [(template.name, template.title) for template in shipped_templates().values()]
        own = [(f"{OWN}{row.digest}", f"{row.name} (own)") for row in own_templates()]
        choices["template"].choices = shipped + own
        choices["template"].initial = "pairwise-helpfulness"
        choices["guideline"].choices = [
            ("", "as the question says, or else the raters'"),
            ("none", "none"),
            ("project", "the raters'"),
            *((name, name.replace("-", " ")) for name in shipped_guidelines()),
        ]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        try:
            template = self._template(data)
            guideline = guideline_for(template, self.campaign.project, data["guideline"])
            row = template_row(template, guideline, data["temperature"])
        except TemplateError as error:
            self.add_error("template_file" if data["template_file"] else "template", str(error))
            return data
        settings = ("samples", "limit", "concurrency", "price_in", "price_out", "budget", "reask", "orders", "judge")
        order = JudgeOrder(project=self.campaign.project, template=row, **{name: data[name] for name in settings})
        check_order(order)
        self.order = order
        return data

    def _template(self, data: dict[str, Any]) -> Template:
        if file := data["template_file"]:
            if file.size > LARGEST:
                raise TemplateError(f"{file.name} has {file.size:,} bytes, templates have at most {LARGEST:,}")
            return template_from_bytes(PurePath(file.name).stem, file.read())
        chosen: str = data["template"]
        if not chosen.startswith(OWN):
            return shipped_templates()[chosen]
        row = JudgeTemplate.objects.get(digest=chosen.removeprefix(OWN))
        return parse_template(row.name, row.text)

    def with_stored_template(self) -> "JudgeOrderForm":
        """The same form with the uploaded template among its choices, so that it need not be uploaded again."""
        if self.order is None or not self.cleaned_data["template_file"]:
            return self
        data = {name: self.data[name] for name in self.data}
        stored = JudgeTemplate.objects.filter(text=self.order.template.text, imported=False).order_by("pk").first()
        data["template"] = f"{OWN}{stored.digest}" if stored else data["template"]
        again = JudgeOrderForm(self.campaign, data)
        again.is_valid()
        return again


def own_templates() -> list[JudgeTemplate]:
    """Stored templates that did not come along, each text once."""
    shipped = {template.source for template in shipped_templates().values()}
    rows: dict[str, JudgeTemplate] = {}
    for row in JudgeTemplate.objects.filter(imported=False).order_by("pk"):
        if row.text not in shipped:
            rows.setdefault(row.text, row)
    return list(rows.values())
