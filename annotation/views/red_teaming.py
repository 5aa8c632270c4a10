"""Red teaming: say something to the hidden model, watch its answer come, label the attempt."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotation import assigning, attacking, drafts
from annotation.answer_forms import AttemptForm
from annotation.comparing import AlreadyJudgedError
from annotation.demonstrating import labelled
from annotation.desks import RedTeamDesk, desk_of
from annotation.dialogues import DialogueOpenError, PoolTooSmallError, TurnAskedError
from annotation.forms import PromptForm
from annotation.models import RedTeamAttempt, Reply
from annotation.saying import say
from annotation.views.desk import (
    GIVEN_BACK,
    keep_unsent,
    open_gate,
    proceed,
    refuse,
    render_workplace,
    while_open,
    workplace_for,
)
from annotation.views.dialogues import ASKED_ALREADY, DIALOGUE_OPEN

NO_MODEL = _("No model answers here yet: the sampling pool is empty. Please tell a manager; what you wrote is kept.")
PROMPTS_GIVEN = _("This project gives the prompts: take one from its set.")
ALREADY_LABELLED = _("This attempt is already labelled, from another tab or an earlier attempt. Nothing was changed.")
UNANSWERED = _("Wait until the answer is complete, then label the attempt.")
STORED = _("Your attempt is stored. The model stays hidden.")
OF_THE_MESSAGE = ("prompt", "turn")


@require_POST
@while_open
def attack(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a dialogue, or say the next thing in it; what is labelled already stays chosen."""
    desk, form = workplace_for(RedTeamDesk, request, slug), PromptForm(request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    turn, text = form.cleaned_data["turn"] or 1, form.cleaned_data["prompt"]
    if turn == 1 and not desk.project.own_prompts:
        return refuse(request, desk, PROMPTS_GIVEN, form)
    if turn == 1:
        open_gate(desk)
    try:
        with drafts.submitting(desk.project, desk.annotator, sends_prompt=True):
            if turn == 1:
                attacking.start(desk.project, desk.annotator, text)
            elif desk.place:
                attacking.continue_with(desk.place, desk.annotator, turn, text)
            else:
                raise assigning.LeaseLostError
    except PoolTooSmallError:
        return refuse(request, desk, NO_MODEL, form)
    except DialogueOpenError:
        keep_unsent(request, desk)
        return refuse(request, desk, DIALOGUE_OPEN, form, status=409)
    except TurnAskedError:
        keep_unsent(request, desk)
        return refuse(request, desk, ASKED_ALREADY, status=409)
    except assigning.LeaseLostError:
        drafts.save(desk.project, desk.annotator, "prompt", request.POST)
        return refuse(request, desk, GIVEN_BACK, form, status=409)
    chosen = {name: value for name, value in drafts.fields_of(request.POST).items() if name not in OF_THE_MESSAGE}
    if any(name not in drafts.NEVER_KEPT for name in chosen):
        drafts.save(desk.project, desk.annotator, desk_of(desk.project, desk.annotator).step, chosen)
    return proceed(request, desk)


@require_GET
@never_cache
@while_open
def reply(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The answer so far, fetched again and again while it is being written."""
    desk = workplace_for(RedTeamDesk, request, slug)
    if desk.reply is not None and desk.reply.pk == pk and desk.is_waiting:
        return render(request, "annotation/parts/replying.html", {"desk": desk, "project": desk.project})
    return render_workplace(request, desk, retarget=True)


@require_POST
@while_open
def ask_again(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Queue the answer anew after a failure."""
    desk = workplace_for(RedTeamDesk, request, slug)
    if desk.reply and desk.reply.pk == pk:
        attacking.ask_again(desk.reply)
    return proceed(request, desk)


@require_POST
@while_open
def label(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What the red teamer says about the attempt; it ends with that."""
    desk = workplace_for(RedTeamDesk, request, slug)
    place = desk.places.select_related("item__prompt").filter(pk=pk).first()
    if place is None:
        return refuse(request, desk, GIVEN_BACK, status=409)
    form = AttemptForm(desk.project, request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            last = attacking.last_complete(place)
            turns = Reply.objects.filter(dialogue__assignment=place, status=Reply.Status.DONE).count()
            known = {"model_version": last.response.model_version, "turns": turns}
            say(RedTeamAttempt, place, desk.annotator, form.cleaned_data["submission"], **form.said, **known)
            labelled(last.prompt, form.said["risk_categories"][0], form.said["attack_vector"])
    except AlreadyJudgedError:
        return refuse(request, desk, ALREADY_LABELLED, status=409)
    except attacking.UnansweredError:
        return refuse(request, desk, UNANSWERED, form)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    messages.success(request, STORED)
    return proceed(request, desk, takes_next=True)
