"""`{{ text|markdown }}`: a message of a dialogue as safe HTML; `{{ text|lines }}`: with its line ends all alike."""

from django import template

from annotation import blinding, rendering
from annotation.models import Project, Response
from annotation.models.prompts import Messages

register = template.Library()
register.filter("markdown", rendering.markdown)


@register.filter
def lines(text: str) -> str:
    return "\n".join(text.splitlines())


@register.filter
def blinded(response: Response, project: Project) -> str:
    """The answer as nobody learns its model from it; `{{ response|blinded:project|markdown }}`."""
    return blinding.shown(response, project)


@register.filter
def blinded_messages(messages: Messages, project: Project) -> Messages:
    return blinding.shown_messages(messages, project)
