"""Filters that write the report's figures."""

from django import template

from evaluation import wording

register = template.Library()
register.filter("percent", wording.percent)
register.filter("percent_interval", wording.percent_interval)
register.filter("number", wording.number)
register.filter("number_interval", wording.number_interval)
