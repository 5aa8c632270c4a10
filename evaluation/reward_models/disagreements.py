"""Where people and a reward model differ most: pairs whose majority prefers the answer that the model scores lower.

Either is wrong there: a mistaken judgement, an unclear guideline, or a weakness of the model; a reviewer says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Case, Count, Exists, F, FloatField, Max, Min, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Abs, Cast, Greatest, Least

from annotation.models import Batch, Preference, Project, Prompt
from annotation.models.comparisons import RATINGS
from evaluation.models import Score
from evaluation.reward_models.choosing import DIMENSIONS, REWARD_KINDS
from evaluation.reward_models.reading import SCORES_A, SCORES_B, decided, with_scores
from modeling.registry.models import ModelVersion

UNRATED = 0.5
"""The strength of a choice of which nobody said how strong it is; points say from 0 (in the middle) to 1."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Filters:
    """batch: of this one alone; rating: of judgements this strong alone, a place in RATINGS."""

    batch: Batch | None = None
    rating: int | None = None


def judges_of(project: Project) -> list[ModelVersion]:
    """The reward models that have scored answers which the project's comparisons show: those of its own dimension
    first, each kind's newest first."""
    shown = Score.objects.filter(model_version=OuterRef("pk"), response__shown_as_a__project=project)
    reward_models = ModelVersion.objects.filter(Exists(shown), kind__in=REWARD_KINDS)
    newest_first = reward_models.order_by("-created_at", "-pk")
    return sorted(newest_first, key=lambda model: DIMENSIONS[ModelVersion.Kind(model.kind)] != project.dimension)


def disagreements(judge: ModelVersion, project: Project, filters: Filters | None = None) -> QuerySet[Any, Row]:
    """Pairs of answers, the worst first: the mean strength of the judgements, signed, times the gap of the scores.

    Each row has the keys of one comparison that shows the pair (`pair`), of its prompt (`asked`) and of its newest
    batch (`collected`); how many `people` judged it; `strength` of the majority and `gap` of the scores, both
    above 0; `weight`, their product. One GROUP BY over the project's judgements.
    """
    wanted = filters or Filters()
    said = with_scores(decided([project]), [judge])
    if wanted.batch:
        said = said.filter(comparison__batch=wanted.batch)
    if wanted.rating is not None:
        said = said.filter(Q(points=wanted.rating + 1) | Q(points=F("scale") - wanted.rating))
    a, b = "comparison__response_a", "comparison__response_b"
    first_is_a = Q(**{f"{a}__lt": F(b)})
    towards_a = Case(When(choice=Preference.Choice.A, then=Value(1.0)), default=Value(-1.0), output_field=FloatField())
    turn = Case(When(first_is_a, then=Value(1.0)), default=Value(-1.0), output_field=FloatField())
    scale = Cast("scale", FloatField())
    strength = Case(
        When(points=None, then=Value(UNRATED)),
        default=Abs(2.0 * Cast("points", FloatField()) - scale - 1.0) / (scale - 1.0),
        output_field=FloatField(),
    )
    difference = F(f"{SCORES_A}__value") - F(f"{SCORES_B}__value")
    pairs = said.annotate(first=Least(a, b), second=Greatest(a, b)).values("first", "second")
    counted = pairs.annotate(
        votes=Sum(towards_a * turn, output_field=FloatField()),
        lean=Avg(towards_a * turn * strength, output_field=FloatField()),
        apart=Avg(difference * turn, output_field=FloatField()),
        people=Count("pk"),
        pair=Min("comparison"),
        asked=Min("comparison__prompt"),
        collected=Max("comparison__batch"),
    )
    differing = counted.filter(Q(votes__gt=0, apart__lt=0) | Q(votes__lt=0, apart__gt=0))
    weighed = differing.annotate(strength=Abs("lean"), gap=Abs("apart"), weight=Abs(F("lean") * F("apart")))
    return weighed.order_by("-weight", "pair")


def page_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A page's rows with their prompts and batches, in one query each."""
    prompts = Prompt.objects.in_bulk([row["asked"] for row in rows])
    batches = Batch.objects.in_bulk([row["collected"] for row in rows if row["collected"]])
    return [{**row, "prompt": prompts[row["asked"]], "batch": batches.get(row["collected"])} for row in rows]


def rating_choices() -> list[tuple[str, str]]:
    return [(str(place), rating) for place, rating in enumerate(RATINGS)]
