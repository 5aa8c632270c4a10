"""The two sides of a pair as a person reads them: what both share once, then each answer with what leads to it."""

from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from annotation import blinding
from annotation.models import Item, Project, Response
from annotation.models.prompts import Messages


@dataclass(frozen=True)
class Side:
    """One of the two answers; where whole dialogues are compared, with what leads to it."""

    key: str
    name: str
    before: Messages
    text: str


def common_beginning(ours: Messages, theirs: Messages) -> Messages:
    """The messages that two answers reply to: their prompt, or as far as two dialogues are the same."""
    common = 0
    while common < min(len(ours), len(theirs)) and ours[common] == theirs[common]:
        common += 1
    return list(ours[:common])


def sides_of(a: Response, b: Response, project: Project) -> list[Side]:
    """A and B behind what they share, without the words by which they tell their models."""
    shared = len(common_beginning(a.prompt.messages, b.prompt.messages))
    return [
        Side(
            key,
            name,
            blinding.shown_messages(response.prompt.messages, project)[shared:],
            blinding.shown(response, project),
        )
        for key, name, response in (("a", "A", a), ("b", "B", b))
    ]


def as_settled(item: Item) -> list[Response]:
    """An item's responses as whoever settles it sees them: the first one as A.

    Of a pair the order is drawn for each item, once and for all: a campaign's first responses are all one model's.
    """
    responses = [response for response in (item.response_1, item.response_2) if response is not None]
    turned = salted_hmac("annotation.settling", str(item.pk)).digest()[0] % 2
    return responses[::-1] if turned else responses
