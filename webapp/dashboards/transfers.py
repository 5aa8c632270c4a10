"""What comes into a project and goes out of it as files: prompts, preferences, exports."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from annotation.exporting import ExportError, export
from annotation.importing.forms import PreferenceUploadForm, PromptUploadForm, UploadForm, form_error
from annotation.importing.reading import FileError
from annotation.models import DatasetSnapshot, Project
from webapp.dashboards.forms import ExportForm

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
        "prompts_form": bound.get("prompts_form") or PromptUploadForm(project, prefix="prompts"),
        "preferences_form": bound.get("preferences_form") or PreferenceUploadForm(project, prefix="preferences"),
        "export_form": bound.get("export_form") or ExportForm(project, prefix="export"),
        "snapshots": project.snapshots.select_related("created_by")[:20],
        "prompts": project.prompts.count(),
    }
    return render(request, "dashboards/project_data.html", context)


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
    form = ExportForm(project, request.POST, prefix="export")
    if not form.is_valid():
        return page(request, project, export_form=form)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{project.slug}.jsonl"
        try:
            export(project, path, form.selection(), created_by=request.user)
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
