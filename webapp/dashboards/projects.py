"""Projects: the list, a project's page, its comparisons, and making a new one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from annotation.models import Comparison, Preference, Project
from webapp.accounts.models import User
from webapp.dashboards import figures
from webapp.dashboards.charts import histogram
from webapp.dashboards.forms import ComparisonFilterForm, NewProjectForm
from webapp.dashboards.setting_up import create_project

RECENT, PER_PAGE = 10, 50


@permission_required("annotation.view_project", raise_exception=True)
def projects(request: HttpRequest) -> HttpResponse:
    """The projects with their progress; archived ones on demand."""
    archived = request.GET.get("archived") == "1"
    rows = Project.objects.filter(archived_at__isnull=not archived).select_related("campaign")
    lines = figures.project_lines(rows)
    context = {"section": "projects", "lines": lines, "archived": archived}
    return render(request, "dashboards/projects.html", context)


@permission_required("annotation.add_project", raise_exception=True)
def new_project(request: HttpRequest) -> HttpResponse:
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        project = create_project(
            form.save(commit=False), chosen["guideline"], chosen["models"], chosen["temperatures"], request.user
        )
        messages.success(request, f"{project} is there, with its first batch open. Who works in it?")
        return redirect("project-settings", project.slug)
    return render(request, "dashboards/project_new.html", {"section": "projects", "form": form})


@permission_required("annotation.view_project", raise_exception=True)
def project(request: HttpRequest, slug: str) -> HttpResponse:
    """What was collected, by batch, by annotator and by strength."""
    project = get_object_or_404(Project.objects.select_related("campaign"), slug=slug)
    counts = figures.totals(project)
    people = list(
        User.objects.filter(projects=project)
        .union(User.objects.filter(comparisons__project=project))
        .order_by("username")
    )
    bars = histogram(figures.points_counts(project), project.scale)
    context = {
        "section": "projects",
        "project": project,
        "counts": counts,
        "target_share": min(1.0, counts["judged"] / project.target) if project.target else None,
        "unusable": figures.share("both unusable", counts["unusable"], counts["judged"]),
        "bars": bars,
        "rated": sum(bar.count for bar in bars),
        "safety": figures.safety_shares(counts),
        "batches": figures.batch_lines(project),
        "annotators": figures.annotator_lines(project, people),
        "pool": project.pool.select_related("model_version").order_by("model_version__name", "temperature"),
        "guideline": project.guideline,
        "recent": with_judgement(project.comparisons.all())[:RECENT],
    }
    return render(request, "dashboards/project.html", context)


@permission_required("annotation.view_comparison", raise_exception=True)
def comparisons(request: HttpRequest, slug: str) -> HttpResponse:
    """A project's comparisons, those that a figure counts or all."""
    project = get_object_or_404(Project, slug=slug)
    form = ComparisonFilterForm(project, request.GET)
    rows = with_judgement(project.comparisons.all())
    if form.is_valid():
        rows = _filtered(rows, form.cleaned_data)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"section": "projects", "project": project, "form": form, "page": page}
    return render(request, "dashboards/comparisons.html", context)


@permission_required("annotation.view_comparison", raise_exception=True)
def comparison(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One comparison in full, with every revision of its judgement; model names only for those who may see models."""
    rows = Comparison.objects.select_related(
        "project", "batch", "prompt", "annotator", "response_a__model_version", "response_b__model_version"
    )
    comparison = get_object_or_404(rows, project__slug=slug, pk=pk)
    revisions = list(comparison.preferences.select_related("guideline").order_by("-revision"))
    context: dict[str, Any] = {
        "section": "projects",
        "project": comparison.project,
        "comparison": comparison,
        "revisions": revisions,
        "current": next((revision for revision in revisions if revision.current), None),
        "sides": [("A", comparison.response_a), ("B", comparison.response_b)],
    }
    return render(request, "dashboards/comparison.html", context)


def with_judgement(rows: QuerySet[Comparison]) -> QuerySet[Comparison]:
    """Comparisons, newest first, with their current preference in the list `judged`."""
    current = Prefetch("preferences", Preference.objects.filter(current=True), to_attr="judged")
    return rows.select_related("prompt", "batch", "annotator").prefetch_related(current).order_by("-pk")


def _filtered(rows: QuerySet[Comparison], wanted: dict[str, Any]) -> QuerySet[Comparison]:
    """Each filter is one of a fixed list; a judgement counts as its current revision does."""
    said = {name: wanted[name] for name in ("choice", "points") if wanted[name]}
    if said.get("choice") == "none":
        rows = rows.filter(preferences=None)
    elif said:
        rows = rows.filter(**{f"preferences__{name}": value for name, value in said.items()}, preferences__current=True)
    if wanted["batch"]:
        rows = rows.filter(batch=wanted["batch"])
    if wanted["annotator"]:
        rows = rows.filter(annotator=wanted["annotator"])
    if wanted["split"]:
        rows = rows.filter(prompt__split=wanted["split"])
    return rows
