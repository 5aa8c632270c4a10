"""Where an annotator stands in a project: what is in hand, what comes next, how much is done.

Each kind of work has its desk, which adds what it asks for. A desk is read anew for every page: the rows are the only
state.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import assigning, drafts, gold, revising
from annotation.gates import Gate, gate_before, standing_in
from annotation.guidelines import News, latest_for, news_of
from annotation.models import Assignment, Gold, GuidelineVersion, Project, Review, Standing
from annotation.models.prompts import Messages
from annotation.protocol import Protocol


@dataclass
class Desk:
    """One annotator's desk in one project."""

    project: Project
    annotator: AbstractUser

    body: ClassVar[str] = ""
    """The template of what is asked for now; it gets the desk as `desk`."""
    keys: ClassVar[str] = ""
    """The template with this desk's rows of the table of keys."""

    @property
    def deed(self) -> str | Promise:
        """What one does here, for the list of work."""
        return ""

    @property
    def waiting_words(self) -> str:
        """How much of the set waits."""
        return ngettext("%(total)d prompt to work on.", "%(total)d prompts to work on.", self.open_items) % {
            "total": self.open_items
        }

    @property
    def leads_dialogues(self) -> bool:
        """Whether the work goes on from turn to turn, and not from item to item of a set."""
        return False

    @property
    def where(self) -> str:
        """Where in the set the annotator stands."""
        if self.is_revising:
            return _("What you had submitted")
        if self.place:
            return _("Item %(number)d of %(total)d") % {"number": self.number, "total": self.total}
        return _("%(number)d of %(total)d done") % {"number": self.completed_items, "total": self.total}

    @property
    def may_skip(self) -> bool:
        """Whether what is in hand may be passed on; a dialogue with a judged turn is ended instead."""
        return self.place is not None

    def seen(self) -> None:
        """The annotator gave a sign: the lease starts anew."""
        if self.place:
            assigning.extend(self.place)

    @cached_property
    def place(self) -> Assignment | None:
        """What is in hand."""
        return assigning.lease_of(self.project, self.annotator)

    @property
    def rules(self) -> Protocol:
        return self.project.rules

    @cached_property
    def gate(self) -> Gate | None:
        """What stands before new work here; work that is in hand may be finished."""
        return None if self.place else gate_before(self.project, self.annotator, self.standing)

    @cached_property
    def standing(self) -> Standing | None:
        return standing_in(self.project, self.annotator)

    @cached_property
    def latest_guideline(self) -> tuple[GuidelineVersion | None, bool]:
        return latest_for(self.project, self.annotator)

    @property
    def guideline(self) -> GuidelineVersion | None:
        return self.latest_guideline[0]

    @cached_property
    def guideline_news(self) -> News | None:
        """The guideline's latest version, where this annotator has not read it."""
        latest, was_read = self.latest_guideline
        return None if latest is None or was_read else news_of(latest, self.annotator)

    @property
    def is_revising(self) -> bool:
        """What is in hand was submitted before: taken back, or returned by a reviewer."""
        return self.place is not None and self.place.revising

    @property
    def said(self) -> drafts.Typed:
        """What was said before about what is revised, as the form's fields."""
        return {}

    @cached_property
    def review(self) -> Review | None:
        """What a reviewer wrote about the work that they returned and that is in hand."""
        return self.place.reviews.first() if self.place and self.is_revising else None

    @cached_property
    def counts(self) -> dict[str, int]:
        """The annotator's places here, by status, as they are when the page is drawn."""
        return assigning.count_places(self.project, self.annotator)

    @property
    def returned(self) -> int:
        """Places that reviewers sent back and that wait to be taken up."""
        return self.counts.get(Assignment.Status.RETURNED, 0)

    @cached_property
    def undoable(self) -> Assignment | None:
        """What "Undo" would take back."""
        return revising.undoable(self.project, self.annotator, self.place)

    @cached_property
    def warning(self) -> gold.GoldScore | None:
        """What to warn of, where too many check items went wrong."""
        return gold.warning_for(self.project, self.annotator, self.standing)

    @property
    def failed_gold(self) -> list[Gold]:
        return gold.failed(self.project, self.annotator)

    @property
    def step(self) -> str:
        """Names what the annotator is asked for now, so that a draft comes back only where it belongs."""
        return f"place-{self.place.pk}{self.anew}" if self.place else "start"

    @property
    def anew(self) -> str:
        """Sets the step of a revision apart from that of the one before."""
        if self.place is None or not self.place.revising or self.place.reopened_at is None:
            return ""
        return f"-{int(self.place.reopened_at.timestamp())}"

    @property
    def history(self) -> Messages:
        """The dialogue above what is asked for."""
        return []

    @property
    def gives_items(self) -> bool:
        """Whether work is taken item by item from the project's set; a desk at which people write may differ."""
        return True

    @property
    def has_variants(self) -> bool:
        """Whether there are models to answer, where the work needs some."""
        return True

    def take(self) -> Assignment | None:
        """Put the next item into the annotator's hands; None when none waits."""
        return assigning.claim_next(self.project, self.annotator)

    def reserve(self) -> None:
        """Hold the next item ready while the annotator is at this one."""
        if self.place and self.gives_items:
            assigning.reserve_next(self.project, self.annotator)

    def show(self) -> None:
        """Start the clock of what is asked for, when it is first on the page."""

    @cached_property
    def open_items(self) -> int:
        """Items of the set that this annotator could take now."""
        return assigning.count_waiting(self.project, self.annotator, self.counts)

    @property
    def completed_items(self) -> int:
        return self.counts.get(Assignment.Status.SUBMITTED, 0)

    @property
    def number(self) -> int:
        """Which item this is, of `total`."""
        return self.completed_items + (1 if self.place else 0)

    @property
    def total(self) -> int:
        return self.number + self.open_items

    @cached_property
    def judged_today(self) -> int:
        """Judgements of today, as a person counts them: turns of a dialogue, or items."""
        return self.places.filter(submitted_at__date=timezone.localdate()).count()

    @property
    def places(self) -> QuerySet[Assignment]:
        return Assignment.objects.filter(project=self.project, annotator=self.annotator.pk)

    def context(self) -> dict[str, Any]:
        """What else the body's template needs."""
        return {}
