"""Before and during a campaign: its plan, and whether it may stop."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from evaluation.monitoring import CAVEAT, advice, monitor
from evaluation.planning_forms import PlanForm
from evaluation.views import campaign_or_404, may_see, may_start


@require_GET
@may_see
@may_start
def plan(request: HttpRequest) -> HttpResponse:
    initial = {name: field.initial for name, field in PlanForm.base_fields.items()}
    form = PlanForm(request.GET or initial)
    found = form.cleaned_data["found"] if form.is_valid() else None
    context = {"section": "campaigns", "form": form, "found": found}
    return render(request, "evaluation/plan.html", context, status=200 if found else 422)


@require_GET
@may_see
def monitoring(request: HttpRequest, slug: str) -> HttpResponse:
    """The part of the campaign's page that says whether to go on; it is fetched alone, since it reads every vote."""
    found = monitor(campaign_or_404(slug))
    lines = [(pair, advice(pair, found.margin)) for pair in found.pairs]
    context = {"monitoring": found, "lines": lines, "caveat": CAVEAT}
    return render(request, "evaluation/parts/monitoring.html", context)
