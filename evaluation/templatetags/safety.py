"""Filters that write the safety report's figures."""

from django import template

from evaluation.safety import wording

register = template.Library()
register.filter("p_value", wording.p_value)
register.filter("ratio_interval", wording.ratio_interval)
