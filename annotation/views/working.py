"""What is the same for every kind of work: the list of it, a project's page, take, skip, end, keep a draft."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotation import assigning, dialogues, drafts
from annotation.desks import desk_of, projects_of
from annotation.forms import SkipForm
from annotation.views.desk import (
    GIVEN_BACK,
    POOL_TOO_SMALL,
    annotator,
    open_gate,
    place_on_page,
    proceed,
    refuse,
    render_workplace,
    take_next,
    while_open,
    workplace,
)

ENDED = _("The dialogue has ended. Your judgements are stored.")


@require_GET
def work(request: HttpRequest) -> HttpResponse:
    """The projects to work in and what waits in each."""
    desks = [desk_of(project, annotator(request)) for project in projects_of(annotator(request))]
    return render(request, "annotation/work.html", {"section": "work", "desks": desks})


@require_GET
@never_cache
@while_open
def work_project(request: HttpRequest, slug: str) -> HttpResponse:
    desk = workplace(request, slug)
    desk.seen()
    return render_workplace(request, desk)


@require_POST
@while_open
def take(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the next item of the project's set."""
    desk = workplace(request, slug)
    open_gate(desk)
    try:
        if desk.take() is None:
            messages.info(request, _("Nothing waits for you here right now."))
    except dialogues.PoolTooSmallError:
        return refuse(request, desk, POOL_TOO_SMALL)
    return proceed(request, desk)


@require_POST
@while_open
def skip(request: HttpRequest, slug: str) -> HttpResponse:
    """Pass on the item in hand; where work is given item by item, the next one follows at once."""
    desk, form = workplace(request, slug), SkipForm(request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            assigning.skip(place_on_page(request, desk), desk.annotator, form.cleaned_data["reason"])
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    take_next(desk)
    return proceed(request, desk)


@require_POST
@while_open
def end(request: HttpRequest, slug: str) -> HttpResponse:
    """End the dialogue in hand."""
    desk = workplace(request, slug)
    try:
        with assigning.one_tab_at_a_time(desk.annotator):
            dialogues.end(place_on_page(request, desk), desk.annotator)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    messages.success(request, ENDED)
    return proceed(request, desk)


@require_POST
@while_open
def draft(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep what is typed; 409 when the work has moved on since."""
    desk = workplace(request, slug)
    with assigning.one_tab_at_a_time(desk.annotator):
        if request.POST.get("step") != desk.step:
            return HttpResponse(_("This page has moved on: reload it."), status=409, content_type="text/plain")
        drafts.save(desk.project, desk.annotator, desk.step, request.POST)
        desk.seen()
    return HttpResponse(status=204)
