"""A project's settings: one page of small forms. One with an error comes back with what was typed, the others fresh."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation.batches import close_batch, open_batch
from annotation.models import Batch, PoolEntry, Project
from webapp.dashboards.forms import AnnotatorsForm, BatchForm, GuidelineForm, PoolEntryForm, ProjectForm
from webapp.dashboards.protocol_form import ProtocolForm
from webapp.dashboards.setting_up import SAMPLED, publish_guideline

may_change = permission_required("annotation.change_project", raise_exception=True)


def page(request: HttpRequest, project: Project, **bound: Any) -> HttpResponse:
    """The settings page; `bound` holds the form that was submitted, by its name on the page."""
    forms: dict[str, Any] = {
        "basics": bound.get("basics") or ProjectForm(instance=project),
        "protocol_form": bound.get("protocol_form") or ProtocolForm(project, prefix="protocol"),
        "guideline_form": bound.get("guideline_form") or GuidelineForm(project),
        "batch_form": bound.get("batch_form") or BatchForm(prefix="batch"),
        "pool_form": bound.get("pool_form") or PoolEntryForm(project, prefix="pool"),
        "annotators_form": bound.get("annotators_form") or AnnotatorsForm(project),
    }
    context = forms | {
        "section": "projects",
        # The heading names the project as it is stored, whatever was typed into the form.
        "project": Project.objects.get(pk=project.pk),
        "samples": project.task_type in SAMPLED,
        "guidelines": project.guidelines.select_related("created_by"),
        "batches": project.batches.all(),
        "pool": project.pool.select_related("model_version").order_by("model_version__name", "temperature"),
        "annotators": project.annotators.order_by("username"),
    }
    return render(request, "dashboards/project_settings.html", context)


@may_change
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """The page itself; a POST saves the project's own fields."""
    project = get_object_or_404(Project, slug=slug)
    if request.method != "POST":
        return page(request, project)
    form = ProjectForm(request.POST, instance=project)
    if not form.is_valid():
        return page(request, project, basics=form)
    form.save()
    return _done(request, project, "The settings are saved.")


@may_change
@require_POST
def protocol(request: HttpRequest, slug: str) -> HttpResponse:
    """The scale, the questions and the taxonomies."""
    project = get_object_or_404(Project, slug=slug)
    form = ProtocolForm(project, request.POST, prefix="protocol")
    if not form.is_valid():
        return page(request, project, protocol_form=form)
    form.save()
    return _done(request, project, _("The protocol is saved."))


@may_change
@require_POST
def guideline(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    form = GuidelineForm(project, request.POST)
    if not form.is_valid():
        return page(request, project, guideline_form=form)
    version = publish_guideline(project, form.cleaned_data["text"], request.user, form.cleaned_data["changes"])
    return _done(
        request, project, _("Version %(number)d of the guideline counts from now on.") % {"number": version.number}
    )


@may_change
@require_POST
def new_batch(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    form = BatchForm(request.POST, prefix="batch")
    if not form.is_valid():
        return page(request, project, batch_form=form)
    try:
        batch = open_batch(project, form.cleaned_data["name"], form.cleaned_data["target"])
    except ValidationError as error:
        form.add_error("name", error)
        return page(request, project, batch_form=form)
    return _done(request, project, _("Batch %(number)d is open; new work belongs to it.") % {"number": batch.number})


@may_change
@require_POST
def end_batch(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    batch = get_object_or_404(Batch, project__slug=slug, number=number)
    said = _("Batch %(number)d is closed.") if close_batch(batch) else _("Batch %(number)d was closed already.")
    return _done(request, batch.project, said % {"number": batch.number})


@may_change
@require_POST
def add_to_pool(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    form = PoolEntryForm(project, request.POST, prefix="pool")
    if not form.is_valid():
        return page(request, project, pool_form=form)
    entry = form.save()
    return _done(request, project, _("Answers are now sampled from %(entry)s too.") % {"entry": entry})


@may_change
@require_POST
def remove_from_pool(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    entry = get_object_or_404(PoolEntry.objects.select_related("project", "model_version"), project__slug=slug, pk=pk)
    entry.delete()
    return _done(request, entry.project, _("Answers are no longer sampled from %(entry)s.") % {"entry": entry})


@may_change
@require_POST
def add_annotators(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    form = AnnotatorsForm(project, request.POST)
    if not form.is_valid():
        return page(request, project, annotators_form=form)
    people = form.cleaned_data["people"]
    project.annotators.add(*people)
    names = ", ".join(person.get_username() for person in people)
    return _done(request, project, _("Added %(names)s.") % {"names": names})


@may_change
@require_POST
def remove_annotator(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The person gets no more work here; what they did stays."""
    project = get_object_or_404(Project, slug=slug)
    person = get_object_or_404(project.annotators, pk=pk)
    project.annotators.remove(person)
    return _done(
        request, project, _("%(name)s gets no more work here; what they did stays.") % {"name": person.get_username()}
    )


@may_change
@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a project off the list, or put it back; nothing is lost."""
    project = get_object_or_404(Project, slug=slug)
    project.archived_at = None if project.archived_at else timezone.now()
    project.save(update_fields=["archived_at"])
    said = _("Archived: off the list, nothing lost.") if project.archived_at else _("Back on the list.")
    return _done(request, project, said)


def _done(request: HttpRequest, project: Project, message: str) -> HttpResponse:
    messages.success(request, message)
    return redirect("project-settings", project.slug)
