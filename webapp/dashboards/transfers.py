"""What comes into a project and goes out of it as files: prompts, preferences, exports."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from annotation.exporting import ExportError, export
from annotation.exporting_demonstrations import export_demonstrations
from annotation.filling import RATING_TASKS, fill_from
from annotation.importing.forms import (
    DemonstrationUploadForm,
    PreferenceUploadForm,
    PromptUploadForm,
    ResponseUploadForm,
    UploadForm,
    form_error,
)
from annotation.importing.prompts import PROMPTED
from annotation.importing.reading import FileError
from annotation.models import DatasetSnapshot, Project
from webapp.dashboards.forms import DemonstrationExportForm, ExportForm, FillForm

TaskType = Project.TaskType

may_import = permission_required("annotation.change_project", raise_exception=True)
may_export = permission_required("annotation.add_datasetsnapshot", raise_exception=True)


@may_import
def data(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of a project's files."""
    return page(request, get_object_or_404(Project, slug=slug))


def page(request: HttpRequest, project: Project, **bound: Any) -> HttpResponse:
    """The files page; `bound` holds the form that was submitted, by its name on the page."""
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        **{name: bound.get(name) or form(project, prefix=prefix) for name, (form, prefix) in forms_of(project).items()},
        "snapshots": project.snapshots.select_related("created_by")[:20],
        "prompts": project.prompts.count(),
    }
    return render(request, "dashboards/project_data.html", context)


def forms_of(project: Project) -> dict[str, tuple[Any, str]]:
    """The forms of the files page by their names on it: what this kind of work takes and gives, and their prefixes."""
    forms: dict[str, tuple[Any, str]] = {}
    if project.task_type in PROMPTED or project.task_type == TaskType.PAIRWISE_EVALUATION:
        forms["prompts_form"] = (PromptUploadForm, "prompts")
    if project.task_type in (TaskType.PREFERENCE, TaskType.PAIRWISE_EVALUATION):
        forms["preferences_form"] = (PreferenceUploadForm, "preferences")
        forms["export_form"] = (ExportForm, "export")  # of an evaluation it says why there is none
    if project.task_type in RATING_TASKS:
        forms["responses_form"] = (ResponseUploadForm, "responses")
        forms["fill_form"] = (FillForm, "fill")
    if project.task_type == TaskType.DEMONSTRATION:
        forms["demonstrations_form"] = (DemonstrationUploadForm, "demonstrations")
        forms["export_form"] = (DemonstrationExportForm, "export")
    return forms


@may_import
@require_POST
def upload_demonstrations(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug, task_type=TaskType.DEMONSTRATION)
    form = DemonstrationUploadForm(project, request.POST, request.FILES, prefix="demonstrations")
    return taken(request, form) or page(request, project, demonstrations_form=form)


@may_import
@require_POST
def upload_responses(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug, task_type__in=RATING_TASKS)
    form = ResponseUploadForm(project, request.POST, request.FILES, prefix="responses")
    return taken(request, form) or page(request, project, responses_form=form)


@may_import
@require_POST
def fill(request: HttpRequest, slug: str) -> HttpResponse:
    """Stored answers of another project or campaign become items here."""
    project = get_object_or_404(Project, slug=slug, task_type__in=RATING_TASKS)
    form = FillForm(project, request.POST, prefix="fill")
    if not form.is_valid():
        return page(request, project, fill_form=form)
    try:
        summary = fill_from(project, form.cleaned_data["source"], form.cleaned_data["most"])
    except ValidationError as error:
        form.add_error(None, error)
        return page(request, project, fill_form=form)
    messages.success(request, "\n".join(summary.lines()))
    return redirect("project-data", project.slug)


@may_import
@require_POST
def upload_prompts(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    form = PromptUploadForm(project, request.POST, request.FILES, prefix="prompts")
    return taken(request, form) or page(request, project, prompts_form=form)


@may_import
@require_POST
def upload_preferences(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    form = PreferenceUploadForm(project, request.POST, request.FILES, prefix="preferences")
    return taken(request, form) or page(request, project, preferences_form=form)


def taken(request: HttpRequest, form: UploadForm) -> HttpResponse | None:
    """Back to the page with what the file brought; None where it brought errors, which the form then holds."""
    if not form.is_valid():
        return None
    try:
        summary = form.save(request.user)
    except FileError as error:
        form.add_error("file", form_error(error))
        return None
    messages.success(request, "\n".join(summary.lines()))
    return redirect("project-data", form.project.slug)


@may_export
@require_POST
def download(request: HttpRequest, slug: str) -> HttpResponse | FileResponse:
    """An export as a download; its snapshot, with the manifest, is remembered."""
    project = get_object_or_404(Project, slug=slug)
    demonstrates = project.task_type == TaskType.DEMONSTRATION
    form = (DemonstrationExportForm if demonstrates else ExportForm)(project, request.POST, prefix="export")
    if not form.is_valid():
        return page(request, project, export_form=form)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{project.slug}.jsonl"
        try:
            (export_demonstrations if demonstrates else export)(
                project, path, form.selection(), created_by=request.user
            )
        except ExportError as error:
            form.add_error(None, str(error))
            return page(request, project, export_form=form)
        # The open file outlives its name, so that nothing is left behind when the download ends or breaks off.
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/jsonl")


@may_export
def manifest(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """How an export came about, as a JSON file."""
    snapshot = get_object_or_404(DatasetSnapshot, project__slug=slug, pk=pk)
    text = json.dumps(snapshot.manifest, indent=2, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="{slug}-{snapshot.digest[:12]}.manifest.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)
