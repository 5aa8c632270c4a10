"""Demonstrations: write a prompt, or take one, and answer it as the model should have."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from annotation import assigning, demonstrating, drafts
from annotation.answer_forms import LONGEST_RESPONSE, DemonstrationForm, OwnPromptForm
from annotation.comparing import AlreadyJudgedError
from annotation.desks import DemonstrationDesk, desk_of
from annotation.dialogues import DialogueOpenError
from annotation.models import Demonstration
from annotation.rendering import markdown
from annotation.saying import say
from annotation.views.desk import GIVEN_BACK, open_gate, proceed, refuse, while_open, workplace_for

ALREADY_WRITTEN = _("This prompt is already answered, from another tab or an earlier attempt. Nothing was changed.")
PROMPT_OPEN = _("You have a prompt in hand here already: answer it, or edit it. What you wrote is kept.")
PROMPTS_GIVEN = _("This project gives the prompts: take one from its set.")
STORED = _("Your demonstration is stored.")


@require_POST
@while_open
def prompt(request: HttpRequest, slug: str) -> HttpResponse:
    """A prompt of the annotator's own; what they had written as its answer, before they edited it, comes along."""
    desk = workplace_for(DemonstrationDesk, request, slug)
    form = OwnPromptForm(desk.project, request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    if not desk.project.own_prompts:
        return refuse(request, desk, PROMPTS_GIVEN, form)
    if desk.place is None:
        open_gate(desk)
    text, risks = form.cleaned_data["prompt"], (form.cleaned_data["risk_category"], form.cleaned_data["attack_vector"])
    try:
        with drafts.submitting(desk.project, desk.annotator, sends_prompt=True):
            demonstrating.start(desk.project, desk.annotator, text, *risks)
    except DialogueOpenError:
        return refuse(request, desk, PROMPT_OPEN, form, status=409)
    if written := request.POST.get("response"):
        drafts.save(desk.project, desk.annotator, desk_of(desk.project, desk.annotator).step, {"response": written})
    return proceed(request, desk)


@require_POST
@while_open
def edit_prompt(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take one's own prompt back into the box; the answer so far stays beside it."""
    desk = workplace_for(DemonstrationDesk, request, slug)
    place = desk.places.filter(pk=pk).first()
    if place is None:
        return refuse(request, desk, GIVEN_BACK, status=409)
    try:
        with drafts.submitting(desk.project, desk.annotator):
            taken = demonstrating.withdraw(place, desk.annotator)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    fields = {
        "prompt": taken.text,
        "risk_category": taken.risk_category,
        "attack_vector": taken.attack_vector,
        "response": request.POST.get("response", ""),
    }
    drafts.save(desk.project, desk.annotator, "prompt", fields)
    return proceed(request, desk)


@require_POST
@while_open
def demonstrate(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    desk = workplace_for(DemonstrationDesk, request, slug)
    place = desk.places.select_related("item__prompt").filter(pk=pk).first()
    if place is None:
        return refuse(request, desk, GIVEN_BACK, status=409)
    form = DemonstrationForm(desk.project, request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    said = {"prompt": place.item.prompt, "text": form.cleaned_data["response"], "criteria": form.criteria}
    try:
        with drafts.submitting(desk.project, desk.annotator):
            say(Demonstration, place, desk.annotator, form.cleaned_data["submission"], **said)
    except AlreadyJudgedError:
        return refuse(request, desk, ALREADY_WRITTEN, status=409)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    if not desk.gives_items:
        messages.success(request, STORED)
    return proceed(request, desk, takes_next=True)


@require_POST
@while_open
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """What is written, as Markdown shows it."""
    workplace_for(DemonstrationDesk, request, slug)
    return HttpResponse(markdown(request.POST.get("text", "")[:LONGEST_RESPONSE]))
