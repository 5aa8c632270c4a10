"""The page of a campaign's judge models: what each has said, what it cost, and asking one."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Avg, Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from evaluation.campaigns import responses_of, runs_of
from evaluation.judge_forms import JudgeOrderForm
from evaluation.model_judging import forecast, start_judging
from evaluation.models import Campaign, Judgement
from evaluation.views import campaign_or_404, may_see, may_start
from modeling.registry.jobs import worker_is_alive
from modeling.registry.models import Run

UNREADABLE_SHOWN = 20


@may_see
@may_start
def judges(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    if request.method != "POST":
        return _page(request, found, JudgeOrderForm(found))
    form = JudgeOrderForm(found, request.POST, request.FILES)
    if not form.is_valid() or form.order is None:
        return _page(request, found, form, status=422)
    if "estimate" in request.POST:
        return _page(request, found, form.with_stored_template(), expected=forecast(form.order))
    try:
        run = start_judging(form.order, request.user)
    except ValidationError as error:
        form.add_error(None, error)
        return _page(request, found, form, status=422)
    messages.success(request, f"{form.order.judge} is being asked; the report will show and audit its verdicts.")
    return redirect(run)


def _page(request: HttpRequest, found: Campaign, form: JudgeOrderForm, status: int = 200, expected: Any = None) -> Any:
    spoken = Judgement.objects.filter(first__in=responses_of(found.project))
    unreadable = spoken.exclude(failure="").select_related("judge", "template").order_by("-pk")
    context = {
        "section": "campaigns",
        "campaign": found,
        "form": form,
        "expected": expected,
        "spoken": list(_summaries(spoken)),
        "unreadable": unreadable[:UNREADABLE_SHOWN],
        "unreadable_count": unreadable.count(),
        "unreadable_shown": UNREADABLE_SHOWN,
        "runs": runs_of(found).filter(kind=Run.Kind.JUDGING)[:5],
        "worker_is_alive": worker_is_alive("training"),
    }
    return render(request, "evaluation/judges.html", context, status=status)


def _summaries(spoken: Any) -> Iterable[dict[str, Any]]:
    """What each judge has said by each template, in one query."""
    grouped = spoken.values("judge__name", "template__name", "template__digest", "template__imported")
    return grouped.annotate(
        replies=Count("pk"),
        failures=Count("pk", filter=~Q(failure="")),
        cached=Count("pk", filter=~Q(cached_from=None)),
        read=Sum("prompt_tokens"),
        written=Sum("completion_tokens"),
        cost=Sum("cost"),
        seconds=Avg("latency"),
    ).order_by("judge__name", "template__name")
