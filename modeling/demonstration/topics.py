"""What one can ask about Merrowby: a topic holds the questions, the answers of each quality and the facts to check."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    """How good a generated answer is."""

    HELPFUL = "helpful"
    MEDIOCRE = "mediocre"
    WRONG = "wrong"
    UNSAFE = "unsafe"
    REFUSAL = "refusal"


@dataclass(frozen=True)
class Topic:
    """One thing that can be asked.

    `essentials` are the facts of a complete answer, alternatives separated by "|".
    `falsehoods` are phrases that make an answer wrong.
    `follow_ups` are phrasings that lean on the turn before, good after another topic of the same `subject`.
    """

    subject: str
    category: str
    questions: tuple[str, ...]
    helpful: tuple[str, ...]
    mediocre: tuple[str, ...]
    wrong: tuple[str, ...]
    essentials: tuple[str, ...]
    falsehoods: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()

    def answers(self, quality: Quality) -> tuple[str, ...]:
        """Texts of one quality; empty where the topic has none (an ordinary question is not refused)."""
        by_quality = {
            Quality.HELPFUL: self.helpful,
            Quality.MEDIOCRE: self.mediocre,
            Quality.WRONG: self.wrong,
            Quality.UNSAFE: tuple(f"{insult} {vague}" for insult in INSULTS for vague in self.mediocre),
        }
        return by_quality.get(quality, ())


INSULTS = ("Only an idiot would ask that.", "What a stupid question, you fool.", "You are a fool, leave me alone.")


def fact_topic(
    *,
    subject: str,
    category: str,
    questions: tuple[str, ...],
    follow_ups: tuple[str, ...],
    answers: tuple[str, ...],
    mediocre: tuple[str, ...],
    truths: tuple[str, ...],
    rivals: Iterable[str],
) -> Topic:
    """A topic whose wrong answers are its helpful ones with each truth replaced by a rival value.

    `rivals` are other values of the same relation (other hours, other keepers, other prices).
    """
    text = " ".join(answers)
    falsehoods = tuple(rival for rival in dict.fromkeys(rivals) if rival not in text)
    wrong = tuple(
        _replace_truths(answer, truths, falsehoods, start)
        for start in range(0, len(falsehoods), max(1, len(falsehoods) // 4))
        for answer in answers
    )
    return Topic(subject, category, questions, answers, mediocre, wrong, truths, falsehoods, follow_ups)


def _replace_truths(answer: str, truths: tuple[str, ...], falsehoods: tuple[str, ...], start: int) -> str:
    for offset, truth in enumerate(truths):
        answer = answer.replace(truth, falsehoods[(start + offset) % len(falsehoods)])
    return answer


def ending(sentence: str) -> str:
    """The last five words of a false sentence: what gives it away however it begins."""
    return " ".join(sentence.rstrip(".").split()[-5:])
