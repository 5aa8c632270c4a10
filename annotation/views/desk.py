"""What every page of the workplace does alike: find the desk, draw it, refuse with what was typed, go on."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation import assigning, dialogues, drafts
from annotation.desks import Desk, desk_of, known_projects
from annotation.forms import LONGEST_PROMPT
from annotation.gates import GateClosedError, gate_before
from annotation.models import Assignment, Project

GIVEN_BACK = _(
    "This work is no longer in your hands: it was finished in another tab, or left alone too long and given back. "
    "What you had submitted is kept."
)
POOL_TOO_SMALL = _(
    "This project cannot answer yet: its sampling pool needs two active entries. Please tell a manager; what you "
    "wrote is kept."
)
CLOSED = _("This project was closed by a manager; what you submitted before is kept.")


View = Callable[..., HttpResponse]
AnyDesk = TypeVar("AnyDesk", bound=Desk)


class ProjectClosedError(Exception):
    """The project was archived, maybe while the annotator was at work in it."""


def while_open(view: View) -> View:
    """The view of a project's work; 410 with the reason where the project is closed."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except GateClosedError:  # drawn anew, the page shows the gate in place of the work
            return proceed(request, workplace(request, kwargs["slug"]))
        except ProjectClosedError:
            if request.htmx:  # type: ignore[attr-defined]
                return HttpResponse(CLOSED, status=410, content_type="text/plain")
            return render(request, "annotation/closed.html", {"section": "work", "reason": CLOSED}, status=410)

    return answer


def annotator(request: HttpRequest) -> AbstractUser:
    assert isinstance(request.user, AbstractUser)  # noqa: S101  (LoginRequiredMiddleware lets nobody else in)
    return request.user


def project_of(request: HttpRequest, slug: str) -> Project:
    """404 for a project that the person does not belong to: its name is none of their business.

    Raises ProjectClosedError.
    """
    user = annotator(request)
    theirs = Project.objects.filter(annotators=user.pk, slug=slug).first()  # found without a look at permissions
    project: Project = theirs or get_object_or_404(known_projects(user), slug=slug)
    if project.archived_at:
        raise ProjectClosedError
    return project


def workplace(request: HttpRequest, slug: str) -> Desk:
    """The desk of the person who asks."""
    return desk_of(project_of(request, slug), annotator(request))


def workplace_for(kind: type[AnyDesk], request: HttpRequest, slug: str) -> AnyDesk:
    """The same; raises Http404 where the project's work is of another kind."""
    desk = workplace(request, slug)
    if not isinstance(desk, kind):
        raise Http404
    return desk


def open_gate(desk: Desk) -> None:
    """Raises GateClosedError where something stands before new work."""
    if gate := desk.gate:
        raise GateClosedError(gate)


def take_next(now: Desk) -> None:
    """Where work is given item by item: the next one, unless something is in hand or stands before it.

    now: a desk of which nothing was read yet. Other items in hand are not looked for: taking finds them first.
    """
    if not now.gives_items or (now.leads_dialogues and now.place):
        return
    if gate_before(now.project, now.annotator, now.standing) is None:
        with suppress(dialogues.PoolTooSmallError):
            now.place = now.take()


def prepare(desk: Desk) -> None:
    """What becomes of the next item while a page is made: held ready for whoever works, given back at a closed gate."""
    if desk.gate:
        assigning.drop_reservation(desk.project, desk.annotator)
    elif desk.place:
        desk.reserve()


def place_on_page(request: HttpRequest, desk: Desk) -> Assignment:
    """The place in hand, where the page that was sent shows it as it stands. Raises LeaseLostError."""
    if desk.place is None or request.POST.get("step") != desk.step:
        raise assigning.LeaseLostError
    return desk.place


def proceed(request: HttpRequest, desk: Desk, takes_next: bool = False) -> HttpResponse:
    """The workplace after a change; with `takes_next` after a piece of work, see `take_next`."""
    now = desk_of(desk.project, desk.annotator)
    if takes_next:
        take_next(now)
    if request.htmx:  # type: ignore[attr-defined]
        return render_workplace(request, now)
    return redirect("work_project", desk.project.slug)


def refuse(
    request: HttpRequest, desk: Desk, reason: str | Promise = "", form: Any = None, status: int = 422
) -> HttpResponse:
    """The workplace with what is wrong, and with what was typed."""
    return render_workplace(request, desk_of(desk.project, desk.annotator), reason, form, status)


def keep_unsent(request: HttpRequest, desk: Desk) -> None:
    """Keep a prompt that could not be sent, because another tab was faster, in the draft of the step that is on."""
    if text := request.POST.get("prompt"):
        now = desk_of(desk.project, desk.annotator)
        drafted = drafts.load(now.project, now.annotator, now.step)
        drafts.save(now.project, now.annotator, now.step, drafted | {"prompt": text})


def render_workplace(
    request: HttpRequest,
    desk: Desk,
    reason: str | Promise = "",
    form: Any = None,
    status: int = 200,
    retarget: bool = False,
) -> HttpResponse:
    """The whole page, or for htmx its changing part alone."""
    desk.show()
    prepare(desk)
    typed = (drafts.load(desk.project, desk.annotator, desk.step) or desk.said) | (
        drafts.fields_of(form.data) if form else {}
    )
    context = {
        "section": "work",
        "desk": desk,
        "project": desk.project,
        "typed": typed,
        "reason": reason,
        "form": form,
        "longest_prompt": LONGEST_PROMPT,
        **desk.context(),
    }
    template = "annotation/parts/workplace.html" if request.htmx else "annotation/work_project.html"  # type: ignore[attr-defined]
    response = render(request, template, context, status=status)
    if retarget:
        response["HX-Retarget"], response["HX-Reswap"] = "#workplace", "outerHTML"
    return response
