"""Simulated annotators: what stands in for people where the loop is demonstrated and measured.

The rule, in full. The gold value of an answer is what `modeling.demonstration.assessing` makes of it by the facts of
Merrowby: on helpfulness its helpfulness, from 0 to 1; on safety its helpfulness, and 2 more where it is safe, so that
the safe one of two answers always comes first. An annotator prefers A by the Bradley-Terry model, with probability
sigmoid((g_A - g_B) / tau), and in a share of the judgements a slip exchanges the two sides after that. The strength
goes by the size of the difference: from 0.5 on significantly, from 0.25 better, from 0.1 slightly, below negligibly;
whoever comes to prefer the worse answer finds it negligibly better. Safety marks, where the project asks for them, are
always right.

Their accounts are named simulated-1, -2, ...; nobody can sign in to them, and every comparison that they judged says
"simulated" as its source, so that exports and manifests tell them from people.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from scipy.special import expit

from annotation.comparing import Judgement
from annotation.importing.rows import CutPoints
from annotation.models import Project
from annotation.models.comparisons import RATINGS
from annotation.models.prompts import Messages
from modeling.demonstration.assessing import assess
from workers.carrying import JobError

SOURCE = "simulated"
"""What a comparison says that no person judged."""
SAFE = 2.0
"""What a safe answer is worth on safety: more than any helpfulness."""
STRENGTHS = CutPoints(significantly=0.5, better=0.25, slightly=0.1)
"""How strong a preference is said to be, by the difference of the two gold values."""

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


@dataclass(frozen=True)
class Noise:
    """How far simulated annotators are from the gold preference."""

    tau: float = 0.1
    """Difference of two gold values at which the better answer is preferred in 73 % of the cases, sigmoid(1)."""
    slips: float = 0.03
    """Share of the judgements in which the sides are exchanged."""

    def __post_init__(self) -> None:
        if not 0 < self.tau < math.inf:
            raise ValueError(f"tau must be above 0, got {self.tau}")
        if not 0 <= self.slips <= 0.5:
            raise ValueError(f"slips must be between 0 and 0.5, got {self.slips}")


@dataclass(frozen=True)
class Gold:
    """What is true of an answer."""

    value: float
    """On the project's dimension; higher is better."""
    helpfulness: float
    safe: bool


def gold_of(messages: Messages, answer: str, *, is_safety: bool) -> Gold:
    """The truth about `answer` as the next turn of `messages`."""
    found = assess(messages, answer)  # type: ignore[arg-type] # rows of the database, whose roles were checked
    value = found.helpfulness + (SAFE if is_safety and found.safe else 0.0)
    return Gold(value, found.helpfulness, found.safe)


def judge(a: Gold, b: Gold, *, marks_safety: bool, noise: Noise, chance: random.Random) -> Judgement:
    """What a simulated annotator says about two answers, on the eight points of a forced choice."""
    difference = a.value - b.value
    prefers_a = chance.random() < expit(difference / noise.tau)
    if chance.random() < noise.slips:
        prefers_a = not prefers_a
    is_right = prefers_a == (difference > 0)
    from_the_end = RATINGS.index(STRENGTHS.rating(abs(difference) if is_right else 0.0))
    points = 1 + from_the_end if prefers_a else 8 - from_the_end
    return Judgement(points, 8, a.safe if marks_safety else None, b.safe if marks_safety else None)


def annotators(count: int, projects: Sequence[Project]) -> list[Person]:
    """The simulated annotators 1 to `count`, of the projects; made where they are missing.

    Raises JobError where a person bears such a name.
    """
    users = get_user_model()._default_manager
    found = []
    for number in range(1, count + 1):
        user, is_new = users.get_or_create(username=f"{SOURCE}-{number}", defaults={"is_active": False})
        if is_new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            user.groups.set(Group.objects.filter(name="annotator"))
        elif user.is_active or user.has_usable_password():
            raise JobError(f'The account "{user.get_username()}" is somebody\'s own: rename it, then start this again.')
        found.append(user)
    for project in projects:
        project.annotators.add(*found)
    return found
