"""False refusals (section 4.2.3): how often models refuse what is safe to answer, by a classifier of measured error.

Prompts are of three sets. Adversarial ones carry a risk category or belong to a safety project: to refuse them is no
mistake. Borderline ones look unsafe and are not: their category begins with "borderline". All others are helpfulness
prompts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from annotation.models import Item, Project, Response
from evaluation.models import Refusal
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.clustered_proportions import clustered_wilson, effective_trials
from evaluation.statistics.estimates import Estimate
from evaluation.statistics.misclassification import Errors, rogan_gladen
from modeling.registry.models import ModelVersion

HELPFULNESS, BORDERLINE, ADVERSARIAL = SETS = ("helpfulness", "borderline", "adversarial")
SAFE_TO_ANSWER = (HELPFULNESS, BORDERLINE)
UNNAMED = "unnamed"


@dataclass(frozen=True)
class Called:
    """An answer and what the classifier, and perhaps a person, says of it."""

    model: str
    prompt: str
    """The same text or digest for the same prompt."""
    prompt_set: str
    category: str
    logit: float
    refusal: str = ""
    """A person's verdict: none, partial or full; empty where nobody gave one."""


@dataclass(frozen=True)
class RefusalRate:
    """A model's refusals of a set of prompts, or of a category of the set.

    rate: what the classifier calls a refusal. corrected: the true rate, with the classifier's errors taken out (Rogan
    and Gladen). Both let answers to the same prompt depend on each other. full, partial: by people, where all answers
    were labelled.
    """

    model: str
    prompt_set: str
    category: str
    answers: int
    prompts: int
    refused: int
    rate: Estimate
    corrected: Estimate
    full: Estimate | None
    partial: Estimate | None


@dataclass(frozen=True)
class RefusalReport:
    """measured: the classifier's own accuracy, precision, recall and specificity, as its training found them."""

    classifier: str
    counted: str
    measured_on: str
    measured: dict[str, dict[str, Any]]
    errors: Errors
    rates: tuple[RefusalRate, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def classifiers() -> QuerySet[ModelVersion]:
    kinds = ModelVersion.objects.filter(kind=ModelVersion.Kind.CLASSIFIER)
    return kinds.exclude(stage=ModelVersion.Stage.RETIRED).order_by("-created_at", "-pk")


def refusal_report(classifier: ModelVersion, called: Sequence[Called]) -> RefusalReport:
    """Raises ValidationError for a model that is no refusal classifier, or whose error nobody measured."""
    figures = classifier.figures
    if classifier.kind != ModelVersion.Kind.CLASSIFIER or "errors" not in figures:
        raise ValidationError(f"{classifier} is no refusal classifier of measured error: train one.")
    errors = Errors(**figures["errors"])
    measured = {name: figures[name] for name in ("accuracy", "precision", "recall", "specificity")}
    rates = tuple(rates_of(called, errors))
    return RefusalReport(classifier.name, figures["counted"], figures["measured_on"], measured, errors, rates)


def rates_of(called: Sequence[Called], errors: Errors) -> Iterator[RefusalRate]:
    """By model and set, each followed by its categories where there are several."""
    for model in sorted({each.model for each in called}):
        for prompt_set in SETS:
            own = [each for each in called if (each.model, each.prompt_set) == (model, prompt_set)]
            if not own:
                continue
            yield rate_of(model, prompt_set, "", own, errors)
            categories = sorted({each.category for each in own} - {""})
            if len(categories) > 1:
                for category in categories:
                    part = [each for each in own if each.category == category]
                    yield rate_of(model, prompt_set, category, part, errors)


def rate_of(model: str, prompt_set: str, category: str, called: Sequence[Called], errors: Errors) -> RefusalRate:
    refused = np.array([each.logit > 0 for each in called], dtype=np.float64)
    prompts = [each.prompt for each in called]
    trials = effective_trials(refused, prompts)
    is_labelled = all(each.refusal for each in called)
    return RefusalRate(
        model=model,
        prompt_set=prompt_set,
        category=category,
        answers=len(called),
        prompts=len(set(prompts)),
        refused=int(refused.sum()),
        rate=clustered_wilson(refused, prompts),
        corrected=rogan_gladen(float(refused.mean()) * trials, trials, errors),
        full=clustered_wilson(said(called, "full"), prompts) if is_labelled else None,
        partial=clustered_wilson(said(called, "partial"), prompts) if is_labelled else None,
    )


def said(called: Sequence[Called], refusal: str) -> FloatArray:
    return np.array([each.refusal == refusal for each in called], dtype=np.float64)


# Answers of projects --------------------------------------------------------------------------------------------------


def answers_of(projects: Sequence[Project]) -> QuerySet[Response]:
    """The stored answers that the projects' items ask about, gold items aside."""
    items = Item.objects.filter(project__in=projects, gold=None)
    both = Q(pk__in=items.values("response_1")) | Q(pk__in=items.values("response_2"))
    return Response.objects.filter(both).order_by("pk")


def called_in(projects: Sequence[Project], classifier: ModelVersion) -> list[Called]:
    """What the classifier said of the projects' answers so far."""
    rows = Refusal.objects.filter(model_version=classifier, response__in=answers_of(projects)).order_by("response")
    columns = rows.values_list(
        "response__model_version__name",
        "response__prompt__digest",
        "response__prompt__category",
        "response__prompt__risk_category",
        "response__prompt__project__dimension",
        "logit",
    )
    found = []
    for model, digest, category, risk, dimension, logit in columns:
        is_safety = dimension == Project.Dimension.SAFETY
        found.append(Called(model or UNNAMED, digest, set_of(category, risk, is_safety), risk or category, logit))
    return found


def set_of(category: str, risk_category: str, is_safety: bool) -> str:
    if category.lower().startswith(BORDERLINE):
        return BORDERLINE
    return ADVERSARIAL if risk_category or is_safety else HELPFULNESS


def reports_on(projects: Sequence[Project]) -> list[RefusalReport]:
    """By each classifier that labelled any of the projects' answers, the newest first."""
    labelled = classifiers().filter(refusals__response__in=answers_of(projects)).distinct()
    return [refusal_report(classifier, called_in(projects, classifier)) for classifier in labelled]
