"""Care for annotators: opting in to harmful content, a day's cap, breaks, and whom to turn to.

Where a project's content is harmful, nobody works on it who has not opted in; it is blurred on the page until they
look (veiling.js), and after so many judgements the day is over.
"""

from django.contrib.auth.models import AbstractUser
from django.db.models import Q
from django.utils import timezone

from annotation.gates import Gate
from annotation.gold import standing_of
from annotation.models import Assignment, Preference, Project, Standing


def consent_gate(project: Project, annotator: AbstractUser, standing: Standing | None) -> Gate | None:
    """Closed until the person has opted in to a project's harmful content."""
    if not project.sensitive or (standing and standing.consented_at):
        return None
    return Gate("consent", "annotation/gates/consent.html")


def consent(project: Project, annotator: AbstractUser) -> None:
    """Opt in; doing so again changes nothing."""
    standing_of(project, annotator)
    theirs = Standing.objects.filter(project=project, annotator=annotator.pk, consented_at=None)
    theirs.update(consented_at=timezone.now())


def withdraw(project: Project, annotator: AbstractUser) -> None:
    """Opt out again, at any time and without a reason."""
    Standing.objects.filter(project=project, annotator=annotator.pk).update(consented_at=None)


def cap_gate(project: Project, annotator: AbstractUser, standing: Standing | None) -> Gate | None:
    """Closed for the rest of the day once the project's cap is reached."""
    if project.daily_cap is None or judged_today(project, annotator) < project.daily_cap:
        return None
    return Gate("cap", "annotation/gates/cap.html", {"cap": project.daily_cap})


def judged_today(project: Project, annotator: AbstractUser) -> int:
    """Judgements since midnight here: each turn of a dialogue is one, and so is any other place."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    turns = Q(comparison__annotator=annotator.pk, comparison__project=project, current=True)
    judged = Preference.objects.filter(turns, submitted_at__gte=today).count()
    if judged:
        return judged
    return Assignment.objects.filter(item__project=project, annotator=annotator.pk, submitted_at__gte=today).count()
