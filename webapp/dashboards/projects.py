"""Projects: the list, a project's page, its comparisons, and making a new one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode

from annotation import blinding
from annotation.models import Assignment, Batch, Comparison, Flag, Preference, Project, Review
from annotation.sides import common_beginning
from webapp.accounts.models import User
from webapp.dashboards import figures
from webapp.dashboards.charts import day_bars, histogram
from webapp.dashboards.filters import WorkFilterForm
from webapp.dashboards.forms import ComparisonFilterForm, NewProjectForm
from webapp.dashboards.setting_up import create_project

RECENT, PER_PAGE = 10, 50
A_SAFER, B_SAFER = (
    Q(preferences__a_safe=True, preferences__b_safe=False),
    Q(preferences__a_safe=False, preferences__b_safe=True),
)
LABELS = {
    "chosen_safer": Q(preferences__choice="a") & A_SAFER | Q(preferences__choice="b") & B_SAFER,
    "both_safe": Q(preferences__a_safe=True, preferences__b_safe=True),
    "both_unsafe": Q(preferences__a_safe=False, preferences__b_safe=False),
    "chosen_less_safe": Q(preferences__choice="a") & B_SAFER | Q(preferences__choice="b") & A_SAFER,
}
"""The bins of figures.safety_shares as filters of comparisons."""
A_LONGER, B_LONGER = Q(apart__gt=0), Q(apart__lt=0)
LENGTHS = {
    "longer": Q(preferences__choice="a") & A_LONGER | Q(preferences__choice="b") & B_LONGER,
    "shorter": Q(preferences__choice="a") & B_LONGER | Q(preferences__choice="b") & A_LONGER,
}


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
    context = dashboard_of(figures.Scope(project)) | {
        "batches": figures.batch_lines(project),
        "pool": project.pool.select_related("model_version").order_by("model_version__name", "temperature"),
        "regenerations": figures.regenerations(project),
        "flags": Flag.objects.filter(item__project=project, resolved_at=None).count(),
        "recent": with_judgement(project.comparisons.all())[:RECENT],
    }
    return render(request, "dashboards/project.html", context)


@permission_required("annotation.view_project", raise_exception=True)
def batch(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The same for one batch."""
    batch = get_object_or_404(Batch.objects.select_related("project"), project__slug=slug, number=number)
    return render(request, "dashboards/batch.html", dashboard_of(figures.Scope(batch.project, batch)))


@permission_required("annotation.view_project", raise_exception=True)
def annotator(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The same for one annotator, with their standing and what reviewers wrote to them."""
    project = get_object_or_404(Project, slug=slug)
    person = get_object_or_404(people_of(project), pk=pk)
    reviews = Review.objects.filter(assignment__project=project, assignment__annotator=person).exclude(note="")
    context = dashboard_of(figures.Scope(project, annotator=person)) | {
        "person": person,
        "standing": project.standings.filter(annotator=person).first(),
        "reviews": reviews.select_related("reviewer", "assignment")[:RECENT],
    }
    return render(request, "dashboards/annotator.html", context)


def people_of(project: Project) -> QuerySet[User]:
    """Who works in a project, or did."""
    worked = project.tallies.filter(annotator__isnull=False).values("annotator")
    return User.objects.filter(Q(projects=project) | Q(pk__in=worked)).distinct().order_by("username")


def dashboard_of(scope: figures.Scope) -> dict[str, Any]:
    """What every dashboard shows of its scope."""
    project, counts = scope.project, scope.counts
    target = scope.batch.target if scope.batch else None if scope.annotator else project.target
    bars = histogram(scope.points, project.scale) if project.scale else []
    people = [scope.annotator] if scope.annotator else list(people_of(project))
    chosen = {"batch": scope.batch and scope.batch.pk, "annotator": scope.annotator and scope.annotator.pk}
    return {
        "section": "projects",
        "project": project,
        "scope": scope,
        "counts": counts,
        "target": target,
        "target_share": min(1.0, counts["judged"] / target) if target else None,
        "bars": bars,
        "rated": sum(bar.count for bar in bars),
        "days": day_bars(scope.days),
        "today": timezone.localdate().isoformat(),
        "safety": figures.safety_shares(counts),
        "annotators": figures.annotator_lines(scope, people),
        "guideline": project.guideline,
        "query": urlencode({name: key for name, key in chosen.items() if key}),
        "pairs": project.task_type in (Project.TaskType.PREFERENCE, Project.TaskType.PAIRWISE_EVALUATION),
    }


@permission_required("annotation.view_assignment", raise_exception=True)
def work(request: HttpRequest, slug: str) -> HttpResponse:
    """A project's pieces of work, those that a figure counts or all."""
    project = get_object_or_404(Project, slug=slug)
    form = WorkFilterForm(project, request.GET)
    rows: QuerySet[Assignment] = project.assignments.filter(submitted_at__isnull=False)
    rows = rows.select_related("annotator", "item__prompt", "item__batch").order_by("-submitted_at", "-pk")
    if form.is_valid():
        rows = form.filtered(rows)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"section": "projects", "project": project, "form": form, "page": page}
    return render(request, "dashboards/work.html", context)


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
        "project", "batch", "prompt", "annotator", "response_a__model_version", "response_b__model_version",
        "response_a__prompt", "response_b__prompt",
    )  # fmt: skip
    comparison = get_object_or_404(rows, project__slug=slug, pk=pk)
    revisions = list(comparison.preferences.select_related("guideline").order_by("-revision"))
    a, b = comparison.response_a, comparison.response_b
    shared = common_beginning(a.prompt.messages, b.prompt.messages)
    before = [response.prompt.messages[len(shared) :] for response in (a, b)]
    texts = [a.text, b.text]
    if not request.user.has_perm("registry.view_modelversion"):
        blinding.check([a, b])  # imported ones were not looked through before
        texts = [blinding.shown(response, comparison.project) for response in (a, b)]
        shared, *before = (blinding.shown_messages(said, comparison.project) for said in (shared, *before))
    context: dict[str, Any] = {
        "section": "projects",
        "project": comparison.project,
        "comparison": comparison,
        "shared": shared,
        "revisions": revisions,
        "current": next((revision for revision in revisions if revision.current), None),
        "sides": list(zip(("A", "B"), (a, b), before, texts, strict=True)),
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
    if wanted.get("labels"):
        rows = rows.filter(LABELS[wanted["labels"]], preferences__current=True)
    if wanted["length"]:
        rows = rows.annotate(apart=Length("response_a__text") - Length("response_b__text"))
        rows = rows.filter(LENGTHS[wanted["length"]], preferences__current=True)
    if wanted["split"]:
        rows = rows.filter(prompt__split=wanted["split"])
    return rows
