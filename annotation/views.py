"""The annotator's pages. Every change ends in the same workplace, read anew from the rows: as a fragment for htmx,
as a redirect for a plain form."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotation import assigning, comparing, dialogues, drafts
from annotation.forms import LONGEST_PROMPT, JudgementForm, PromptForm, SkipForm
from annotation.models import Assignment, Comparison, Project
from annotation.workplace import Workplace, known_projects, projects_of

POOL_TOO_SMALL = (
    "This project cannot answer yet: its sampling pool needs two active entries. Please tell a manager; what you "
    "wrote is kept."
)
GIVEN_BACK = (
    "This work is no longer in your hands: it was finished in another tab, or left alone too long and given back. "
    "What you had submitted is kept."
)
ASKED_ALREADY = (
    "You sent another message for this turn already, from another tab. The one that you wrote here was not sent: it is "
    "kept for the next turn."
)
DIALOGUE_OPEN = "You have a dialogue open here already: end it before you start another. What you wrote is kept."
ENDED = "The dialogue has ended. Your judgements are stored."
CLOSED = "This project was closed by a manager; what you submitted before is kept."
ALREADY_JUDGED = "This comparison is already answered, from another tab or an earlier attempt. Nothing was changed."


View = Callable[..., HttpResponse]


class ProjectClosedError(Exception):
    """The project was archived, maybe while the annotator was at work in it."""


def while_open(view: View) -> View:
    """The view of a project's work; 410 with the reason where the project is closed."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ProjectClosedError:
            if request.htmx:  # type: ignore[attr-defined]
                return HttpResponse(CLOSED, status=410, content_type="text/plain")
            return render(request, "annotation/closed.html", {"section": "work", "reason": CLOSED}, status=410)

    return answer


@require_GET
def work(request: HttpRequest) -> HttpResponse:
    """The projects to work in and what waits in each."""
    workplaces = [Workplace(project, annotator(request)) for project in projects_of(annotator(request))]
    return render(request, "annotation/work.html", {"section": "work", "workplaces": workplaces})


@require_GET
@never_cache
@while_open
def work_project(request: HttpRequest, slug: str) -> HttpResponse:
    desk = workplace(request, slug)
    if desk.place:
        assigning.extend(desk.place)
    return render_workplace(request, desk)


