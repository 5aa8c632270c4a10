"""The quality of a project's work: gold items and who gets them right, pauses, care, the tests before the work."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation import gold, qualifying
from annotation.models import Gold, Project, QualificationQuestion, QualificationStep, Standing
from webapp.accounts.models import User
from webapp.dashboards.quality_forms import GoldForm, PauseForm, QuestionForm, RulesForm, StepForm

may_look = permission_required("annotation.view_gold", raise_exception=True)
may_change = permission_required("annotation.change_project", raise_exception=True)


@dataclass(frozen=True)
class PersonLine:
    """An annotator in this project: gold items, tests, standing."""

    person: User
    score: gold.GoldScore
    standing: Standing | None
    tests: list[qualifying.StepState]


def page(request: HttpRequest, project: Project, status: int = 200, **forms: Any) -> HttpResponse:
    """The quality page; `forms` holds the one that was submitted, by its name on the page."""
    standings = {standing.annotator_id: standing for standing in project.standings.all()}
    lines = [
        PersonLine(
            person,
            gold.score_of(project, person),
            standings.get(person.pk),
            qualifying.states_of(project, person),
        )
        for person in User.objects.filter(projects=project).order_by("username")
    ]
    context = {
        "section": "projects",
        "project": project,
        "has_gold": project.task_type in gold.KINDS,
        "gold_lines": gold.lines_of(project),
        "people": lines,
        "steps": project.qualification_steps.prefetch_related("questions"),
        "gold_form": forms.get("gold_form") or GoldForm(project),
        "step_form": forms.get("step_form") or StepForm(project),
        "rules_form": forms.get("rules_form") or RulesForm(instance=project),
    }
    return render(request, "dashboards/quality.html", context, status=status)


@may_look
def quality(request: HttpRequest, slug: str) -> HttpResponse:
    return page(request, get_object_or_404(Project, slug=slug))


@may_change
@require_POST
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """Change how the project keeps its work good and its people well."""
    project = get_object_or_404(Project, slug=slug)
    form = RulesForm(request.POST, instance=project)
    if not form.is_valid():
        return page(request, Project.objects.get(pk=project.pk), 422, rules_form=form)
    form.save()
    messages.success(request, _("The rules are saved."))
    return redirect("quality", slug)


@may_change
@require_POST
def add_gold(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an item of the project a gold one, or change what is right about it."""
    project = get_object_or_404(Project, slug=slug)
    form = GoldForm(project, request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            gold.make_gold(said["item"], said["lowest"], said["highest"], said["explanation"], request.user)  # type: ignore[arg-type]
        except gold.GoldError as error:
            form.add_error(None, str(error))
    if form.errors:
        return page(request, project, 422, gold_form=form)
    messages.success(request, _("Item %(number)d is a gold item now.") % {"number": said["item"].pk})
    return redirect("quality", slug)


@may_change
@require_POST
def remove_gold(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Give an item out no more as gold; what was judged stays."""
    row = get_object_or_404(Gold, item__project__slug=slug, pk=pk)
    row.delete()
    messages.success(request, _("Item %(number)d is no gold item any more.") % {"number": row.item_id})
    return redirect("quality", slug)


@may_change
@require_POST
def pause(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Pause a person's work in the project, or let them go on."""
    project = get_object_or_404(Project, slug=slug)
    person = get_object_or_404(project.annotators, pk=pk)
    if Standing.objects.filter(project=project, annotator=person, paused_at__isnull=False).exists():
        gold.resume(project, person)
        messages.success(request, _("%(name)s may go on.") % {"name": person.get_username()})
        return redirect("quality", slug)
    form = PauseForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the person reads it."))
        return redirect("quality", slug)
    gold.pause(project, person, form.cleaned_data["reason"])
    messages.success(request, _("%(name)s gets no new work here.") % {"name": person.get_username()})
    return redirect("quality", slug)


# Tests ----------------------------------------------------------------------------------------------------------------


@may_change
@require_POST
def add_step(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a test, after those that are there."""
    project = get_object_or_404(Project, slug=slug)
    form = StepForm(project, request.POST)
    if not form.is_valid():
        return page(request, project, 422, step_form=form)
    step = form.save()
    messages.success(request, _("The test counts once it has a question."))
    return redirect("qualification-step", slug, step.number)


@may_look
def step(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A test with its questions; a POST changes its marks."""
    step = get_object_or_404(QualificationStep.objects.select_related("project"), project__slug=slug, number=number)
    form = StepForm(step.project, request.POST or None, instance=step)
    if request.method == "POST":
        if not request.user.has_perm("annotation.change_project"):
            return HttpResponse(status=403)
        if form.is_valid():
            form.save()
            messages.success(request, _("The test is saved."))
            return redirect("qualification-step", slug, number)
    return step_page(request, step, form=form, status=422 if form.errors else 200)


def step_page(request: HttpRequest, step: QualificationStep, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "section": "projects",
        "project": step.project,
        "step": step,
        "form": forms.get("form") or StepForm(step.project, instance=step),
        "question_form": forms.get("question_form") or QuestionForm(step),
        "questions": step.questions.order_by("number"),
        "tries": step.tries.exclude(submitted_at=None).select_related("annotator").order_by("-submitted_at")[:200],
    }
    return render(request, "dashboards/qualification_step.html", context, status=status)


@may_change
@require_POST
def add_question(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    step = get_object_or_404(QualificationStep.objects.select_related("project"), project__slug=slug, number=number)
    form = QuestionForm(step, request.POST)
    if not form.is_valid():
        return step_page(request, step, 422, question_form=form)
    form.save()
    messages.success(request, _("The question is there; attempts that have begun do not see it."))
    return redirect("qualification-step", slug, number)


@may_change
@require_POST
def remove_question(request: HttpRequest, slug: str, number: int, pk: int) -> HttpResponse:
    question = get_object_or_404(QualificationQuestion, step__project__slug=slug, step__number=number, pk=pk)
    question.delete()
    messages.success(request, _("The question is gone; attempts that have begun keep it."))
    return redirect("qualification-step", slug, number)


@may_change
@require_POST
def let_in(request: HttpRequest, slug: str, number: int, pk: int) -> HttpResponse:
    """A person counts as having passed."""
    step = get_object_or_404(QualificationStep.objects.select_related("project"), project__slug=slug, number=number)
    person = get_object_or_404(step.project.annotators, pk=pk)
    qualifying.let_in(step, person)
    messages.success(request, _("%(name)s counts as having passed.") % {"name": person.get_username()})
    return redirect("quality", slug)
