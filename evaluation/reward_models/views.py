"""The pages of a reward model's evaluation, for those who may see models."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluation.plots import RATE_TICKS
from evaluation.reward_models import drawing, wording
from evaluation.reward_models.choosing import REWARD_KINDS
from evaluation.reward_models.evaluating import Evaluation, Scope, evaluate
from evaluation.reward_models.forms import ScopeForm, ScoringForm, chosen_scope
from evaluation.scoring import scoring_runs
from modeling.registry.jobs import worker_is_alive
from modeling.registry.models import ModelVersion

may_see = permission_required(("registry.view_modelversion", "evaluation.view_score"), raise_exception=True)
may_start = permission_required("evaluation.add_score", raise_exception=True)


def reward_model_or_404(name: str) -> ModelVersion:
    return get_object_or_404(ModelVersion, name=name, kind__in=REWARD_KINDS)


@require_GET
@may_see
def evaluation(request: HttpRequest, reward_model: str) -> HttpResponse:
    return page(request, reward_model_or_404(reward_model))


def page(request: HttpRequest, model: ModelVersion, scoring: ScoringForm | None = None) -> HttpResponse:
    scope, scope_form = chosen_scope(model, request.GET)
    context = context_of(model, evaluate(model, scope), scope, scope_form)
    context["scoring_form"] = scoring or ScoringForm(model)
    return render(request, "evaluation/reward_model.html", context, status=422 if scoring else 200)


def context_of(model: ModelVersion, found: Evaluation, scope: Scope, scope_form: ScopeForm) -> dict[str, object]:
    accuracy = found.accuracy
    tables = [
        ("By how sure people are", accuracy.by_rating),
        ("By batch", accuracy.by_batch),
        ("By project", accuracy.by_project if len(accuracy.by_project) > 1 else ()),
    ]
    return {
        "section": "models",
        "model": model,
        "found": found,
        "scope": scope,
        "scope_form": scope_form,
        "headline": wording.headline(found),
        "beneath": wording.beneath(found),
        "caveats": wording.CAVEATS,
        "rate_ticks": RATE_TICKS,
        "accuracy": wording.read_accuracy(accuracy),
        "trained": wording.read_trained(accuracy.overall, accuracy.trained),
        "tables": [(title, drawing.accuracy_rows(rows)) for title, rows in tables if rows],
        "reliability": found.pairs
        and (drawing.reliability_chart(found.reliability), wording.read_reliability(found.reliability)),
        "quality": found.quality and (drawing.quality_chart(found.quality), wording.read_quality(found.quality)),
        "safety": found.safety
        and (
            [chart for chart in (drawing.roc_chart(found.safety), drawing.precision_chart(found.safety)) if chart],
            wording.read_safety(found.safety),
        ),
        "shift": found.shift
        and (
            [drawing.distribution_chart(found.shift), drawing.movement_chart(found.shift)],
            wording.read_shift(found.shift),
        ),
        "tension": found.tension and (drawing.tension_chart(found.tension), wording.read_tension(found.tension)),
        "drift": found.drift and (drawing.heat_rows(found.drift), wording.read_drift(found.drift, model.name)),
        "length": found.length and wording.read_length(found.length),
        "runs": scoring_runs(model)[:5],
        "worker_is_alive": worker_is_alive("training"),
    }


@require_GET
@may_see
def evaluation_json(request: HttpRequest, reward_model: str) -> HttpResponse:
    model = reward_model_or_404(reward_model)
    scope, _ = chosen_scope(model, request.GET)
    response = JsonResponse(evaluate(model, scope).as_json(), json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="{model.name}-evaluation.json"'
    return response


@require_POST
@may_see
@may_start
def score(request: HttpRequest, reward_model: str) -> HttpResponse:
    """Let the model score a project's answers."""
    model = reward_model_or_404(reward_model)
    form = ScoringForm(model, request.POST)
    run = form.save(request.user) if form.is_valid() else None
    if run is None:
        return page(request, model, form)
    messages.success(request, f"{model} scores the answers of {run.config['project']} now; reload to see its figures.")
    return redirect("reward-model-evaluation", model.name)
