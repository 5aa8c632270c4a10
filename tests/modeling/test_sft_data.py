"""Which tokens of a dialogue are learned, and which dialogues can be learned from at all."""

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from modeling.chat import Message, encode_dialogue, encode_prompt, encode_turns
from modeling.checkpoints import Policy, load_tokenizer
from modeling.demonstration import CARELESS_NAME, CHECKPOINTS
from modeling.json_lines import DataError
from modeling.sft_data import Demonstration, check_separate, encode, read_demonstrations
from tests.modeling.conftest import write_jsonl

DIALOGUE = [
    Message(role="system", content="be kind"),
    Message(role="user", content="the tree"),
    Message(role="assistant", content="dig a hole"),
    Message(role="user", content="why"),
    Message(role="assistant", content="water"),
]
REASONING_TEMPLATE = """\
{%- for m in messages -%}
{%- if m.role == 'assistant' -%}
{{- ' ' + (m.content if loop.last else m.content.split('</think>')[-1]) + eos_token -}}
{%- else -%}
{{- bos_token + m.content + ' :' -}}
{%- endif -%}
{%- endfor -%}
"""
"""As some models' templates do, it forgets what earlier answers were thought to be."""


@pytest.fixture
def tokenizer(policy: Policy) -> PreTrainedTokenizerBase:
    return policy.tokenizer


def texts(tokenizer: PreTrainedTokenizerBase, ids: list[int], trained: list[bool]) -> list[tuple[bool, str]]:
    """The dialogue as runs of trained and untrained text."""
    runs: list[tuple[bool, list[int]]] = []
    for token, is_trained in zip(ids, trained, strict=True):
        if not runs or runs[-1][0] != is_trained:
            runs.append((is_trained, []))
        runs[-1][1].append(token)
    return [(is_trained, tokenizer.decode(part).strip()) for is_trained, part in runs]


def test_answers_are_learned_up_to_the_end_of_their_turn_and_nothing_else(tokenizer: PreTrainedTokenizerBase) -> None:
    (part,) = encode_turns(tokenizer, DIALOGUE)
    assert texts(tokenizer, part.ids, part.trained) == [
        (False, "<s>[INST] <<SYS>>\nbe kind\n<</SYS>>\n\nthe tree [/INST]"),
        (True, "dig a hole </s>"),
        (False, "<s>[INST] why [/INST]"),
        (True, "water </s>"),
    ]


def test_of_the_last_turn_alone_earlier_answers_are_not_learned(tokenizer: PreTrainedTokenizerBase) -> None:
    (part,) = encode_turns(tokenizer, DIALOGUE, only_last=True)
    assert [text for trained, text in texts(tokenizer, part.ids, part.trained) if trained] == ["water </s>"]


@pytest.mark.parametrize("shipped", [False, True])
def test_every_answer_has_the_tokens_that_the_model_would_have_written(policy: Policy, shipped: bool) -> None:
    tokenizer = load_tokenizer(CHECKPOINTS / CARELESS_NAME) if shipped else policy.tokenizer
    (part,) = encode_turns(tokenizer, DIALOGUE)
    for end in (3, 5):
        prompt = encode_prompt(tokenizer, DIALOGUE[: end - 1])
        answer = encode_dialogue(tokenizer, DIALOGUE[:end]).answer
        assert part.ids[: len(prompt) + len(answer)] == prompt + answer
        assert part.trained[len(prompt) : len(prompt) + len(answer)] == [True] * len(answer)
        assert answer[-1] == tokenizer.eos_token_id
    assert sum(part.trained) == sum(len(encode_dialogue(tokenizer, DIALOGUE[:end]).answer) for end in (3, 5))


def test_an_answer_that_the_template_later_shortens_is_learned_as_it_was_written(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    messages = [
        Message(role="user", content="the tree"),
        Message(role="assistant", content="the sun</think>dig"),
        Message(role="user", content="why"),
        Message(role="assistant", content="rain</think>water"),
    ]
    tokenizer.chat_template = REASONING_TEMPLATE
    try:
        first, second = (texts(tokenizer, *part) for part in encode_turns(tokenizer, messages))
    finally:
        tokenizer.chat_template = None
    assert first == [(False, "<s>the tree :"), (True, "the sun</think>dig</s>")]
    assert second == [(False, "<s>the tree : dig</s><s>why :"), (True, "rain</think>water</s>")]


def test_what_the_template_writes_after_the_end_of_a_turn_is_not_learned(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}{{ bos_token + m.role + '\n' + m.content + eos_token + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ bos_token + 'assistant\n' }}{% endif %}"
    )
    try:
        (part,) = encode_turns(tokenizer, DIALOGUE)
        found = texts(tokenizer, *part)
    finally:
        tokenizer.chat_template = None
    assert found == [
        (False, "<s>system\nbe kind</s>\n<s>user\nthe tree</s>\n<s>assistant"),
        (True, "dig a hole</s>"),
        (False, "<s>user\nwhy</s>\n<s>assistant"),
        (True, "water</s>"),
    ]


