"""How an annotator opens the gates of a project: consent, a warning that was read, tests."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from annotation import assigning, care, gold, qualifying
from annotation.comparing import points_in_words
from annotation.models import QualificationAttempt, QualificationStep
from annotation.views.desk import annotator, proceed, project_of, while_open, workplace


@require_POST
@while_open
def consent(request: HttpRequest, slug: str) -> HttpResponse:
    """Opt in to a project's harmful content."""
    desk = workplace(request, slug)
    care.consent(desk.project, desk.annotator)
    return proceed(request, desk)


@require_POST
@while_open
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Opt out again; what is held ready goes to somebody else, work in hand may be skipped."""
    desk = workplace(request, slug)
    care.withdraw(desk.project, desk.annotator)
    assigning.drop_reservation(desk.project, desk.annotator)
    messages.info(request, _("You get no more work in %(project)s until you opt in again.") % {"project": desk.project})
    return redirect("work")


@require_POST
@while_open
def heed(request: HttpRequest, slug: str) -> HttpResponse:
    """The warning about check items was read."""
    desk = workplace(request, slug)
    gold.heed(desk.project, desk.annotator)
    return proceed(request, desk)


@require_POST
@while_open
def begin(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Begin an attempt at a test, or go on with the open one."""
    step = get_object_or_404(QualificationStep, project=project_of(request, slug), number=number)
    try:
        qualifying.begin(step, annotator(request))
    except qualifying.QualificationError as error:
        messages.error(request, str(error))
        return redirect("work_project", slug)
    return redirect("work_test", slug, number)


@never_cache
@while_open
def test(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The newest attempt at a test: its questions while it is open, then its result; a POST keeps or submits it."""
    project = project_of(request, slug)
    step = get_object_or_404(QualificationStep, project=project, number=number)
    tries = QualificationAttempt.objects.filter(step=step, annotator=annotator(request).pk)
    attempt = tries.select_related("step").order_by("-number").first()
    if attempt is None:
        return redirect("work_project", slug)
    problem, status = "", 200
    if request.method == "POST" and "submit" in request.POST:
        try:
            qualifying.submit(attempt, request.POST)
            return redirect("work_test", slug, number)
        except qualifying.QualificationError as error:
            problem, status = str(error), 422
            attempt.answers = {**attempt.answers, **request.POST.dict()}
    elif request.method == "POST":
        qualifying.keep(attempt, request.POST)
        return HttpResponse(status=204)
    state = next((one for one in qualifying.states_of(project, annotator(request)) if one.step == step), None)
    scale = [
        (points, str(project.rules.labels[points - 1]) if project.rules.labels else points_in_words(
            points, project.scale, project.rules
        ))
        for points in range(1, project.scale + 1)
    ]  # fmt: skip
    context = {
        "section": "work",
        "project": project,
        "step": step,
        "attempt": attempt,
        "state": state,
        "problem": problem,
        "scale": scale,
        "questions": [
            {**question, "given": given, "is_right": qualifying.is_right(question, given)}
            for question, given in zip(attempt.asked, qualifying.each(attempt), strict=True)
        ],
        "tells": attempt.submitted_at and (attempt.passed or (state is not None and state.left == 0)),
    }
    return render(request, "annotation/test.html", context, status=status)
