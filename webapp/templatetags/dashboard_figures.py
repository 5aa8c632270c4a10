"""Figures as the dashboards write them."""

from typing import Any

from django import template

from evaluation.wording import NONE, percent, percent_interval

register = template.Library()
register.filter("percent", percent)
register.filter("percent_interval", percent_interval)


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
