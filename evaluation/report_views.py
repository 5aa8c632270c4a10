"""Pages of reports: the live one, which is made anew when its data change, and the published versions, which never are.

For those who may see which models are compared: never for annotators.
"""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from evaluation.models import Report
from evaluation.reports import comparison_page
from evaluation.reports.comparing import ModelComparison, compare, lines
from evaluation.reports.keeping import current
from evaluation.reports.publishing import PublishingError, changed_since, publish
from evaluation.reports.rendering import csv_of, json_of
from evaluation.reports.report import plain
from evaluation.views import campaign_or_404, may_see, may_start
from modeling.registry.models import ModelVersion

LATEST = 20


@require_GET
@may_see
def report_page(request: HttpRequest, slug: str) -> HttpResponse:
    campaign = campaign_or_404(slug)
    kept = current(campaign)
    versions = list(campaign.reports.defer("snapshot", "html", "json", "csv")[:LATEST])
    latest = campaign.reports.only("json").first()
    context = {
        "section": "campaigns",
        "campaign": campaign,
        "html": kept.html,
        "versions": versions,
        "changed": changed_since(latest.json, kept.json) if latest else "",
    }
    return render(request, "evaluation/report.html", context)


@require_GET
@may_see
def report_json(request: HttpRequest, slug: str) -> HttpResponse:
    return _download(current(campaign_or_404(slug)).json, "application/json", f"{slug}-report.json")


@require_GET
@may_see
def report_csv(request: HttpRequest, slug: str) -> HttpResponse:
    return _download(current(campaign_or_404(slug)).csv, "text/csv; charset=utf-8", f"{slug}-report.csv")


@require_POST
@may_see
@may_start
def publish_report(request: HttpRequest, slug: str) -> HttpResponse:
    campaign = campaign_or_404(slug)
    note = request.POST.get("note", "").strip()
    if len(note) > 500:
        messages.error(request, f"A note has at most 500 characters, this one has {len(note)}: shorten it.")
        return redirect("campaign-report", slug)
    try:
        made = publish(campaign, by=request.user.get_username(), note=note)
    except PublishingError as error:
        messages.error(request, str(error))
        return redirect("campaign-report", slug)
    messages.success(request, f"Version {made.number} is published: it stays as it is now, whatever comes in later.")
    return redirect(made)


@require_GET
@may_see
def published(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    found = _published_or_404(slug, number)
    context = {"section": "campaigns", "campaign": found.campaign, "published": found, "html": found.html}
    return render(request, "evaluation/published.html", context)


@require_GET
@may_see
def published_json(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return _download(_published_or_404(slug, number).json, "application/json", f"{slug}-report-v{number}.json")


@require_GET
@may_see
def published_csv(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return _download(_published_or_404(slug, number).csv, "text/csv; charset=utf-8", f"{slug}-report-v{number}.csv")


@require_GET
@may_see
def compare_models(request: HttpRequest) -> HttpResponse:
    """Two models wherever they met: ?a=NAME&b=NAME; without names, the form that asks for them."""
    names, a, b = _comparable(), request.GET.get("a", ""), request.GET.get("b", "")
    context: dict[str, object] = {"section": "campaigns", "names": names, "a": a, "b": b}
    context["problem"] = problem = _problem(names, a, b) if a or b else ""
    if (a or b) and not problem:
        found = compare(a, b)
        context |= {"found": found, "parts": list(comparison_page.parts(found))}
        context |= {"headline": comparison_page.headline(found), "beneath": comparison_page.beneath(found)}
    return render(request, "evaluation/compare.html", context, status=404 if problem else 200)


@require_GET
@may_see
def compare_json(request: HttpRequest) -> HttpResponse:
    if not request.GET:
        return redirect("compare-models")
    found = _comparison_or_404(request)
    return _download(json_of(plain(found)), "application/json", _name_of(found, "json"))


@require_GET
@may_see
def compare_csv(request: HttpRequest) -> HttpResponse:
    if not request.GET:
        return redirect("compare-models")
    found = _comparison_or_404(request)
    return _download(csv_of(lines(found)), "text/csv; charset=utf-8", _name_of(found, "csv"))


def _comparable() -> list[str]:
    return list(
        ModelVersion.objects.filter(campaigns__isnull=False).order_by("name").values_list("name", flat=True).distinct()
    )


def _problem(names: list[str], a: str, b: str) -> str:
    """Why these two can't be compared; empty where they can."""
    unknown = [name for name in (a, b) if name not in names]
    if unknown:
        return f'No campaign has a model "{unknown[0]}": choose two from the lists.'
    return f"{a} can't be compared with itself: choose another model." if a == b else ""


def _comparison_or_404(request: HttpRequest) -> ModelComparison:
    a, b = request.GET.get("a", ""), request.GET.get("b", "")
    problem = _problem(_comparable(), a, b)
    if problem:
        raise Http404(problem)
    return compare(a, b)


def _name_of(found: ModelComparison, ending: str) -> str:
    return f"{slugify(found.first)}-against-{slugify(found.second)}.{ending}"


def _download(text: str, kind: str, name: str) -> HttpResponse:
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=kind, headers=attached)


def _published_or_404(slug: str, number: int) -> Report:
    reports = Report.objects.select_related("campaign").defer("snapshot")
    found = reports.filter(campaign=campaign_or_404(slug), number=number).first()
    if found is None:
        raise Http404(f"{slug} has no published report {number}.")
    return found
