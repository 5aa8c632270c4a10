"""The safety pages, for those who may see which models are compared: never for annotators.

A report is asked for by its projects, ?project=SLUG, as often as there are projects to show side by side.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from annotation.models import Project
from evaluation.models import Refusal
from evaluation.safety import plots, wording
from evaluation.safety.collecting import REPORTED
from evaluation.safety.downloads import as_csv
from evaluation.safety.refusal_wording import read_refusals
from evaluation.safety.refusals import answers_of
from evaluation.safety.reporting import SafetyReport, safety_report
from evaluation.views import may_see

TASKS = (Project.TaskType.SAFETY_RATING, Project.TaskType.RED_TEAM)


@dataclass(frozen=True)
class ProjectLine:
    project: Project
    said: int
    """Ratings, red team attempts, or answers that a refusal classifier labelled."""
    unit: str


@require_GET
@may_see
def safety(request: HttpRequest) -> HttpResponse:
    """The projects to report on."""
    return render(request, "evaluation/safety/projects.html", {"section": "safety", "lines": project_lines()})


def project_lines() -> list[ProjectLine]:
    projects = Project.objects.filter(task_type__in=TASKS, archived_at=None).order_by("task_type", "name")
    current = Q(assignments__ratings__current=True)
    attacked = Q(assignments__redteamattempts__current=True)
    ratings = dict(projects.annotate(n=Count("assignments__ratings", filter=current)).values_list("pk", "n"))
    attempts = dict(projects.annotate(n=Count("assignments__redteamattempts", filter=attacked)).values_list("pk", "n"))
    lines = [
        ProjectLine(project, attempts[project.pk], "attempt")
        if project.task_type == Project.TaskType.RED_TEAM
        else ProjectLine(project, ratings[project.pk], "rating")
        for project in projects
    ]
    return lines + labelled_lines()


def labelled_lines() -> list[ProjectLine]:
    """The other projects whose answers a refusal classifier labelled."""
    others = Project.objects.filter(task_type__in=set(REPORTED) - set(TASKS), archived_at=None).order_by("name")
    counts = {project: Refusal.objects.filter(response__in=answers_of([project])).count() for project in others}
    return [ProjectLine(project, n, "answer classified") for project, n in counts.items() if n]


@require_GET
@may_see
def report_page(request: HttpRequest) -> HttpResponse:
    projects = asked_for(request)
    if not projects:
        messages.warning(request, "Choose at least one project to report on.")
        return redirect("safety")
    try:
        found = safety_report(projects)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
        return redirect("safety")
    return render(request, "evaluation/safety/report.html", context_of(found, projects))


def context_of(found: SafetyReport, projects: list[Project]) -> dict[str, object]:
    return {
        "section": "safety",
        "report": found,
        "title": wording.listed(found.names),
        "projects": projects,
        "query": urlencode({"project": found.projects}, doseq=True),
        "headline": wording.headline(found),
        "beneath": wording.beneath_the_headline(found),
        "violations": (plots.violation_plot(found), wording.read_violations(found)),
        "means": (plots.mean_plot(found), wording.read_means(found)) if found.models else None,
        "slices": plots.slice_plots(found),
        "pairs": (plots.pair_plot(found), wording.read_pairs(found)),
        "agreement": (plots.agreement_plot(found), wording.read_agreement(found)),
        "red_team": wording.read_red_team(found.red_team),
        "scale": range(1, found.points + 1),
        "refusals": [(each, plots.refusal_plot(each), read_refusals(each)) for each in found.refusals],
    }


@require_GET
@may_see
def report_json(request: HttpRequest) -> HttpResponse:
    if not asked_for(request):
        return redirect("safety")
    found = report_or_404(request)
    attached = {"Content-Disposition": f'attachment; filename="{file_name(found)}.json"'}
    return JsonResponse(found.as_json(), headers=attached, json_dumps_params={"allow_nan": False, "indent": 1})


@require_GET
@may_see
def report_csv(request: HttpRequest) -> HttpResponse:
    if not asked_for(request):
        return redirect("safety")
    found = report_or_404(request)
    attached = {"Content-Disposition": f'attachment; filename="{file_name(found)}.csv"'}
    return HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8", headers=attached)


def report_or_404(request: HttpRequest) -> SafetyReport:
    try:
        return safety_report(asked_for(request))
    except ValidationError as error:
        raise Http404(" ".join(error.messages)) from error


def asked_for(request: HttpRequest) -> list[Project]:
    """The projects that the address names, in its order. Raises Http404 for one that is none."""
    slugs = list(dict.fromkeys(request.GET.getlist("project")))
    found = Project.objects.in_bulk(slugs, field_name="slug")
    if missing := [slug for slug in slugs if slug not in found]:
        raise Http404(f"There is no project {', '.join(missing)}.")
    return [found[slug] for slug in slugs]


def file_name(found: SafetyReport) -> str:
    return f"{found.projects[0]}{'-and-more' if len(found.projects) > 1 else ''}-safety"
