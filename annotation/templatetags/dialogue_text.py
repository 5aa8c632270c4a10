"""`{{ text|markdown }}`: a message of a dialogue as safe HTML; `{{ text|lines }}`: with its line ends all alike."""

from django import template

from annotation import rendering

register = template.Library()
register.filter("markdown", rendering.markdown)


@register.filter
def lines(text: str) -> str:
    return "\n".join(text.splitlines())
