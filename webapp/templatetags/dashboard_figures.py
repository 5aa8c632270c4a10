"""Figures as the dashboards write them."""

from typing import Any

from django import template

from annotation.models import Preference, Project
from annotation.protocol import STRENGTHS
from evaluation.wording import NONE, percent, percent_interval

register = template.Library()
register.filter("percent", percent)
register.filter("percent_interval", percent_interval)


@register.filter
def strength(said: Preference, project: Project) -> str:
    """By how much, as its annotator read it; in the paper's words where the project's scale has changed since."""
    if said.rating is None or said.points is None:
        return ""
    strengths = project.rules.strengths if said.scale == project.scale else STRENGTHS
    return str(strengths[min(said.points - 1, said.scale - said.points)])


@register.filter
def figure(value: float) -> str:
    """In three digits that say something: 0.693, 1.2e-05, 12,345."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@register.filter
def duration(seconds: float | None) -> str:
    """42 s, 3 min 05 s, 2 h 10 min; a dash for nothing."""
    if seconds is None:
        return NONE
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@register.filter
def took(job: Any) -> str:
    """How long a finished job ran."""
    if not (job.started_at and job.finished_at):
        return NONE
    return duration((job.finished_at - job.started_at).total_seconds())
