"""`{{ text|markdown }}`: a message of a dialogue as safe HTML."""

from django import template

from annotation import rendering

register = template.Library()
register.filter("markdown", rendering.markdown)
