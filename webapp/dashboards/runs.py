"""Runs: the list, a run's live page, cancel and retry, and starting a training."""

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Avg, F, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from modeling.registry.jobs import request_cancel, worker_is_alive
from modeling.registry.models import Run
from webapp.dashboards.charts import Curve, curve
from webapp.dashboards.closing import closing_of
from webapp.dashboards.drawings import drawings_of
from webapp.dashboards.training import SEVERAL, TrainingForm
from workers.recipes import FROM_PROJECTS
from workers.starting import resume_run, start_training

PER_PAGE = 50
MOST_POINTS = 300
"""Points of a curve that a page shows; each is the mean of its stretch of steps."""
LOG_TAIL = 8192
"""Bytes of a run's log that its page shows."""
FIRST_CURVES = ("loss", "reward", "held_out_reward", "kl", "held_out_kl", "accuracy")
LAST_CURVES = ("gradient_norm", "learning_rate")


@permission_required("registry.view_run", raise_exception=True)
def runs(request: HttpRequest) -> HttpResponse:
    """The runs, newest first. While one of them goes on, htmx fetches the table alone, once a second."""
    page = Paginator(Run.objects.select_related("output", "created_by"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"section": "runs", "page": page, "live": any(not run.is_over for run in page)}
    template = "dashboards/parts/runs_table.html" if request.headers.get("HX-Request") else "dashboards/runs.html"
    return render(request, template, context)


@permission_required("registry.view_run", raise_exception=True)
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """A run with its settings, progress, curves and log. While it goes on, htmx fetches the live part alone."""
    run = get_object_or_404(Run.objects.select_related("output", "created_by"), pk=pk)
    context = {
        "section": "runs",
        "run": run,
        "inputs": run.inputs.all(),
        "again": form_filled_in_like(run) if run.is_over else "",
        "settings": list(settings_of(run.config)),
        "curves": curves(run),
        "closing": closing_of(run.report),
        "drawings": drawings_of(run.report),
        "log": log_tail(run),
        "worker_alive": run.is_over or worker_is_alive("training"),
    }
    template = "dashboards/parts/run_live.html" if request.headers.get("HX-Request") else "dashboards/run.html"
    return render(request, template, context)


def settings_of(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a run was asked to do, as names and values; long lists are counted."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from settings_of(value)
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value)) if len(value) <= 10 else f"{len(value)} of them"
        else:
            yield name, value


def form_filled_in_like(run: Run) -> str:
    """The address of the form that asks for what this run was asked for; empty where a form can't ask for all of it."""
    recipe = FROM_PROJECTS.get(run.kind)
    chosen = run.config.get("settings", {})
    if recipe is None or "files" in run.config or any(recipe.setting(name) is None for name in chosen):
        return ""
    several = {name: run.config.get(f"{name}s", []) for name in ("project", "open_project")}
    models = {name: run.config[name] for name in recipe.all_models if name in run.config}
    typed = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in chosen.items()}
    query = urlencode({**several, "bag": run.config.get("bag", []), **models, **typed}, doseq=True)
    return f"{reverse('run-train', args=[run.kind])}?{query}"


def log_tail(run: Run) -> str:
    """The end of what the run's process wrote, without a first line that is cut; empty where it wrote nothing."""
    if not run.folder:
        return ""
    try:
        with (Path(run.folder) / "log.txt").open("rb") as log:
            start = max(0, log.seek(0, os.SEEK_END) - LOG_TAIL)
            log.seek(start)
            tail = log.read(LOG_TAIL).decode(errors="replace")
    except OSError:
        return ""
    return tail.partition("\n")[2] if start else tail


def curves(run: Run) -> list[Curve]:
    """The curves of all of the run's figures, what it is about first and its speed last, thinned by the database to at
    most MOST_POINTS points each."""
    last = run.metrics.aggregate(last=Max("step"))["last"]
    if last is None:
        return []
    thinned = (
        run.metrics.values("name", stretch=F("step") * MOST_POINTS / (last + 1))
        .annotate(at=Max("step"), mean=Avg("value"))
        .order_by("name", "at")
    )
    drawn = [
        curve(name, [(row["at"], row["mean"]) for row in rows], (0.0, 1.0) if name.endswith("accuracy") else None)
        for name, rows in groupby(thinned, key=lambda row: row["name"])
    ]
    return sorted(filter(None, drawn), key=lambda found: place_of(found.name))


def place_of(name: str) -> tuple[int, int, str]:
    """Where a curve stands on the page."""
    if name in FIRST_CURVES:
        return 0, FIRST_CURVES.index(name), name
    return (2 if name in LAST_CURVES or name.endswith("_per_second") else 1), 0, name


@permission_required("registry.add_run", raise_exception=True)
def new_run(request: HttpRequest) -> HttpResponse:
    """The recipes to choose from."""
    context = {"section": "runs", "recipes": FROM_PROJECTS.values(), "asked": request.GET.urlencode()}
    return render(request, "dashboards/run_new.html", context)


@permission_required("registry.add_run", raise_exception=True)
def train(request: HttpRequest, recipe: str) -> HttpResponse:
    """The form that starts a recipe's run; what is wrong with it is said on it. Choosing another base asks for the form
    anew, with what was typed, for the defaults of a base of that size."""
    found = FROM_PROJECTS.get(recipe)
    if found is None:
        raise Http404(f"There is no recipe {recipe}.")
    typed = {name: values if name in SEVERAL else values[-1] for name, values in request.GET.lists()}
    form = TrainingForm(found, request.POST or None, initial=typed)
    if request.method == "POST" and form.is_valid():
        try:
            run = start_training(form.order(), request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect(run)
    return render(request, "dashboards/run_form.html", {"section": "runs", "form": form, "recipe": found})


@permission_required("registry.change_run", raise_exception=True)
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a run to stop; one that is over already stays as it is."""
    run = get_object_or_404(Run, pk=pk)
    if run.is_over:
        messages.warning(request, f"There is nothing to cancel: the run is {run.get_status_display()} already.")
    else:
        request_cancel(run)
        messages.success(request, "Asked to stop: the run ends at its next heartbeat and keeps what it did.")
    return redirect(run)


@permission_required("registry.change_run", raise_exception=True)
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a failed or cancelled run again: it goes on from its last checkpoint."""
    run = get_object_or_404(Run, pk=pk)
    try:
        resume_run(run)
    except ValidationError as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, "Queued again: the run goes on from its last checkpoint.")
    return redirect(run)
