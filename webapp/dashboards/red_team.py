"""The red team page of a project: effort, coverage, gamma and rejection rate, and the attempts behind each figure."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from annotation import blinding, red_teaming
from annotation.models import Project, RedTeamAttempt
from annotation.protocol import plain
from annotation.red_teaming import Cell, Effort, Rejection
from evaluation.reasking import start_reasking
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.proportions import wilson
from evaluation.statistics.rates import poisson_rate
from modeling.registry.models import ModelVersion, Run, samplable_models
from webapp.dashboards.forms import offer

PER_PAGE, SHADES = 20, 5
may_look = permission_required("annotation.view_redteamattempt", raise_exception=True)
may_ask = permission_required("registry.add_run", raise_exception=True)


@dataclass(frozen=True)
class EffortLine:
    """An effort with gamma: violating attempts per person-hour."""

    effort: Effort
    name: str
    gamma: Estimate


@dataclass(frozen=True)
class CoverageCell:
    cell: Cell
    share: Estimate
    shade: int
    """0 for nothing tried, then 1 to SHADES by the share that was violating."""


@dataclass(frozen=True)
class RejectionLine:
    rejection: Rejection
    name: str
    rate: Estimate


class ReaskForm(forms.Form):
    """Which model is asked again, how, and who rates what it says."""

    model = forms.ModelChoiceField(ModelVersion.objects.none(), label=gettext_lazy("Model"))
    into = forms.ModelChoiceField(
        Project.objects.none(),
        label=gettext_lazy("Rated in"),
        help_text=gettext_lazy("A safety rating project: its raters see the answers like any other."),
    )
    temperature = forms.FloatField(initial=0.7, min_value=0, max_value=2, label=gettext_lazy("Temperature"))
    max_new_tokens = forms.IntegerField(
        initial=256, min_value=1, max_value=8192, label=gettext_lazy("Tokens per answer, at most")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rating = Project.objects.filter(task_type=Project.TaskType.SAFETY_RATING, archived_at=None)
        offer(self, model=samplable_models(), into=rating)


@may_look
def red_team(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)
    if project.task_type != Project.TaskType.RED_TEAM:
        return redirect(project)
    return page(request, project)


def page(request: HttpRequest, project: Project, form: ReaskForm | None = None) -> HttpResponse:
    sees_models = request.user.has_perm("registry.view_modelversion")
    models = red_teaming.by_model(project)
    names = {effort.of.pk: str(effort.of) if sees_models else hidden_name(n) for n, effort in enumerate(models, 1)}
    coverage = red_teaming.coverage(project)
    rejections = red_teaming.rejections(project) if sees_models else []
    asking = Run.objects.filter(kind=Run.Kind.REASKING, config__project=project.slug)
    context = {
        "section": "projects",
        "project": project,
        "total": line(red_teaming.total(project), ""),
        "people": [line(effort, effort.of or "?") for effort in red_teaming.by_person(project)],
        "models": [line(effort, names[effort.of.pk]) for effort in models],
        "weeks": [line(effort, names[effort.of.pk]) for effort in red_teaming.by_week(project)],
        "coverage": coverage,
        "cells": [(category, [shaded(cell) for cell in cells]) for category, cells in coverage.rows],
        "rejections": [RejectionLine(each, str(each.model), wilson(each.rejected, each.rated)) for each in rejections],
        "asking": asking[:5] if sees_models else [],
        "to_ask": len(red_teaming.violating_prompts(project)),
        "form": form or ReaskForm(prefix="ask"),
    }
    return render(request, "dashboards/red_team.html", context)


def hidden_name(number: int) -> str:
    """What a person reads who judges work and must not know which model wrote what."""
    return _("variant %(number)d") % {"number": number}


def line(effort: Effort, name: str) -> EffortLine:
    return EffortLine(effort, name, poisson_rate(effort.violating, effort.hours))


def shaded(cell: Cell) -> CoverageCell:
    share = wilson(cell.violating, cell.attempts)
    shade = 0 if share.value is None else 1 + min(SHADES - 1, int(share.value * SHADES))
    return CoverageCell(cell, share, shade)


@may_look
def attempts(request: HttpRequest, slug: str) -> HttpResponse:
    """The attempts behind a figure, each with its dialogue."""
    project = get_object_or_404(Project, slug=slug)
    if project.task_type != Project.TaskType.RED_TEAM:
        return redirect(project)
    wanted = {name: request.GET.get(name, "") for name in ("category", "vector", "annotator", "violating", "model")}
    if not wanted["model"].isdigit() or not request.user.has_perm("registry.view_modelversion"):
        wanted["model"] = ""
    rows = red_teaming.filtered(project, wanted).select_related("assignment__annotator", "model_version", "guideline")
    found = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "projects",
        "project": project,
        "wanted": wanted,
        "page": found,
        "categories": [plain(entry) for entry in project.rules.risk_categories],
        "vectors": [plain(entry) for entry in project.rules.attack_vectors],
        "lines": dialogues_of(project, list(found)),
    }
    return render(request, "dashboards/red_team_attempts.html", context)


def dialogues_of(project: Project, shown: list[RedTeamAttempt]) -> list[tuple[RedTeamAttempt, Any]]:
    """Each attempt with what was said in it; the names of models are masked where the project masks them."""
    replies = red_teaming.last_replies(RedTeamAttempt.objects.filter(pk__in=[attempt.pk for attempt in shown]))
    names = blinding.known_names()
    lines = []
    for attempt in shown:
        reply = replies.get(attempt.assignment_id)
        said = []
        if reply is not None:
            said = blinding.shown_messages(reply.prompt.messages, project, names)
            said = [*said, {"role": "assistant", "content": blinding.shown(reply.response, project)}]
        lines.append((attempt, said))
    return lines


@may_ask
@require_POST
def reask(request: HttpRequest, slug: str) -> HttpResponse:
    """Queue the run that asks a model again."""
    project = get_object_or_404(Project, slug=slug, task_type=Project.TaskType.RED_TEAM)
    form = ReaskForm(request.POST, prefix="ask")
    if not form.is_valid():
        return page(request, project, form)
    chosen = form.cleaned_data
    try:
        run = start_reasking(
            project,
            chosen["into"],
            chosen["model"],
            temperature=chosen["temperature"],
            max_new_tokens=chosen["max_new_tokens"],
            user=request.user,
        )
    except ValidationError as error:
        form.add_error(None, error)
        return page(request, project, form)
    messages.success(request, _("The answers are being sampled; they wait for raters when the run is done."))
    return redirect(run.get_absolute_url())
