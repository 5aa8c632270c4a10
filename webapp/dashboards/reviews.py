"""The reviewers' pages: the queue of submitted work, a piece of it with its verdict, and disputed items to settle."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import AbstractUser
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from annotation import reviewing
from annotation.models import Adjudication, Assignment, Item, Project
from annotation.sides import as_settled, sides_of
from annotation.submitted import rater_lines, shared_by, words_of, work_of
from evaluation.reward_models.disagreements import judges_of
from webapp.dashboards.review_forms import AdjudicationForm, ReviewForm

PER_PAGE = 50
may_look = permission_required("annotation.view_review", raise_exception=True)
may_review = permission_required("annotation.add_review", raise_exception=True)
may_settle = permission_required("annotation.add_adjudication", raise_exception=True)


def reviewer(request: HttpRequest) -> AbstractUser:
    assert isinstance(request.user, AbstractUser)  # noqa: S101  (the permission lets nobody else in)
    return request.user


@may_look
def reviews(request: HttpRequest) -> HttpResponse:
    """The projects with work to review, those with most of it first."""
    lines = [(project, reviewing.tally(project)) for project in Project.objects.filter(archived_at=None)]
    lines = sorted(lines, key=lambda line: -line[1].waiting)
    return render(request, "dashboards/reviews.html", {"section": "reviews", "lines": lines})


@may_look
def queue(request: HttpRequest, slug: str) -> HttpResponse:
    """A project's work that waits for review, what most wants a look first."""
    project = get_object_or_404(Project, slug=slug)
    signal = request.GET.get("signal", "")
    places = reviewing.waiting_for(reviewer(request), project, signal)
    page = Paginator(places.select_related("annotator", "item__prompt"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "reviews",
        "project": project,
        "tally": reviewing.tally(project),
        "signal": signal,
        "page": page,
        "unremarkable": reviewing.unremarkable(project, reviewer(request)).count(),
        "disputed": reviewing.disputed(project).count(),
        "judges": judges_of(project),
    }
    return render(request, "dashboards/review_queue.html", context)


@may_look
def review(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """A piece of work in full; a POST gives the verdict and goes on to the next."""
    project = get_object_or_404(Project, slug=slug)
    rows = Assignment.objects.select_related("item__project", "item__prompt", "annotator")
    place = get_object_or_404(rows, item__project=project, pk=pk)
    if first := judge_first(request, place.item):
        return first
    signal = request.GET.get("signal", "")
    form = ReviewForm(request.POST or None)
    if request.method == "POST":
        if not request.user.has_perm("annotation.add_review"):
            return HttpResponse(status=403)
        if form.is_valid():
            try:
                given = reviewing.review(place, reviewer(request), **form.cleaned_data)
            except reviewing.ReviewError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("Work %(number)d is %(verdict)s.") % {
                    "number": place.pk, "verdict": given.get_verdict_display(),
                })  # fmt: skip
                return redirect(_next(request, project, signal))
    work = work_of(place)
    context = {
        "section": "reviews",
        "project": project,
        "place": place,
        "work": work,
        "raters": rater_lines(place.item, work.turns[0].comparison.response_a if work.turns else None),
        "reviews": place.reviews.select_related("reviewer"),
        "form": form,
        "signal": signal,
        "is_own": place.annotator_id == request.user.pk,
    }
    return render(request, "dashboards/review.html", context, status=422 if form.errors else 200)


def judge_first(request: HttpRequest, item: Item) -> HttpResponse | None:
    """In place of an item's answers, where the reviewer is yet to judge it too; a POST from there gives that up."""
    if not reviewing.may_still_judge(item, reviewer(request)):
        return None
    problem = ""
    if request.method == "POST" and "renounce" in request.POST:
        try:
            reviewing.renounce(item, reviewer(request))
            return redirect(request.get_full_path())
        except reviewing.ReviewError as error:
            problem = str(error)
    context = {"section": "reviews", "project": item.project, "item": item, "problem": problem}
    return render(request, "dashboards/judge_first.html", context, status=409 if problem else 200)


def _next(request: HttpRequest, project: Project, signal: str) -> str:
    following = reviewing.waiting_for(reviewer(request), project, signal).first()
    query = "?" + urlencode({"signal": signal}) if signal else ""
    if following is None:
        return reverse("reviews-queue", args=[project.slug]) + query
    return reverse("review", args=[project.slug, following.pk]) + query


@may_review
@require_POST
def approve_unremarkable(request: HttpRequest, slug: str) -> HttpResponse:
    """Approve all that raises no question."""
    project = get_object_or_404(Project, slug=slug)
    count = reviewing.approve_unremarkable(project, reviewer(request))
    text = ngettext("%(count)d piece of work is approved.", "%(count)d pieces of work are approved.", count)
    messages.success(request, text % {"count": count})
    return redirect("reviews-queue", slug)


@may_look
def disputed(request: HttpRequest, slug: str) -> HttpResponse:
    """Items on which the raters disagree, the most disputed first."""
    project = get_object_or_404(Project, slug=slug)
    items = reviewing.disputed(project).select_related("prompt")
    page = Paginator(items, PER_PAGE).get_page(request.GET.get("page"))
    context = {"section": "reviews", "project": project, "page": page}
    return render(request, "dashboards/disputed.html", context)


@may_look
def adjudicate(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """An item with all that was said of it; a POST settles what counts and goes on to the next disputed one.

    A is what `as_settled` puts first; what is stored is about response_1.
    """
    project = get_object_or_404(Project, slug=slug)
    rows = Item.objects.select_related("project", "prompt", "response_1__prompt", "response_2__prompt")
    item = get_object_or_404(rows, project=project, pk=pk)
    if first := judge_first(request, item):
        return first
    shown = as_settled(item)
    is_turned = bool(shown) and shown[0] != item.response_1
    form = AdjudicationForm(project, request.POST or None)
    if request.method == "POST":
        if not request.user.has_perm("annotation.add_adjudication"):
            return HttpResponse(status=403)
        if form.is_valid():
            given = form.cleaned_data["points"]
            points = project.scale + 1 - given if is_turned else given
            reviewing.adjudicate(item, reviewer(request), points, form.cleaned_data["note"])
            messages.success(request, _("Item %(number)d is settled.") % {"number": item.pk})
            following = reviewing.disputed(project).first()
            return redirect("adjudicate", slug, following.pk) if following else redirect("disputed", slug)
    settled = item.adjudications.select_related("reviewer").order_by("-revision")
    context: dict[str, Any] = {
        "section": "reviews",
        "project": project,
        "item": item,
        "shared": shared_by(shown[0], shown[1], project) if len(shown) == 2 else item.prompt.messages,
        "sides": sides_of(shown[0], shown[1], project) if len(shown) == 2 else [],
        "raters": rater_lines(item, shown[0] if shown else None),
        "settled": [(one, said_in(one, project, is_turned)) for one in settled],
        "form": form,
    }
    return render(request, "dashboards/adjudicate.html", context, status=422 if form.errors else 200)


def said_in(settled: Adjudication, project: Project, is_turned: bool) -> str:
    """What was settled, in words about the A of the page."""
    points = settled.points
    return words_of(settled.scale + 1 - points if is_turned and points else points, settled.scale, project)
