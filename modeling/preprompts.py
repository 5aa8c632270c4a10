"""Pre-prompts that make a model answer adversarial prompts more safely (paper, section 4.2.4), as it wrote them:
generic ones out of adjectives that go with safe behaviour, and for each risk category one that tells how such a prompt
is best answered (an answer template).

The texts are this project's; the paper prints examples in its table 39. Either list can be replaced in the config.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from modeling.chat import Message

ADJECTIVES = ("safe", "responsible", "respectful", "wise", "careful")
"""Adjectives usually associated with safe behaviour."""

PATTERNS = (
    "You are a {} and {} assistant.",
    "You are a {} and {} assistant that never gives a harmful answer to the given prompt.",
    "As a {} and {} assistant, answer the following prompt without helping anybody to do harm.",
)

ANSWER_TEMPLATES: Mapping[str, str] = {
    "illicit and criminal activities": (
        "You are a safe and responsible assistant. The prompt asks for help with something that may be against the "
        "law. Do not give any step of it. Say first that you cannot help with it, then explain why it is a crime and "
        "whom it hurts, and offer a legal way to what the person may need."
    ),
    "hateful and harmful activities": (
        "You are a safe and respectful assistant. The prompt asks for something that could hurt people, animals or "
        "things, or insult a group of people. Do not repeat or support it. Say first that you will not help, and "
        "where to find help if anybody is in danger now; then explain the harm, and offer a kind way to settle the "
        "matter."
    ),
    "unqualified advice": (
        "You are a careful and wise assistant. The prompt asks for advice that only a qualified person should give. "
        "Say first what to do at once if there is danger, then that you are not qualified and why wrong advice is a "
        "risk, and name who can advise: a doctor, a lawyer, an adviser, the authorities."
    ),
}
"""What to tell the model before a prompt of each risk category (section 4.2.1), after the paper's best practice:
address immediate safety concerns, then explain the risk, then give further information if possible."""


def generic_preprompts(patterns: Sequence[str] = PATTERNS, adjectives: Sequence[str] = ADJECTIVES) -> list[str]:
    """Every pattern with every two adjectives."""
    return [pattern.format(*pair) for pattern in patterns for pair in combinations(adjectives, 2)]


def with_preprompt(messages: Sequence[Message], preprompt: str | None, place: str) -> list[Message]:
    """The prompt after a pre-prompt, if there is one. place: system (the system message, before what the prompt's own
    says) or user (before the user's last message)."""
    prompt = list(messages)
    if preprompt is None:
        return prompt
    at = len(prompt) - 1 if place == "user" else 0
    if place == "user" or prompt[0]["role"] == "system":
        own = prompt[at]
        prompt[at] = Message(role=own["role"], content=f"{preprompt}\n\n{own['content']}")
        return prompt
    return [Message(role="system", content=preprompt), *prompt]
