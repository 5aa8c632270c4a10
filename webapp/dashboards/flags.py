"""The managers' page of flags: what annotators say is wrong with an item, settled with a word on what was done."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import AbstractUser
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from annotation import flagging
from annotation.models import Flag, Project

PER_PAGE = 25
may_settle = permission_required("annotation.change_flag", raise_exception=True)


class ResolutionForm(forms.Form):
    """What was done about a flag."""

    note = forms.CharField(
        max_length=500,
        error_messages={"required": gettext_lazy("Say in a few words what was done about it: others read it later.")},
    )


@may_settle
@require_GET
def flags(request: HttpRequest, slug: str) -> HttpResponse:
    """Open flags, oldest first; those that are settled, newest first, on a tab of their own."""
    return listed(request, get_object_or_404(Project, slug=slug))


@may_settle
@require_POST
def resolve(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Settle one."""
    project = get_object_or_404(Project, slug=slug)
    flag = get_object_or_404(Flag, item__project=project, pk=pk)
    form = ResolutionForm(request.POST)
    if not form.is_valid():
        return listed(request, project, refused=flag, form=form)
    assert isinstance(request.user, AbstractUser)  # noqa: S101  (the permission lets nobody else in)
    try:
        flagging.resolve(flag, request.user, form.cleaned_data["note"])
        messages.success(request, _("The flag is settled."))
    except flagging.SettledError:
        messages.warning(request, _("Somebody else has settled this flag already. Nothing was changed."))
    return redirect("flags", slug)


def listed(
    request: HttpRequest, project: Project, refused: Flag | None = None, form: ResolutionForm | None = None
) -> HttpResponse:
    settled = request.GET.get("which") == "settled"
    open_flags = flagging.flags_of(project)
    rows = flagging.flags_of(project, is_open=False) if settled else open_flags
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        "settled": settled,
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "open": open_flags.count(),
        "refused": refused,
        "form": form,
    }
    return render(request, "dashboards/flags.html", context, status=422 if refused else 200)
