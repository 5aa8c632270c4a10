"""The campaigns' pages, for those who may see which models are compared: never for annotators."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluation.campaigns import find_campaign, restart_sampling
from evaluation.forms import CampaignForm, JudgeForm
from evaluation.models import Campaign
from evaluation.progress import campaign_lines, progress_of
from modeling.registry.jobs import worker_is_alive

may_see = permission_required("evaluation.view_campaign", raise_exception=True)
may_start = permission_required("evaluation.add_campaign", raise_exception=True)


@require_GET
@may_see
def campaigns(request: HttpRequest) -> HttpResponse:
    context = {"section": "campaigns", "lines": campaign_lines()}
    return render(request, "evaluation/campaigns.html", context)


@may_see
@may_start
def new_campaign(request: HttpRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None, request.FILES or None)
    made = form.save(request.user) if request.method == "POST" and form.is_valid() else None
    if made:
        messages.success(
            request, "The campaign is made and its answers are being sampled: raters can start when all are there."
        )
        return redirect(made)
    status = 422 if form.is_bound else 200
    return render(request, "evaluation/new_campaign.html", {"section": "campaigns", "form": form}, status=status)


@require_GET
@may_see
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    context = _progress_context(found) | {"section": "campaigns", "judge_form": JudgeForm(found)}
    return render(request, "evaluation/campaign.html", context)


@require_GET
@may_see
def progress(request: HttpRequest, slug: str) -> HttpResponse:
    """The part of the campaign's page that moves, fetched again while a run works."""
    return render(request, "evaluation/parts/progress.html", _progress_context(campaign_or_404(slug)))


def _progress_context(found: Campaign) -> dict[str, object]:
    return {"campaign": found, "progress": progress_of(found), "worker_is_alive": worker_is_alive("training")}


@require_POST
@may_start
def sample_again(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    try:
        restart_sampling(found)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(found)


@require_POST
@may_start
def judge(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    form = JudgeForm(found, request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the reward models that are listed.")
        return redirect(found)
    try:
        run = form.save(request.user)
        messages.success(
            request, f"{run.config['reward_model']} scores the answers now; the report will show its verdict."
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(found)


def campaign_or_404(slug: str) -> Campaign:
    try:
        return find_campaign(slug)
    except Campaign.DoesNotExist as error:
        raise Http404(str(error)) from error
