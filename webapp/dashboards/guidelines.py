"""A guideline's history for managers: each version's differences, how much work was done under it, and asking anew."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from annotation import guidelines
from annotation.guidelines import Piece, changed_paragraphs
from annotation.models import GuidelineVersion, Project
from webapp.dashboards.review_forms import AskAgainForm
from webapp.dashboards.reviews import reviewer


@dataclass(frozen=True)
class VersionLine:
    """A version with what it changed; nothing for the first one."""

    version: GuidelineVersion
    differences: list[list[Piece]] | None
    places: int
    readers: int


def page(request: HttpRequest, project: Project, form: AskAgainForm | None = None) -> HttpResponse:
    versions = list(project.guidelines.select_related("created_by").order_by("-number"))
    places = {count.number: count.places for count in guidelines.work_by_version(project)}
    lines = [
        VersionLine(
            version,
            changed_paragraphs(before.text, version.text) if before else None,
            places.get(version.number, 0),
            version.readings.count(),
        )
        for version, before in zip(versions, [*versions[1:], None], strict=True)
    ]
    context = {
        "section": "projects",
        "project": project,
        "lines": lines,
        "annotators": project.annotators.count(),
        "older": guidelines.older_work(project, versions[0]).count() if versions else 0,
        "form": form or AskAgainForm(),
    }
    return render(request, "dashboards/guideline.html", context, status=422 if form else 200)


@permission_required("annotation.view_guidelineversion", raise_exception=True)
def guideline(request: HttpRequest, slug: str) -> HttpResponse:
    """The guideline as it stands and as it was."""
    return page(request, get_object_or_404(Project, slug=slug))


@permission_required("annotation.change_project", raise_exception=True)
@require_POST
def ask_again(request: HttpRequest, slug: str) -> HttpResponse:
    """Return what was judged under older versions to its annotators."""
    project = get_object_or_404(Project, slug=slug)
    form, latest = AskAgainForm(request.POST), project.guideline
    if not form.is_valid() or latest is None:
        return page(request, project, form)
    count = guidelines.ask_again(project, latest, reviewer(request), form.cleaned_data["note"])
    text = ngettext("%(count)d piece of work went back to its annotator.", "%(count)d pieces of work went back.", count)
    messages.success(request, text % {"count": count})
    return redirect("guideline", slug)
