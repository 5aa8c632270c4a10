"""Filters that write the report's figures."""

from datetime import datetime

from django import template
from django.utils.formats import date_format

from evaluation import wording
from evaluation.reports.lines import RATERS, Cell, Line

register = template.Library()
register.filter("percent", wording.percent)
register.filter("percent_interval", wording.percent_interval)
register.filter("number", wording.number)
register.filter("number_interval", wording.number_interval)


@register.filter
def exact(value: Cell) -> str:
    """A figure of a table: counts in full, others with four digits after the point."""
    if value is None:
        return wording.NONE
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else wording.number(value, 4)


@register.filter
def words(name: str) -> str:
    """ "win_rate" as "win rate"."""
    return name.replace("_", " ")


@register.filter
def about(line: Line) -> str:
    """What a line of the table is of: "x-model against y-model", "town", "all"."""
    models = " against ".join(filter(None, (line.model, line.against)))
    judge = "" if line.judge == RATERS else line.judge
    return ", ".join(filter(None, (judge, line.part, models, str(line.label))))


@register.filter
def moment(written: str) -> str:
    """ "2026-11-29T18:05:00+00:00" as "29 Nov 2026, 18:05", as Django writes it elsewhere."""
    return date_format(datetime.fromisoformat(written), "j M Y, H:i")