def test_a_dialogue_that_is_too_long_keeps_its_newest_turns_and_its_system_message(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    long = Demonstration("a", DIALOGUE)
    (whole,) = encode(tokenizer, [long], 200).examples
    found = encode(tokenizer, [long, Demonstration("b", DIALOGUE[1:3])], len(whole) - 1)
    assert found.cut == 1
    cut, short = found.examples
    assert texts(tokenizer, cut.ids.tolist(), cut.trained.tolist()) == [
        (False, "<s>[INST] <<SYS>>\nbe kind\n<</SYS>>\n\nwhy [/INST]"),
        (True, "water </s>"),
    ]
    assert texts(tokenizer, short.ids.tolist(), short.trained.tolist())[-1] == (True, "dig a hole </s>")
    assert found.tokens == len(cut) + len(short)


def test_an_exchange_that_is_too_long_alone_keeps_its_newest_question_and_the_beginning_of_its_answer(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    def cut(prompt: str, answer: str) -> list[tuple[bool, str]]:
        messages = [Message(role="user", content=prompt), Message(role="assistant", content=answer)]
        found = encode(tokenizer, [Demonstration("a", messages)], 24)
        assert (found.cut, len(found.examples[0])) == (1, 24)
        return texts(tokenizer, found.examples[0].ids.tolist(), found.examples[0].trained.tolist())

    prompt, answer = cut("tree " * 30, "dig a hole")
    assert prompt[1].startswith("<s>")
    assert prompt[1].endswith("tree [/INST]")
    assert answer == (True, "dig a hole </s>")
    prompt, answer = cut("the tree", "dig " * 60)
    assert answer[1].startswith("dig dig")
    assert not answer[1].endswith("</s>")  # the model isn't taught to stop where the room ended


def test_dialogues_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    first = {"messages": DIALOGUE, "trained_turns": "last", "id": "d1", "source": "world"}
    write_jsonl(path, [first, "", {"messages": DIALOGUE[1:3]}])
    assert read_demonstrations(path) == [
        Demonstration("d1", DIALOGUE, "last", "world"),
        Demonstration("train.jsonl, line 3", DIALOGUE[1:3]),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", r"line 1: not valid JSON"),
        ("[]", r"line 1: expected an object with messages, got list"),
        ({"prompt": []}, "line 1: expected an object with messages"),
        ({"messages": "hi"}, "line 1: messages must be a list"),
        ({"messages": DIALOGUE[:2]}, "line 1: messages must end with the assistant's answer, got the user's"),
        ({"messages": DIALOGUE[2:]}, "line 1: a dialogue must open with a user's message, got the assistant's"),
        ({"messages": DIALOGUE, "trained_turns": "first"}, "trained_turns must be one of all, last, got 'first'"),
        ("", "holds no dialogues; expected at least one line of JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_explained(tmp_path: Path, row: Any, reason: str) -> None:
    path = tmp_path / "train.jsonl"
    write_jsonl(path, [row])
    with pytest.raises(DataError, match=reason):
        read_demonstrations(path)


def test_held_out_dialogues_may_be_absent_but_training_dialogues_may_not(tmp_path: Path) -> None:
    assert read_demonstrations(tmp_path / "test.jsonl", may_be_empty=True) == []
    with pytest.raises(DataError, match=r"cannot read .*train\.jsonl: No such file"):
        read_demonstrations(tmp_path / "train.jsonl")


def test_a_prompt_is_not_both_trained_on_and_held_out() -> None:
    other = [*DIALOGUE[:-1], Message(role="assistant", content="rain")]
    with pytest.raises(DataError, match="the prompt of test dialogue b is also that of training dialogue a"):
        check_separate([Demonstration("a", DIALOGUE)], [Demonstration("b", other)])
    check_separate([Demonstration("a", DIALOGUE)], [Demonstration("b", DIALOGUE[:3])])
