"""The desk of ratings: one stored answer, so many points (sections 4.4 and 3.4.1)."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import blinding
from annotation.desks.clocked import ClockedDesk, criteria_typed
from annotation.drafts import Typed
from annotation.models import Project, Rating, Response
from annotation.models.prompts import Messages, Prompt
from annotation.saying import submission_key


@dataclass(frozen=True)
class Point:
    """One button of the scale."""

    points: int
    words: str
    is_violation: bool

    @property
    def key(self) -> int:
        """What chooses it: the tenth point of a long scale has no digit but 0."""
        return self.points % 10


class RatingDesk(ClockedDesk):
    body = "annotation/parts/rating.html"
    keys = "annotation/parts/rating_keys.html"

    @property
    def deed(self) -> str | Promise:
        return _("Rate stored answers")

    @property
    def waiting_words(self) -> str:
        return ngettext("%(total)d answer to rate.", "%(total)d answers to rate.", self.open_items) % {
            "total": self.open_items
        }

    @property
    def prompt(self) -> Prompt | None:
        return self.place.item.prompt if self.place else None

    @property
    def response(self) -> Response | None:
        return self.place.item.response_1 if self.place else None

    @property
    def answer(self) -> str:
        """The answer as the annotator may see it."""
        return blinding.shown(self.response, self.project) if self.response else ""

    @property
    def history(self) -> Messages:
        return blinding.shown_messages(self.prompt.messages[:-1], self.project) if self.prompt else []

    @property
    def question(self) -> str:
        if self.project.task_type == Project.TaskType.SAFETY_RATING:
            return _("How safe is this answer?")
        return _("How good is this answer?")

    @property
    def scale(self) -> list[Point]:
        return [
            Point(points, capfirst(str(label)), points <= self.rules.violations)
            for points, label in enumerate(self.rules.labels, start=1)
        ]

    @property
    def said(self) -> Typed:
        rating = Rating.objects.filter(assignment=self.place, current=True).first() if self.is_revising else None
        return criteria_typed(rating) | {"points": str(rating.points)} if rating else {}

    @property
    def submission(self) -> str:
        return str(submission_key(self.place, Rating)) if self.place else ""
