"""The reviewers' pages of pairs on which people and a reward model differ most. Nobody learns who wrote what."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.http import urlencode
from scipy.special import expit

from annotation.models import Batch, Comparison, Preference, Project, Response
from annotation.sides import as_settled, sides_of
from annotation.submitted import RaterLine, shared_by, words_of
from evaluation.models import Score
from evaluation.reward_models.disagreements import Filters, disagreements, judges_of, page_of, rating_choices
from modeling.registry.models import ModelVersion
from webapp.dashboards.reviews import judge_first, may_look

PER_PAGE = 50


class DisagreementForm(forms.Form):
    """Whose scores, of which batch, of judgements how strong."""

    judge = forms.ModelChoiceField(
        ModelVersion.objects.none(), to_field_name="name", empty_label=None, required=False, label="Reward model"
    )
    batch = forms.ModelChoiceField(
        Batch.objects.none(), to_field_name="number", empty_label="all", required=False, label="Batch"
    )
    rating = forms.TypedChoiceField(coerce=int, empty_value=None, required=False, label="People say")

    def __init__(self, project: Project, judges: list[ModelVersion], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["judge"].queryset = ModelVersion.objects.filter(pk__in=[judge.pk for judge in judges])
        fields["batch"].queryset = project.batches.all()
        fields["rating"].choices = [("", "anything"), *rating_choices()]


def asked(request: HttpRequest, project: Project) -> tuple[ModelVersion | None, Filters, DisagreementForm]:
    """What the address asks for: by default the newest judge and everything."""
    judges = judges_of(project)
    form = DisagreementForm(project, judges, request.GET)
    data = form.cleaned_data if form.is_valid() else {}
    judge = data.get("judge") or (judges[0] if judges else None)
    return judge, Filters(data.get("batch"), data.get("rating")), form


@may_look
def queue(request: HttpRequest, slug: str) -> HttpResponse:
    """The pairs, the worst first. What people say of them stands on each pair's own page."""
    project = get_object_or_404(Project, slug=slug)
    judge, filters, form = asked(request, project)
    rows: Any = disagreements(judge, project, filters) if judge else Preference.objects.none()
    page: Any = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "reviews",
        "project": project,
        "judge": judge,
        "form": form,
        "page": page,
        "rows": page_of(list(page)) if judge else [],
        "query": urlencode({name: request.GET.get(name, "") for name in form.fields}),
    }
    return render(request, "dashboards/disagreements.html", context)


@may_look
def disagreement(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """A pair with what people said and how the model scores it, and the way to where it is reviewed or settled."""
    project = get_object_or_404(Project, slug=slug)
    rows = Comparison.objects.select_related(
        "project", "response_a__prompt", "response_b__prompt", "assignment__item__project", "prompt", "batch"
    )
    comparison = get_object_or_404(rows, project=project, pk=pk)
    place = comparison.assignment
    if place and (first := judge_first(request, place.item)):
        return first
    judge, filters, _ = asked(request, project)
    shown = shown_of(comparison)
    scores = dict(
        Score.objects.filter(model_version=judge, response__in=shown).values_list("response", "value") if judge else []
    )
    if judge is None or len(scores) < len(shown):
        raise Http404(f"No reward model has scored both answers of comparison {pk}.")
    left, right = (scores[response.pk] for response in shown)
    context = {
        "section": "reviews",
        "project": project,
        "comparison": comparison,
        "judge": judge,
        "shared": shared_by(shown[0], shown[1], project),
        "sides": list(zip(sides_of(shown[0], shown[1], project), (left, right), strict=True)),
        "favourite": "A" if left > right else "B",
        "probability": float(expit(abs(left - right))),
        "raters": said_of(comparison, shown),
        "review": reviewed_at(comparison),
        "following": following(comparison, judge, project, filters),
        "query": request.GET.urlencode(),
    }
    return render(request, "dashboards/disagreement.html", context)


def is_stored_pair(comparison: Comparison) -> bool:
    """Whether several people judge the same two answers, each with sides of their own."""
    return comparison.project.task_type == Project.TaskType.PAIRWISE_EVALUATION and comparison.assignment is not None


def shown_of(comparison: Comparison) -> list[Response]:
    """The two answers as A and B: as the annotator saw them; of a stored pair, as whoever settles it sees them; of an
    imported one in an order drawn once and for all, because a file's sides may be the models'."""
    place = comparison.assignment
    if place and is_stored_pair(comparison):
        return as_settled(place.item)
    pair = [comparison.response_a, comparison.response_b]
    turned = comparison.source and salted_hmac("dashboards.disagreement", str(comparison.pk)).digest()[0] % 2
    return pair[::-1] if turned else pair


def said_of(comparison: Comparison, shown: list[Response]) -> list[RaterLine]:
    """What everybody said of the two answers, about the A and B that are shown, whichever side they saw them on."""
    project = comparison.project
    said = Preference.objects.filter(
        current=True,
        comparison__project=project,
        comparison__response_a__in=shown,
        comparison__response_b__in=shown,
    ).select_related("comparison__assignment__annotator")
    lines = []
    for one in said.order_by("submitted_at", "pk"):
        is_turned = one.comparison.response_a_id != shown[0].pk
        points = one.scale + 1 - one.points if one.points and is_turned else one.points
        side = {"a": "AB"[is_turned], "b": "BA"[is_turned]}.get(one.choice, str(one.get_choice_display()))
        words = words_of(points, one.scale, project) or side
        lines.append(RaterLine(one.comparison.assignment, points, words, one.seconds))
    return lines


def reviewed_at(comparison: Comparison) -> str:
    """Where a reviewer can settle or review it; nowhere for what was imported without its annotator's place."""
    place, slug = comparison.assignment, comparison.project.slug
    if place is None:
        return ""
    if is_stored_pair(comparison):
        return reverse("adjudicate", args=[slug, place.item_id])
    return reverse("review", args=[slug, place.pk])


def following(comparison: Comparison, judge: ModelVersion, project: Project, filters: Filters) -> int | None:
    """The comparison that comes next in the queue."""
    keys = list(disagreements(judge, project, filters).values_list("pair", flat=True)[:1000])
    place = keys.index(comparison.pk) + 1 if comparison.pk in keys else 0
    return keys[place] if place < len(keys) else None
