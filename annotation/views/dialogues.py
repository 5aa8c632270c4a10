"""The pages of comparisons: ask, watch the answers come, judge, ask again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotation import assigning, comparing, dialogues, drafts
from annotation.desks import ComparisonDesk
from annotation.forms import JudgementForm, PromptForm, RewordingForm
from annotation.models import Comparison
from annotation.views.desk import (
    GIVEN_BACK,
    POOL_TOO_SMALL,
    keep_unsent,
    open_gate,
    proceed,
    refuse,
    render_workplace,
    while_open,
    workplace_for,
)
from annotation.views.working import ENDED

ASKED_ALREADY = _(
    "You sent another message for this turn already, from another tab. The one that you wrote here was not sent: it is "
    "kept for the next turn."
)
DIALOGUE_OPEN = _("You have a dialogue open here already: end it before you start another. What you wrote is kept.")
ALREADY_JUDGED = _("This comparison is already answered, from another tab or an earlier attempt. Nothing was changed.")

DRAWN_ANEW = _("These answers were replaced by new ones, from another tab. Nothing was changed: judge the new ones.")
NO_DRAW_LEFT = _("The answers of this turn were sampled anew as often as this project allows. Judge the ones here.")


@require_POST
@while_open
def prompt(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a dialogue with the annotator's own prompt, or ask the next question of the one in hand."""
    desk, form = workplace_for(ComparisonDesk, request, slug), PromptForm(request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    turn, text = form.cleaned_data["turn"] or 1, form.cleaned_data["prompt"]
    if turn == 1 and (desk.is_evaluation or not desk.project.own_prompts):
        return refuse(request, desk, _("This project gives the prompts: take one from its set."), form)
    if turn == 1:
        open_gate(desk)
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
    desk = workplace_for(ComparisonDesk, request, slug)
    if desk.comparison is None or desk.comparison.pk != pk:
        return render_workplace(request, desk, retarget=True)
    if desk.is_waiting:
        return render(request, "annotation/parts/arriving.html", {"desk": desk, "fragment": True})
    return render_workplace(request, desk, retarget=True)


@require_POST
@while_open
def judge(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    desk = workplace_for(ComparisonDesk, request, slug)
    theirs = Comparison.objects.filter(project=desk.project, annotator=desk.annotator.pk, assignment__isnull=False)
    comparison = theirs.select_related("assignment").filter(pk=pk).first()
    if comparison is None:
        return refuse(request, desk, GIVEN_BACK, status=409)
    comparison.project = desk.project
    form = JudgementForm(comparison, request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            comparing.judge_in_turn(comparison, desk.annotator, form.judgement, form.cleaned_data["submission"])
    except comparing.AlreadyJudgedError:
        keep_unsent(request, desk)
        return refuse(request, desk, ALREADY_JUDGED, status=409)
    except comparing.SupersededError:
        keep_unsent(request, desk)
        return refuse(request, desk, DRAWN_ANEW, status=409)
    except comparing.UnfinishedError:
        return refuse(request, desk, _("Wait until both answers are complete, then choose."), form)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    keep_unsent(request, desk)
    if not desk.is_evaluation and assigning.lease_of(desk.project, desk.annotator) is None:
        messages.success(request, ENDED)
    return proceed(request, desk, takes_next=True)


@require_POST
@while_open
def ask_again(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Queue the answers anew after a failure."""
    desk = workplace_for(ComparisonDesk, request, slug)
    if desk.comparison and desk.comparison.pk == pk:
        dialogues.ask_again(desk.comparison)
    return proceed(request, desk)


@require_POST
@while_open
def edit_prompt(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take a prompt that could not be answered back into the box, to be changed and sent again."""
    desk = workplace_for(ComparisonDesk, request, slug)
    if desk.comparison is None or desk.comparison.pk != pk:
        return refuse(request, desk, GIVEN_BACK, status=409)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            text = dialogues.withdraw(desk.comparison, desk.annotator)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    now = workplace_for(ComparisonDesk, request, slug)
    if now.comparison:  # an earlier draw is there to be judged, or to be asked for in the words that are kept here
        drafts.save(now.project, now.annotator, now.step, {"reworded": text})
    else:
        drafts.save(now.project, now.annotator, "prompt", {"prompt": text})
    return proceed(request, desk)


@require_POST
@while_open
def draw_again(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Sample both answers anew, instead of judging the ones on the page."""
    return replace_draw(request, slug, pk)


@require_POST
@while_open
def reword(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask the last prompt in other words, instead of judging the answers to it."""
    form = RewordingForm(request.POST)
    if not form.is_valid():
        return refuse(request, workplace_for(ComparisonDesk, request, slug), form=form)
    return replace_draw(request, slug, pk, form)


def replace_draw(request: HttpRequest, slug: str, pk: int, form: RewordingForm | None = None) -> HttpResponse:
    desk = workplace_for(ComparisonDesk, request, slug)
    theirs = Comparison.objects.filter(project=desk.project, annotator=desk.annotator.pk, dialogue__isnull=False)
    comparison = theirs.select_related("project", "prompt", "assignment__item").filter(pk=pk).first()
    if comparison is None:
        return refuse(request, desk, GIVEN_BACK, form, status=409)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            dialogues.draw_again(comparison, desk.annotator, form.cleaned_data["reworded"] if form else None)
    except dialogues.NoDrawLeftError:
        return refuse(request, desk, NO_DRAW_LEFT, form)
    except dialogues.PoolTooSmallError:
        return refuse(request, desk, POOL_TOO_SMALL, form)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, form, status=409)
    keep_unsent(request, desk)
    return proceed(request, desk)
