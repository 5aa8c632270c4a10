"""What an annotator may see of an answer: never the words by which it tells its model.

The row keeps the answer as the model wrote it and, in `Response.identity`, where such words stand (identity.py). By the
project's choice they are masked wherever an annotator or reviewer reads the answer, or shown and the answer flagged to
managers. Exports and training always have the raw text; the model that answers the next turn reads it raw as well.
"""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation import identity
from annotation.models import Comparison, Project, Response
from annotation.models.prompts import Messages
from modeling.registry.models import ModelVersion


def known_names() -> list[str]:
    """Every name under which a chat model is registered or served."""
    policies = ModelVersion.objects.filter(kind=ModelVersion.Kind.POLICY).values_list("name", "remote_model")
    return sorted({name for names in policies for name in names if name})


def asked_in(messages: Messages) -> str:
    """What the user said."""
    return "\n".join(message["content"] for message in messages if message["role"] == "user")


def check(responses: Iterable[Response]) -> None:
    """Find and keep where stored answers tell their model; sampled ones were looked through when they were sampled."""
    names = known_names()
    for response in responses:
        found = identity.spans(response.text, names, asked_in(response.prompt.messages))
        if found != response.identity:
            response.identity = found
            Response.objects.filter(pk=response.pk).update(identity=found)


def shown(response: Response, project: Project) -> str:
    """The answer's text as an annotator of this project sees it."""
    if project.identity_policy != Project.IdentityPolicy.MASK:
        return response.text
    return identity.masked(response.text, response.identity, _("[model name hidden]"))


def shown_messages(messages: Messages, project: Project, names: Iterable[str] | None = None) -> Messages:
    """A dialogue as an annotator of this project sees it: what models said in it is looked through anew."""
    if project.identity_policy != Project.IdentityPolicy.MASK:
        return messages
    if not any(message["role"] == "assistant" for message in messages):
        return messages
    names = known_names() if names is None else names
    seen: Messages = []
    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            found = identity.spans(message["content"], names, asked_in(messages[:place]))
            message = message | {"content": identity.masked(message["content"], found, _("[model name hidden]"))}
        seen.append(message)
    return seen


def telling(project: Project) -> QuerySet[Comparison]:
    """The project's comparisons with an answer that tells its model: what managers are to look at."""
    comparisons = project.comparisons.all()
    return (comparisons.exclude(response_a__identity=[]) | comparisons.exclude(response_b__identity=[])).distinct()
