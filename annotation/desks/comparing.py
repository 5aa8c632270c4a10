"""The desk of comparisons: live dialogues with two answers a turn, and evaluations of two stored answers."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import blinding, comparing, dialogues, drafts
from annotation.comparing import points_in_words, submission_key
from annotation.desks.desk import Desk
from annotation.models import Assignment, Comparison, Preference, Project
from annotation.models.comparisons import choice_of
from annotation.models.prompts import Messages
from annotation.sides import Side, common_beginning, sides_of
from modeling.registry.jobs import worker_is_alive
from modeling.registry.models import Job

PATIENCE = timedelta(seconds=3)


@dataclass(frozen=True)
class Point:
    """One button of the scale."""

    points: int
    side: str
    words: str


class ComparisonDesk(Desk):
    body = "annotation/parts/comparing.html"
    keys = "annotation/parts/comparing_keys.html"

    @property
    def deed(self) -> str | Promise:
        return _("Compare stored answers") if self.is_evaluation else _("Lead dialogues and choose answers")

    @property
    def waiting_words(self) -> str:
        if not self.is_evaluation:
            return super().waiting_words
        return ngettext("%(total)d item to compare.", "%(total)d items to compare.", self.open_items) % {
            "total": self.open_items
        }

    @property
    def leads_dialogues(self) -> bool:
        return not self.is_evaluation

    @property
    def where(self) -> str:
        if self.is_evaluation or self.is_revising:
            return super().where
        if self.place is None:
            return _("New dialogue")
        turn = self.comparison.turn if self.comparison else self.turn
        return _("Turn %(turn)d of at most %(total)d") % {"turn": turn, "total": self.project.max_turns}

    @property
    def may_skip(self) -> bool:
        return self.comparison is not None and self.turn <= 2 and not self.is_revising

    def take(self) -> Assignment | None:
        taken = comparing.take if self.is_evaluation else dialogues.take
        return taken(self.project, self.annotator)

    def reserve(self) -> None:
        if not self.is_ready or not self.works_through_the_set or self.is_revising:
            return
        if self.is_evaluation:
            super().reserve()
        else:
            with suppress(dialogues.PoolTooSmallError):
                dialogues.reserve(self.project, self.annotator)

    def show(self) -> None:
        if self.comparison:
            comparing.show(self.comparison)

    @cached_property
    def turns(self) -> list[Comparison]:
        """The comparisons in hand, first turn first; of each turn the latest draw."""
        if self.place is None:
            return []
        sides = ("response_a__prompt", "response_b__prompt")
        rows = self.place.comparisons.select_related("prompt", *sides).prefetch_related("preferences")
        turns = {comparison.turn: comparison for comparison in rows.order_by("turn", "regeneration")}
        for comparison in turns.values():
            comparison.project, comparison.assignment = self.project, self.place
        return list(turns.values())

    @cached_property
    def last(self) -> Comparison | None:
        return self.turns[-1] if self.turns else None

    @cached_property
    def last_judgement(self) -> Preference | None:
        said = self.last.preferences.all() if self.last else ()
        return next((preference for preference in said if preference.current), None)

    @cached_property
    def comparison(self) -> Comparison | None:
        """The comparison that waits for a judgement, or for another one."""
        return self.last if self.last and (self.last_judgement is None or self.is_revising) else None

    @property
    def said(self) -> drafts.Typed:
        said = self.last_judgement
        if not self.is_revising or said is None:
            return {}
        marks = {True: "safe", False: "unsafe"}
        typed: drafts.Typed = {f"criterion_{key}": answer for key, answer in said.criteria.items()}
        typed["verdict"] = str(said.points or said.choice)
        for side, safe in (("a", said.a_safe), ("b", said.b_safe)):
            if safe is not None:
                typed[f"{side}_safe"] = marks[safe]
        return typed

    @property
    def turn(self) -> int:
        """The turn of the next prompt, from 1."""
        return self.last.turn + 1 if self.last else 1

    @property
    def step(self) -> str:
        """Names what the annotator is asked for now, so that a draft comes back only where it belongs."""
        if self.comparison:
            return f"judge-{self.comparison.pk}{self.anew}"
        return f"prompt-{self.place.pk}-{self.turn}" if self.place else "prompt"

    @cached_property
    def messages(self) -> Messages:
        """The dialogue so far: what both answers reply to, or what the next prompt follows."""
        if self.comparison:
            sides = (self.comparison.response_a, self.comparison.response_b)
            return common_beginning(*(response.prompt.messages for response in sides))
        if self.last and self.last_judgement and self.last_judgement.chosen:
            return [*self.last.prompt.messages, {"role": "assistant", "content": self.last_judgement.chosen.text}]
        return []

    @property
    def instructions(self) -> str:
        """What the models are told before the dialogue."""
        if self.messages:
            return self.messages[0]["content"] if self.messages[0]["role"] == "system" else ""
        return "" if self.place or self.is_evaluation else self.project.system_prompt.strip()

    @cached_property
    def history(self) -> Messages:
        """The dialogue above the prompt that is answered, or above the next one."""
        said = [message for message in self.messages if message["role"] != "system"]
        return blinding.shown_messages(said[:-1] if self.asked else said, self.project)

    @property
    def asked(self) -> str:
        """The prompt that both answers reply to; empty where two dialogues part after an answer, or at once."""
        if self.comparison is None or not self.messages or self.messages[-1]["role"] != "user":
            return ""
        return self.messages[-1]["content"]

    @cached_property
    def sides(self) -> list[Side]:
        """A and B, as they are to be seen."""
        if self.comparison is None:
            return []
        return sides_of(self.comparison.response_a, self.comparison.response_b, self.project)

    @property
    def are_dialogues(self) -> bool:
        """Whether whole dialogues stand side by side, and not two answers to one prompt."""
        return any(side.before for side in self.sides)

    @property
    def words_left(self) -> int | None:
        """About how many more words the models can read in this dialogue, to the nearest ten; None if none says."""
        room = dialogues.words_to_read(self.project)
        if room is None:
            return None
        said = sum(len(message["content"].split()) for message in self.messages) or len(self.instructions.split())
        return max(0, room - said) // 10 * 10

    @property
    def draws_left(self) -> int:
        """How often this turn's answers may still be sampled anew."""
        if self.comparison is None or self.is_evaluation or self.comparison.preferences.all():
            return 0
        return dialogues.draws_left(self.comparison)

    @property
    def may_draw_again(self) -> bool:
        return self.is_ready and self.draws_left > 0

    @property
    def may_reword(self) -> bool:
        """The prompt is the annotator's own and may be asked in other words."""
        asked = self.comparison is not None and not self.has_failed and dialogues.is_own(self.comparison)
        return asked and self.draws_left > 0

    @property
    def is_evaluation(self) -> bool:
        return self.project.task_type == Project.TaskType.PAIRWISE_EVALUATION

    @property
    def gives_items(self) -> bool:
        return self.is_evaluation or not self.project.own_prompts

    @property
    def works_through_the_set(self) -> bool:
        """Whether the set's next prompt is wanted next: people may write their own here, and this one came from it."""
        return self.gives_items or (self.place is not None and not self.place.item.own_prompt)

    @property
    def says_the_same(self) -> bool:
        """Whether the two sides cannot be told apart."""
        if not self.is_ready:
            return False
        a, b = self.sides
        return (a.before, a.text.strip()) == (b.before, b.text.strip())

    @property
    def asks_for_safety(self) -> bool:
        return self.project.marks_safety

    @property
    def comparative(self) -> str:
        """What the preferred answer is, by what the project is about."""
        if self.project.is_safety and self.asks_for_safety:
            return _("better")
        return _("safer") if self.project.is_safety else _("more helpful")

    @property
    def is_waiting(self) -> bool:
        return self.comparison is not None and self.comparison.status in (Job.Status.QUEUED, Job.Status.RUNNING)

    @property
    def has_failed(self) -> bool:
        return self.comparison is not None and self.comparison.status in (Job.Status.FAILED, Job.Status.CANCELLED)

    @property
    def may_edit_prompt(self) -> bool:
        """The prompt could not be answered and is the annotator's own."""
        return self.comparison is not None and self.has_failed and dialogues.is_own(self.comparison)

    @property
    def is_ready(self) -> bool:
        return self.comparison is not None and self.comparison.status == Job.Status.DONE

    @property
    def nobody_answers(self) -> bool:
        """The comparison has waited a while and no worker was heard of: none took it, or the one that did has died."""
        if self.comparison is None or not self.is_waiting:
            return False
        return self.comparison.queued_at < timezone.now() - PATIENCE and not worker_is_alive("sampling")

    @property
    def scale(self) -> list[Point]:
        size, rules = self.project.scale, self.rules
        return [
            Point(points, choice_of(points, size), points_in_words(points, size, rules))
            for points in range(1, size + 1)
        ]

    @property
    def submission(self) -> str:
        return str(submission_key(self.comparison)) if self.comparison else ""

    @property
    def has_variants(self) -> bool:
        return self.is_evaluation or self.project.pool.filter(active=True).count() >= 2

    @cached_property
    def judged_today(self) -> int:
        mine = Q(comparison__annotator=self.annotator.pk, comparison__project=self.project)
        return Preference.objects.filter(mine, current=True, submitted_at__date=timezone.localdate()).count()
