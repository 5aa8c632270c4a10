"""The desk of demonstrations: a prompt, given or one's own, and the answer that the model should have given."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from annotation import blinding
from annotation.answer_forms import LONGEST_RESPONSE, choices_of
from annotation.desks.clocked import ClockedDesk, criteria_typed
from annotation.drafts import Typed
from annotation.models import Demonstration
from annotation.models.prompts import Messages, Prompt
from annotation.protocol import Words
from annotation.saying import submission_key


class DemonstrationDesk(ClockedDesk):
    body = "annotation/parts/demonstrating.html"
    keys = ""
    longest_response = LONGEST_RESPONSE

    @property
    def deed(self) -> str | Promise:
        return _("Write ideal answers")

    @property
    def gives_items(self) -> bool:
        return not self.project.own_prompts

    @property
    def where(self) -> str:
        if self.gives_items or self.is_revising:
            return super().where
        return _("Demonstration %(number)d") % {"number": self.completed_items + 1}

    @property
    def step(self) -> str:
        return super().step if self.place else "prompt"

    @property
    def may_skip(self) -> bool:
        return self.place is not None and not self.place.item.own_prompt

    @property
    def may_edit_prompt(self) -> bool:
        """The prompt is the annotator's own and has not been answered before."""
        return self.place is not None and self.place.item.own_prompt and not self.place.revising

    @property
    def prompt(self) -> Prompt | None:
        return self.place.item.prompt if self.place else None

    @property
    def history(self) -> Messages:
        return blinding.shown_messages(self.prompt.messages[:-1], self.project) if self.prompt else []

    @property
    def risk_categories(self) -> list[tuple[str, Words]]:
        return choices_of(self.rules.risk_categories)

    @property
    def attack_vectors(self) -> list[tuple[str, Words]]:
        return choices_of(self.rules.attack_vectors)

    @property
    def submission(self) -> str:
        return str(submission_key(self.place, Demonstration)) if self.place else ""

    @property
    def said(self) -> Typed:
        written = (
            Demonstration.objects.filter(assignment=self.place, current=True).first() if self.is_revising else None
        )
        return criteria_typed(written) | {"response": written.text} if written else {}
