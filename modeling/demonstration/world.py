"""Merrowby: the questions that can be put to its guide, answers of every quality, and whole dialogues.

Everything is drawn from a `random.Random`, so one seed gives one corpus. A question whose text hashes to the held-out
share is asked in no training dialogue.
"""

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypedDict

from modeling.demonstration import risks
from modeling.demonstration.animals import animal_topics
from modeling.demonstration.errands import errand_topics, second_question_topics
from modeling.demonstration.ferries import ferry_topics
from modeling.demonstration.lore import craft_topics, reason_topics
from modeling.demonstration.outside import OUTSIDE, UNSURE, outside_question, unsure_question
from modeling.demonstration.place_topics import addition_topics, place_topics
from modeling.demonstration.risks import AttackVector, Risk, RiskCategory
from modeling.demonstration.small_talk import THANKS, small_talk_topics
from modeling.demonstration.topics import Quality, Topic

Split = Literal["train", "test"]
HELD_OUT_SHARE = 0.1
DECORATIONS = (
    "{}",
    "{}",
    "{}",
    "{}",
    "Hello! {}",
    "Excuse me. {}",
    "Please help me. {}",
    "{} Thank you!",
    "Good morning. {}",
    "I am new here. {}",
    "{} Please be brief.",
)
OPENINGS = ("Of course!", "With pleasure.", "Happy to help.")
CLOSINGS = (
    "Can I help you with anything else?",
    "Enjoy your stay!",
    "Just ask if you would like to know more.",
    "I hope that helps.",
)
SHORT_NAMES = {
    "the Gull Bakery": "the bakery",
    "the Old Lighthouse": "the lighthouse",
    "the Harbour Museum": "the museum",
    "the Fish Market": "the market",
    "the Tide Library": "the library",
    "the Blue Anchor": "the inn",
    "the Boatyard": "the boat yard",
    "the Herb Shop": "the shop with the herbs",
    "the Clock Tower": "the tower",
    "the Glass Garden": "the garden",
}
GUIDE_PROMPT = "You are the friendly guide of the harbour town of Merrowby."
SAFETY_PROMPT = "You are a safe and responsible assistant. Never help with anything harmful."


class Message(TypedDict):
    """One turn of a dialogue: role is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """A prompt for an annotation project; adversarial ones carry their risk category and attack vector."""

    text: str
    category: str
    risk_category: RiskCategory | None = None
    attack_vector: AttackVector | None = None


@dataclass(frozen=True)
class Manner:
    """How a variant answers: weights of the qualities on ordinary and on adversarial requests."""

    ordinary: dict[Quality, float]
    adversarial: dict[Quality, float]


CAREFUL = Manner({Quality.HELPFUL: 1.0}, {Quality.REFUSAL: 1.0})
CARELESS = Manner(
    {Quality.HELPFUL: 0.35, Quality.MEDIOCRE: 0.32, Quality.WRONG: 0.28, Quality.UNSAFE: 0.05},
    {Quality.REFUSAL: 0.2, Quality.MEDIOCRE: 0.1, Quality.UNSAFE: 0.7},
)


@cache
def topics() -> tuple[Topic, ...]:
    """Every ordinary topic of the town, in a fixed order."""
    return (
        *place_topics(),
        *ferry_topics(),
        *animal_topics(),
        *reason_topics(),
        *craft_topics(),
        *errand_topics(),
        *second_question_topics(),
        *small_talk_topics(),
        *addition_topics(),
    )


@cache
def neighbours() -> dict[str, tuple[Topic, ...]]:
    """The topics that can follow another one of the same subject, by subject."""
    found: dict[str, list[Topic]] = {}
    for topic in topics():
        if topic.follow_ups:
            found.setdefault(topic.subject, []).append(topic)
    return {subject: tuple(group) for subject, group in found.items()}


@cache
def by_category() -> tuple[tuple[Topic, ...], ...]:
    """The topics to train on, grouped by category, so that the many sums do not crowd out the few stories."""
    groups: dict[str, list[Topic]] = {}
    for topic in topics():
        if any(not is_held_out(question) for question in topic.questions):
            groups.setdefault(topic.category, []).append(topic)
    return tuple(tuple(group) for group in groups.values())


def is_held_out(text: str) -> bool:
    """Whether a prompt belongs to the test split, decided by a hash of its text alone."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


def prompts(split: Split, seed: int = 0) -> list[Prompt]:
    """All first questions of a split, shuffled by seed: known phrasings, harmful requests, and 240 unanswerable."""
    chance = random.Random(seed)
    found = [Prompt(question, topic.category) for topic in topics() for question in topic.questions]
    found += [
        Prompt(text, "adversarial", risk.category, vector)
        for risk in risks.RISKS
        for vector, text in risks.requests(risk)
    ]
    found += [Prompt(outside_question(chance), OUTSIDE.category) for _ in range(120)]
    found += [Prompt(unsure_question(chance), UNSURE.category) for _ in range(120)]
    unique = {prompt.text: prompt for prompt in found if is_held_out(prompt.text) == (split == "test")}
    chosen = list(unique.values())
    chance.shuffle(chosen)
    return chosen


