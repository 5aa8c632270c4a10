"""Model versions: the list, one version with its lineage and figures, its stage, its way into a project's pool."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from annotation.models import DatasetSnapshot
from modeling.registry.models import ModelVersion, Run
from webapp.dashboards.charts import Whisker, whisker
from webapp.dashboards.forms import ToPoolForm


@permission_required("registry.view_modelversion", raise_exception=True)
def models(request: HttpRequest) -> HttpResponse:
    """The registry, newest first; versions that are only a name in imported data come after the others."""
    versions = list(ModelVersion.objects.prefetch_related("parents"))
    usable = [version for version in versions if version.backend != ModelVersion.Backend.NAME_ONLY]
    named = [version for version in versions if version.backend == ModelVersion.Backend.NAME_ONLY]
    return render(request, "dashboards/models.html", {"section": "models", "usable": usable, "named": named})


@permission_required("registry.view_modelversion", raise_exception=True)
def model(request: HttpRequest, name: str) -> HttpResponse:
    return page(request, get_object_or_404(ModelVersion, name=name))


def page(request: HttpRequest, version: ModelVersion, form: ToPoolForm | None = None) -> HttpResponse:
    run = version.made_by.select_related("created_by").first()
    sampled = version.kind == ModelVersion.Kind.POLICY and version.backend != ModelVersion.Backend.NAME_ONLY
    context = {
        "section": "models",
        "version": version,
        "parents": version.parents.all(),
        "children": version.children.all(),
        "run": run,
        "snapshots": snapshots_of(run),
        "pool_entries": version.pool_entries.select_related("project").order_by("project__name", "temperature"),
        "accuracies": list(accuracies(version.figures)),
        "rivals": ModelVersion.objects.filter(campaigns__in=version.campaigns.all()).exclude(pk=version.pk).distinct(),
        "pool_form": (form or ToPoolForm(version)) if sampled else None,
        "stages": [(value, label) for value, label in ModelVersion.Stage.choices if value != version.stage],
    }
    return render(request, "dashboards/model.html", context)


def snapshots_of(run: Run | None) -> list[DatasetSnapshot]:
    """The data that the run learned from, each project once: other runs may have read the same."""
    if run is None or not run.data_digest:
        return []
    same = DatasetSnapshot.objects.filter(digest=run.data_digest).select_related("project").order_by("-pk")
    return list({snapshot.project_id: snapshot for snapshot in same}.values())


def accuracies(figures: dict[str, Any]) -> Iterator[tuple[str, Whisker]]:
    """The held-out accuracies of a reward model's report: overall, by rating, source and batch, of safety labels."""
    overall = [("all held-out pairs", figures.get("accuracy")), ("safe or unsafe", figures.get("safety_accuracy"))]
    ratings = [
        ("without a rating" if name == "unrated" else f"rated {name}", found)
        for name, found in (figures.get("accuracy_by_rating") or {}).items()
    ]
    batches = [
        ("outside of batches" if name == "no batch" else name, found)
        for name, found in (figures.get("accuracy_by_batch") or {}).items()
    ]
    sources = [(f"pairs on {name}", found) for name, found in (figures.get("accuracy_by_source") or {}).items()]
    for label, found in [*overall[:1], *ratings, *sources, *batches, *overall[1:]]:
        if isinstance(found, dict) and found.get("n"):
            yield label, whisker(found["n"], found["accuracy"], found["low"], found["high"])


@permission_required("registry.change_modelversion", raise_exception=True)
@require_POST
def set_stage(request: HttpRequest, name: str) -> HttpResponse:
    """Promote or retire a version."""
    version = get_object_or_404(ModelVersion, name=name)
    stage = request.POST.get("stage", "")
    if stage not in ModelVersion.Stage.values:
        messages.error(request, f"A stage is one of {', '.join(ModelVersion.Stage.values)}, got {stage!r}.")
        return redirect(version)
    version.stage = stage
    version.save(update_fields=["stage"])
    messages.success(request, f"{version} is {version.get_stage_display()} now.")
    if stage == ModelVersion.Stage.RETIRED and (used := version.pool_entries.filter(active=True).count()):
        messages.warning(request, f"It is still in {used} sampling pool entries: remove it there to stop sampling it.")
    return redirect(version)


@permission_required("annotation.change_project", raise_exception=True)
@permission_required("registry.view_modelversion", raise_exception=True)
@require_POST
def to_pool(request: HttpRequest, name: str) -> HttpResponse:
    """Add a version to a project's sampling pool."""
    version = get_object_or_404(ModelVersion, name=name)
    form = ToPoolForm(version, request.POST)
    if not form.is_valid():
        return page(request, version, form)
    entry = form.save()
    messages.success(request, f"{entry.project} now samples answers from {entry} too.")
    return redirect(version)
