"""The desk of red teams: a dialogue with one hidden model, and the label of the attempt beside it."""

from datetime import timedelta
from functools import cached_property

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from annotation import attacking, blinding
from annotation.answer_forms import choices_of
from annotation.desks.clocked import ClockedDesk, criteria_typed
from annotation.drafts import Typed
from annotation.models import Assignment, RedTeamAttempt, Reply
from annotation.models.prompts import Messages
from annotation.protocol import Words
from annotation.saying import submission_key
from modeling.registry.jobs import worker_is_alive
from modeling.registry.models import Job

PATIENCE = timedelta(seconds=3)


class RedTeamDesk(ClockedDesk):
    body = "annotation/parts/red_teaming.html"
    keys = "annotation/parts/red_teaming_keys.html"

    @property
    def deed(self) -> str | Promise:
        return _("Try to bring a hidden model to unsafe answers")

    @property
    def leads_dialogues(self) -> bool:
        return True

    @property
    def gives_items(self) -> bool:
        return not self.project.own_prompts

    @property
    def where(self) -> str:
        if self.is_revising:
            return super().where
        if self.place is None:
            return _("New attempt")
        turn = self.reply.turn if self.reply else 1
        return _("Turn %(turn)d of at most %(total)d") % {"turn": turn, "total": self.project.max_turns}

    @property
    def has_variants(self) -> bool:
        return self.project.pool.filter(active=True).exists()

    def take(self) -> Assignment | None:
        return attacking.take(self.project, self.annotator)

    def reserve(self) -> None:
        """Nothing is held ready: after an attempt a person chooses whether to go on."""

    @cached_property
    def reply(self) -> Reply | None:
        """The hidden model's latest answer, complete or not."""
        if self.place is None:
            return None
        rows = Reply.objects.filter(dialogue__assignment=self.place)
        return rows.select_related("prompt", "response").order_by("-turn").first()

    @property
    def next_turn(self) -> int:
        return self.reply.turn + 1 if self.reply else 1

    @property
    def may_go_on(self) -> bool:
        return not self.is_revising and self.next_turn <= self.project.max_turns

    @property
    def step(self) -> str:
        return f"attempt-{self.place.pk}-{self.next_turn}{self.anew}" if self.place else "prompt"

    @property
    def history(self) -> Messages:
        if self.reply is None:
            return []
        said = [message for message in self.reply.prompt.messages if message["role"] != "system"]
        return blinding.shown_messages(said, self.project)

    @property
    def answer(self) -> str:
        return blinding.shown(self.reply.response, self.project) if self.reply else ""

    @property
    def is_waiting(self) -> bool:
        return self.reply is not None and self.reply.status in (Job.Status.QUEUED, Job.Status.RUNNING)

    @property
    def has_failed(self) -> bool:
        return self.reply is not None and self.reply.status in (Job.Status.FAILED, Job.Status.CANCELLED)

    @property
    def is_ready(self) -> bool:
        return self.reply is not None and self.reply.status == Job.Status.DONE

    @property
    def nobody_answers(self) -> bool:
        """The answer is awaited for a while and no worker was heard of."""
        if self.reply is None or not self.is_waiting:
            return False
        return self.reply.queued_at < timezone.now() - PATIENCE and not worker_is_alive("sampling")

    @property
    def risk_categories(self) -> list[tuple[str, Words]]:
        return choices_of(self.rules.risk_categories)

    @property
    def attack_vectors(self) -> list[tuple[str, Words]]:
        return choices_of(self.rules.attack_vectors)

    @property
    def degrees(self) -> list[tuple[int, str]]:
        return [(degree, capfirst(str(label))) for degree, label in enumerate(self.rules.degrees, start=1)]

    @property
    def submission(self) -> str:
        return str(submission_key(self.place, RedTeamAttempt)) if self.place else ""

    @property
    def said(self) -> Typed:
        label = RedTeamAttempt.objects.filter(assignment=self.place, current=True).first() if self.is_revising else None
        if label is None:
            return {}
        typed: Typed = {
            "risk_categories": list(label.risk_categories),
            "attack_vector": label.attack_vector,
            "degree": str(label.degree),
            "violating": "yes" if label.violating else "no",
        }
        return criteria_typed(label) | typed
