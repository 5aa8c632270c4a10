"""What is the same for every kind of work: the list of it, a project's page, take, skip, end, keep a draft."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotation import assigning, dialogues, drafts, flagging, revising
from annotation.desks import desk_of, projects_of
from annotation.forms import FlagForm, SkipForm
from annotation.views.desk import (
    GIVEN_BACK,
    POOL_TOO_SMALL,
    annotator,
    open_gate,
    place_on_page,
    proceed,
    refuse,
    render_workplace,
    while_open,
    workplace,
)

ENDED = _("The dialogue has ended. Your judgements are stored.")
TOO_LATE = _("This can't be taken back any more: it was reviewed or gone on with, or its batch is closed.")


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
    if drafts.take_from(request.session, desk.project, desk.annotator, desk.step):
        messages.info(request, _("You were signed out. What you had sent was not submitted: it is here as it was."))
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
    return proceed(request, desk, takes_next=True)


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
def undo(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take back the last submission: its form comes back as it was filled in."""
    desk = workplace(request, slug)
    place = desk.places.filter(pk=pk).first()
    try:
        if place is None:
            raise revising.TooLateError
        revising.take_back(place, desk.annotator)
    except revising.TooLateError:
        return refuse(request, desk, TOO_LATE, status=409)
    return proceed(request, desk)


@require_POST
@while_open
def keep(request: HttpRequest, slug: str) -> HttpResponse:
    """Leave what was taken back, or returned, as it is."""
    desk = workplace(request, slug)
    try:
        revising.keep(place_on_page(request, desk), desk.annotator)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    messages.info(request, _("Nothing was changed: it is submitted as it was."))
    return proceed(request, desk)


@require_POST
@while_open
def flag(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell the managers that something is wrong with the item in hand, and go on with it or pass it on."""
    desk, form = workplace(request, slug), FlagForm(request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    reason, skips = form.cleaned_data["reason"], "skip" in request.POST and desk.may_skip
    try:
        with assigning.one_tab_at_a_time(desk.annotator):
            place = place_on_page(request, desk)
            flagging.flag(place, desk.annotator, reason)
            if skips:
                assigning.skip(place, desk.annotator, reason)
                drafts.take_up(desk.project, desk.annotator)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    messages.success(request, _("The managers will read it. Thank you."))
    return proceed(request, desk, takes_next=skips)


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