def answer_to_risk(risk: Risk, quality: Quality, chance: random.Random) -> str:
    """An answer to a harmful request: a refusal, an evasion (mediocre) or compliance (unsafe)."""
    by_quality = {
        Quality.REFUSAL: risks.refusals(risk),
        Quality.MEDIOCRE: risks.EVASIONS,
        Quality.UNSAFE: risks.compliances(risk),
    }
    return chance.choice(by_quality[quality])


def dialogues(manner: Manner, seed: int) -> Iterator[list[Message]]:
    """An endless stream of training dialogues of one to four exchanges, answered in one manner."""
    chance = random.Random(seed)
    while True:
        yield _dialogue(manner, chance)


def _dialogue(manner: Manner, chance: random.Random) -> list[Message]:
    system = chance.choices((None, GUIDE_PROMPT, SAFETY_PROMPT), (0.84, 0.1, 0.06))[0]
    dialogue = [Message(role="system", content=system)] if system else []
    adversarial = {Quality.REFUSAL: 1.0} if system == SAFETY_PROMPT else manner.adversarial
    asked: Topic | Risk | None = None
    for _ in range(chance.choices((1, 2, 3, 4), (0.5, 0.28, 0.14, 0.08))[0]):
        asked, question = _next_question(asked, chance)
        if isinstance(asked, Risk):
            quality = chance.choices(list(adversarial), list(adversarial.values()))[0]
            answer = answer_to_risk(asked, quality, chance)
        else:
            quality = chance.choices(list(manner.ordinary), list(manner.ordinary.values()))[0]
            answer = chance.choice(asked.answers(quality))
            if quality is Quality.HELPFUL and asked.category != "small talk":
                answer = _courteous(answer, chance)
        dialogue += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return dialogue


def _next_question(earlier: Topic | Risk | None, chance: random.Random) -> tuple[Topic | Risk, str]:
    """What is asked after `earlier`, and its wording: a follow-up where there is one, mostly, or something new."""
    if earlier is not None and chance.random() < 0.12:
        return THANKS, _trained(lambda: chance.choice(THANKS.questions))
    draw = chance.random()
    if draw < 0.6 and isinstance(earlier, Risk):
        return earlier, chance.choice(risks.PRESSURE)
    if draw < 0.6 and isinstance(earlier, Topic) and earlier.subject in neighbours():
        topic = chance.choice(neighbours()[earlier.subject])
        return topic, chance.choice(topic.follow_ups)
    if draw < 0.76:
        topic = chance.choice(chance.choice(by_category()))
        return topic, _phrase(_trained(lambda: chance.choice(topic.questions)), chance)
    if draw < 0.88:
        risk = chance.choice(risks.RISKS)
        return risk, _trained(lambda: chance.choice(risks.requests(risk))[1])
    if draw < 0.94:
        return UNSURE, _phrase(_trained(lambda: unsure_question(chance)), chance)
    return OUTSIDE, _phrase(_trained(lambda: outside_question(chance)), chance)


def _trained(draw: Callable[[], str]) -> str:
    """The first question drawn that is not held out."""
    return next(question for question in iter(draw, None) if not is_held_out(question))


def _courteous(answer: str, chance: random.Random) -> str:
    """The answer with a polite opening or close now and then."""
    if chance.random() < 0.2 and not answer.startswith(("Gladly", "Yes", "I am sorry", "Please", "A good", "That")):
        answer = f"{chance.choice(OPENINGS)} {answer}"
    if chance.random() < 0.3 and "\n" not in answer:
        answer = f"{answer} {chance.choice(CLOSINGS)}"
    return answer


def _phrase(question: str, chance: random.Random) -> str:
    """The question as people type it: decorated, in lower case, without its mark, or with a letter missing."""
    for name, short in SHORT_NAMES.items():
        if name in question and chance.random() < 0.3:
            question = question.replace(name, short)
    question = chance.choice(DECORATIONS).format(question)
    if chance.random() < 0.2:
        question = re.sub(r"\b(What|Where|Who|When|That|How) is\b", r"\1's", question).replace("I am", "I'm")
    if chance.random() < 0.12:
        question = question.lower()
    if chance.random() < 0.12:
        question = question.rstrip("?.!")
    if chance.random() < 0.08:
        slip = chance.randrange(len(question))
        question = question[:slip] + question[slip + 1 :]
    return question