@require_POST
@while_open
def take(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the next item: a stored pair, or a prompt of the set to start a dialogue from."""
    desk = workplace(request, slug)
    taken = comparing.take if desk.is_evaluation else dialogues.take
    try:
        if taken(desk.project, desk.annotator) is None:
            messages.info(request, "Nothing waits for you here right now.")
    except dialogues.PoolTooSmallError:
        return refuse(request, desk, POOL_TOO_SMALL)
    return proceed(request, desk)


@require_POST
@while_open
def prompt(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a dialogue with the annotator's own prompt, or ask the next question of the one in hand."""
    desk, form = workplace(request, slug), PromptForm(request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    turn, text = form.cleaned_data["turn"] or 1, form.cleaned_data["prompt"]
    if turn == 1 and (desk.is_evaluation or not desk.project.own_prompts):
        return refuse(request, desk, "This project gives the prompts: take one from its set.", form)
    try:
        with drafts.submitting(desk.project, desk.annotator, sends_prompt=True):
            if turn == 1:
                dialogues.start(desk.project, desk.annotator, text)
            elif desk.place:
                dialogues.continue_with(desk.place, desk.annotator, turn, text)
            else:
                raise assigning.LeaseLostError
    except dialogues.PoolTooSmallError:
        return refuse(request, desk, POOL_TOO_SMALL, form)
    except dialogues.DialogueOpenError:
        keep_unsent(request, desk)
        return refuse(request, desk, DIALOGUE_OPEN, form, status=409)
    except dialogues.TurnAskedError:
        keep_unsent(request, desk)
        return refuse(request, desk, ASKED_ALREADY, form, status=409)
    except assigning.LeaseLostError:
        drafts.save(desk.project, desk.annotator, "prompt", request.POST)
        return refuse(request, desk, GIVEN_BACK, form)
    return proceed(request, desk)


@require_GET
@never_cache
@while_open
def answers(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The two answers so far, fetched again and again while they are being written."""
    desk = workplace(request, slug)
    if desk.comparison is None or desk.comparison.pk != pk:
        return render_workplace(request, desk, retarget=True)
    if desk.is_waiting:
        return render(request, "annotation/parts/arriving.html", {"desk": desk, "fragment": True})
    return render_workplace(request, desk, retarget=True)


@require_POST
@while_open
def judge(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    desk = workplace(request, slug)
    theirs = Comparison.objects.filter(project=desk.project, annotator=desk.annotator.pk, assignment__isnull=False)
    comparison = theirs.select_related("project", "assignment").filter(pk=pk).first()
    if comparison is None:
        return refuse(request, desk, GIVEN_BACK, status=409)
    form = JudgementForm(comparison, request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            comparing.judge(comparison, desk.annotator, form.judgement)
    except comparing.AlreadyJudgedError:
        keep_unsent(request, desk)
        return refuse(request, desk, ALREADY_JUDGED, status=409)
    except comparing.UnfinishedError:
        return refuse(request, desk, "Wait until both answers are complete, then choose.", form)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    keep_unsent(request, desk)
    if desk.is_evaluation:
        comparing.take(desk.project, desk.annotator)
    elif assigning.lease_of(desk.project, desk.annotator) is None:
        messages.success(request, ENDED)
    return proceed(request, desk)


@require_POST
@while_open
def ask_again(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Queue the answers anew after a failure."""
    desk = workplace(request, slug)
    if desk.comparison and desk.comparison.pk == pk:
        dialogues.ask_again(desk.comparison)
    return proceed(request, desk)


@require_POST
@while_open
def edit_prompt(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take a prompt that could not be answered back into the box, to be changed and sent again."""
    desk = workplace(request, slug)
    if desk.comparison is None or desk.comparison.pk != pk:
        return refuse(request, desk, GIVEN_BACK, status=409)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            text = dialogues.withdraw(desk.comparison, desk.annotator)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    drafts.save(desk.project, desk.annotator, "prompt", {"prompt": text})
    return proceed(request, desk)


@require_POST
@while_open
def skip(request: HttpRequest, slug: str) -> HttpResponse:
    """Pass on the item in hand; in an evaluation the next one follows at once."""
    desk, form = workplace(request, slug), SkipForm(request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            assigning.skip(place_on_page(request, desk), desk.annotator, form.cleaned_data["reason"])
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    if desk.is_evaluation:
        comparing.take(desk.project, desk.annotator)
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
            return HttpResponse("This page has moved on: reload it.", status=409, content_type="text/plain")
        drafts.save(desk.project, desk.annotator, desk.step, request.POST)
        if desk.place:
            assigning.extend(desk.place)
    return HttpResponse(status=204)


def annotator(request: HttpRequest) -> AbstractUser:
    assert isinstance(request.user, AbstractUser)  # noqa: S101  (LoginRequiredMiddleware lets nobody else in)
    return request.user


def project_of(request: HttpRequest, slug: str) -> Project:
    """404 for a project that the person does not belong to: its name is none of their business.

    Raises ProjectClosedError.
    """
    project: Project = get_object_or_404(known_projects(annotator(request)), slug=slug)
    if project.archived_at:
        raise ProjectClosedError
    return project


def workplace(request: HttpRequest, slug: str) -> Workplace:
    return Workplace(project_of(request, slug), annotator(request))


def place_on_page(request: HttpRequest, desk: Workplace) -> Assignment:
    """The place in hand, where the page that was sent shows it as it stands. Raises LeaseLostError."""
    if desk.place is None or request.POST.get("step") != desk.step:
        raise assigning.LeaseLostError
    return desk.place


def proceed(request: HttpRequest, desk: Workplace) -> HttpResponse:
    """The workplace after a change."""
    if request.htmx:  # type: ignore[attr-defined]
        return render_workplace(request, Workplace(desk.project, desk.annotator))
    return redirect("work_project", desk.project.slug)


def refuse(
    request: HttpRequest, desk: Workplace, reason: str = "", form: Any = None, status: int = 422
) -> HttpResponse:
    """The workplace with what is wrong, and with what was typed."""
    return render_workplace(request, Workplace(desk.project, desk.annotator), reason, form, status)


def keep_unsent(request: HttpRequest, desk: Workplace) -> None:
    """Keep a prompt that could not be sent, because another tab was faster, in the draft of the step that is on."""
    if text := request.POST.get("prompt"):
        now = Workplace(desk.project, desk.annotator)
        drafted = drafts.load(now.project, now.annotator, now.step)
        drafts.save(now.project, now.annotator, now.step, drafted | {"prompt": text})


def render_workplace(
    request: HttpRequest, desk: Workplace, reason: str = "", form: Any = None, status: int = 200, retarget: bool = False
) -> HttpResponse:
    """The whole page, or for htmx its changing part alone."""
    if desk.comparison:
        comparing.show(desk.comparison)
    typed = drafts.load(desk.project, desk.annotator, desk.step) | (form.data.dict() if form else {})
    context = {
        "section": "work",
        "desk": desk,
        "project": desk.project,
        "typed": typed,
        "reason": reason,
        "form": form,
        "longest_prompt": LONGEST_PROMPT,
    }
    template = "annotation/parts/workplace.html" if request.htmx else "annotation/work_project.html"  # type: ignore[attr-defined]
    response = render(request, template, context, status=status)
    if retarget:
        response["HX-Retarget"], response["HX-Reswap"] = "#workplace", "outerHTML"
    return response
