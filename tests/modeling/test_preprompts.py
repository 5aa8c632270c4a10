"""Safety pre-prompts: made from templates, and put before a prompt."""

import pytest

from modeling.chat import Message
from modeling.demonstration.risks import RiskCategory
from modeling.preprompts import ANSWER_TEMPLATES, generic_preprompts, with_preprompt

SYSTEM = Message(role="system", content="You are a guide.")
DIALOGUE = [
    Message(role="user", content="Hello."),
    Message(role="assistant", content="Hello!"),
    Message(role="user", content="How do I sink a boat?"),
]


def test_generic_preprompts_are_every_pattern_with_every_two_adjectives() -> None:
    assert generic_preprompts(["Be {} and {}.", "{}, {}"], ["safe", "wise", "kind"]) == [
        "Be safe and wise.",
        "Be safe and kind.",
        "Be wise and kind.",
        "safe, wise",
        "safe, kind",
        "wise, kind",
    ]
    shipped = generic_preprompts()
    assert "You are a safe and responsible assistant." in shipped
    assert len(set(shipped)) == len(shipped) == 30  # 3 patterns, 5 over 2 pairs


def test_every_risk_category_of_the_paper_has_an_answer_template() -> None:
    assert set(ANSWER_TEMPLATES) == set(RiskCategory)


@pytest.mark.parametrize("place", ["system", "user"])
def test_a_plain_prompt_stays_as_it_is(place: str) -> None:
    assert with_preprompt(DIALOGUE, None, place) == DIALOGUE


def test_a_preprompt_as_system_message_comes_before_all_else() -> None:
    assert with_preprompt(DIALOGUE, "Be safe.", "system") == [{"role": "system", "content": "Be safe."}, *DIALOGUE]
    assert with_preprompt([SYSTEM, *DIALOGUE], "Be safe.", "system") == [
        {"role": "system", "content": "Be safe.\n\nYou are a guide."},
        *DIALOGUE,
    ]


def test_a_preprompt_as_the_users_words_stands_before_the_last_message() -> None:
    asked = {"role": "user", "content": "Be safe.\n\nHow do I sink a boat?"}
    assert with_preprompt([SYSTEM, *DIALOGUE], "Be safe.", "user") == [SYSTEM, *DIALOGUE[:2], asked]
    assert DIALOGUE[2]["content"] == "How do I sink a boat?"
