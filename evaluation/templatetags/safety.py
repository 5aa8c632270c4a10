"""Filters that write the safety report's figures."""

from django import template

from evaluation.safety import wording
from evaluation.statistics.rates import RateRatio
from evaluation.wording import NONE

register = template.Library()
register.filter("p_value", wording.p_value)


@register.filter
def ratio_interval(ratio: RateRatio) -> str:
    if ratio.low is None:
        return NONE
    return f"{ratio.low:.2f} and more" if ratio.high is None else f"{ratio.low:.2f} to {ratio.high:.2f}"
