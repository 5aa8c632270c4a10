"""Filters that write the report's figures."""

from django import template

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
def spaced(moment: str) -> str:
    """ "2026-11-29T18:05" as "2026-11-29 18:05"."""
    return moment.replace("T", " ")
