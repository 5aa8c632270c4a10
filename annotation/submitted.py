"""A piece of submitted work as it is read again: what was asked and said, and what others said of the same."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation import blinding, revising
from annotation.comparing import points_in_words
from annotation.judgements import judgements_at, judgements_in, place_of
from annotation.models import (
    Assignment,
    Comparison,
    Item,
    Preference,
    Project,
    Rating,
    RedTeamAttempt,
    Response,
    Review,
)
from annotation.models.prompts import Messages
from annotation.sides import Side, common_beginning, sides_of


def words_of(points: int | None, scale: int, project: Project) -> str:
    """Points of a project's scale in its words, or plainly where they come from another scale."""
    rules = project.rules
    if points is None:
        return ""
    if scale != rules.points:
        return f"{points} / {scale}"
    return str(rules.labels[points - 1]) if rules.labels else points_in_words(points, scale, rules)


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue, or the one question of a stored pair, with what was said about it."""

    comparison: Comparison
    revisions: list[Preference]

    @property
    def said(self) -> Preference | None:
        """What counts, else what was said last."""
        return next((one for one in self.revisions if one.current), self.revisions[-1] if self.revisions else None)

    @property
    def shared(self) -> Messages:
        """What both answers reply to."""
        return shared_by(self.comparison.response_a, self.comparison.response_b, self.comparison.project)

    @property
    def sides(self) -> list[tuple[Side, bool | None]]:
        """A and B, each with its safety mark."""
        marks = (self.said.a_safe, self.said.b_safe) if self.said else (None, None)
        sides = sides_of(self.comparison.response_a, self.comparison.response_b, self.comparison.project)
        return list(zip(sides, marks, strict=True))

    @property
    def words(self) -> str:
        if self.said is None or self.said.points is None:
            return str(self.said.get_choice_display()) if self.said else ""
        return words_of(self.said.points, self.said.scale, self.comparison.project)


@dataclass
class Work:
    """A place with everything that belongs to it; what its kind does not have stays empty."""

    place: Assignment

    @property
    def project(self) -> Project:
        return self.place.item.project

    @property
    def asked(self) -> Messages:
        return list(self.place.item.prompt.messages)

    @property
    def opening(self) -> str:
        """What the work began with."""
        return self.place.item.prompt.text

    @cached_property
    def revisions(self) -> list[Any]:
        return list(judgements_at(self.place))

    @property
    def said(self) -> Any:
        """What counts, else what was said last, of work that says one thing."""
        return next((one for one in self.revisions if one.current), self.revisions[-1] if self.revisions else None)

    @cached_property
    def turns(self) -> list[Turn]:
        if self.project.task_type not in (Project.TaskType.PREFERENCE, Project.TaskType.PAIRWISE_EVALUATION):
            return []
        rows = self.place.comparisons.select_related("prompt", "response_a__prompt", "response_b__prompt", "project")
        turns = [
            Turn(comparison, [one for one in self.revisions if one.comparison_id == comparison.pk])
            for comparison in rows.order_by("turn", "regeneration")
        ]
        return [turn for turn in turns if turn.revisions]

    @property
    def words(self) -> str:
        """A rating's points in words."""
        return words_of(self.said.points, self.said.scale, self.project) if isinstance(self.said, Rating) else ""

    @property
    def summary(self) -> list[str]:
        """What was said, in a few words for each turn; nothing of a text that was written."""
        if isinstance(self.said, RedTeamAttempt):
            return [_("violating") if self.said.violating else _("withstood")]
        return [turn.words for turn in self.turns] or [words for words in (self.words,) if words]


def shared_by(one: Response, other: Response, project: Project) -> Messages:
    """The messages that two answers have in common, as a reviewer sees them."""
    return blinding.shown_messages(common_beginning(one.prompt.messages, other.prompt.messages), project)


def work_of(place: Assignment) -> Work:
    return Work(place)


@dataclass(frozen=True)
class RaterLine:
    """What one rater said of an item, whichever side its answers were on for them; imported ones have no place."""

    place: Assignment | None
    points: int | None
    words: str
    seconds: float | None


def rater_lines(item: Item, a: Response | None = None) -> list[RaterLine]:
    """The counting judgements of an item's raters, with `a` (by default response_1) as A.

    Empty where each rater works on answers of their own.
    """
    project = item.project
    if project.task_type not in (
        Project.TaskType.PAIRWISE_EVALUATION,
        Project.TaskType.SAFETY_RATING,
        Project.TaskType.QUALITY_RATING,
    ):
        return []
    first = a.pk if a else item.response_1_id
    place = place_of(project)
    rows = judgements_in(project).filter(**{f"{place}__item": item.pk}).select_related(f"{place}__annotator")
    lines = []
    for said in rows.order_by("submitted_at"):
        where = said.comparison.assignment if isinstance(said, Preference) else said.assignment
        points = said.points
        if isinstance(said, Preference) and points and said.comparison.response_a_id != first:
            points = said.scale + 1 - points
        words = words_of(points, said.scale, project)
        lines.append(RaterLine(where, points, words, said.seconds))
    return lines


# One's own ----------------------------------------------------------------------------------------------------


def work_by(project: Project, annotator: AbstractUser) -> QuerySet[Assignment]:
    """What somebody has submitted in a project, newest first."""
    places = Assignment.objects.filter(project=project, annotator=annotator.pk, submitted_at__isnull=False)
    shown = ("item__prompt", "item__project", "item__batch", "project")
    return places.select_related(*shown).prefetch_related("reviews").order_by("-submitted_at", "-pk")


@dataclass(frozen=True)
class OwnLine:
    """A piece of one's own work, how it stands and what a reviewer wrote about it."""

    work: Work
    review: Review | None
    may_take_back: bool


def own_line(place: Assignment) -> OwnLine:
    return OwnLine(Work(place), next(iter(place.reviews.all()), None), revising.may_take_back(place))
