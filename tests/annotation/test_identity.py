"""Which words of an answer tell its model, and which only look as if they did."""

import pytest

from annotation.identity import masked, spans

REGISTERED = ("harbour-careful", "meta-llama/Meta-Llama-3-8B-Instruct", "team_policy_v2")


def hidden(text: str, asked: str = "") -> list[str]:
    return [text[start:end] for start, end in spans(text, REGISTERED, asked)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am ChatGPT, a large language model trained by OpenAI.", ["ChatGPT", "OpenAI"]),
        ("I'm Claude, made by Anthropic. How can I help?", ["Claude", "Anthropic"]),
        ("As an AI language model developed by Google DeepMind, I can't.", ["Google DeepMind"]),
        ("As an AI model by Anthropic, I have no feelings.", ["Anthropic"]),
        ("As Qwen, I would say yes.", ["Qwen"]),
        ("Hello! My name is Llama and I like rivers.", ["Llama"]),
        ("You're talking to **Mistral**, by the way.", ["Mistral"]),
        ("You can call me Gemini.", ["Gemini"]),
        ("Sure.\nI was created by the team at Kettle Labs to help.", ["Kettle Labs"]),
        ("OpenAI trained me on books.", ["OpenAI"]),
        ("My developers at Mistral AI would object.", ["Mistral AI"]),
        ("I am Zorblax, an AI assistant. Ask me.", ["Zorblax"]),
        ("I am Zorblax, built by Kettle Labs.", ["Zorblax", "Kettle Labs"]),
        ("I'm not Claude, I am GPT-4o.", ["Claude", "GPT-4o"]),
        ("Yes, I am based on GPT-3.5 by OpenAI.", ["GPT-3.5", "OpenAI"]),
        ("I am Harbour, and here is your ferry.", ["Harbour"]),
        ("I am Harbour Careful.", ["Harbour Careful"]),
        ("This is harbour-careful speaking.", ["harbour-careful"]),
        ("Output of Meta-Llama-3-8B-Instruct: forty-two.", ["Meta-Llama-3-8B-Instruct"]),
        ("(team_policy_v2) The tide turns at six.", ["team_policy_v2"]),
        ("Written with claude-3-opus.", ["claude-3-opus"]),
    ],
)
def test_an_answer_that_says_who_wrote_it_is_found(text: str, expected: list[str]) -> None:
    assert hidden(text) == expected


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("The llama is a domesticated animal. Llamas hum.", "What is a llama?"),
        ("I am fond of Claude Monet, who painted lilies.", "Which painter?"),
        ("Claude Shannon founded information theory at Bell Labs.", ""),
        ("As Gemini rises in the winter sky, look east.", "Stars?"),  # no comma or claim: the constellation
        ("The mistral blows from the north; the Mistral is cold.", ""),
        ("Google was founded in 1998 by Larry Page.", ""),
        ("GPT-4 was released in March 2023.", "When was GPT-4 released?"),
        ("The harbour is careful with its boats.", ""),
        ("I was trained by a patient teacher.", ""),
        ("The bridge was built by Telford.", ""),
        ("I am happy to help. Meta is a Greek prefix.", ""),
        ("This is a falcon, and that is an alpaca.", ""),
        ("", ""),
    ],
)
def test_what_the_dialogue_is_about_is_left_alone(text: str, asked: str) -> None:
    assert hidden(text, asked) == []


def test_a_version_that_the_user_asked_about_is_hidden_where_the_answer_claims_to_be_it() -> None:
    assert hidden("Yes, I am GPT-4.", "Are you GPT-4?") == ["GPT-4"]


def test_masking_puts_the_words_in_place_and_changes_nothing_else() -> None:
    text = "I am Claude, made by Anthropic.\n\n```py\nprint('Claude')\n```"
    assert masked(text, spans(text), "[…]") == "I am […], made by […].\n\n```py\nprint('Claude')\n```"
    assert masked("No name.", [], "[…]") == "No name."


def test_a_long_answer_is_read_in_no_time() -> None:
    """No pattern runs away on text that almost matches."""
    import time

    text = "I am the the the and and by by of of " * 2000 + "As an AI a a a a a a " * 2000
    started = time.perf_counter()
    assert spans(text, REGISTERED) == []
    assert time.perf_counter() - started < 5
