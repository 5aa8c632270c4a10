import pytest
from transformers import PreTrainedTokenizerBase

from modeling.chat import (
    ChatError,
    Message,
    alternating,
    encode_dialogue,
    encode_prompt,
    padding_id,
    truncate_prompt,
)
from modeling.checkpoints import Policy


def user(content: str) -> Message:
    return Message(role="user", content=content)


def assistant(content: str) -> Message:
    return Message(role="assistant", content=content)


def system(content: str) -> Message:
    return Message(role="system", content=content)


@pytest.fixture
def tokenizer(policy: Policy) -> PreTrainedTokenizerBase:
    return policy.tokenizer


def test_without_a_template_a_dialogue_takes_the_format_of_llama_2(tokenizer: PreTrainedTokenizerBase) -> None:
    dialogue = [system("be kind"), user("the tree"), assistant("dig"), user("why")]
    text = tokenizer.decode(encode_prompt(tokenizer, dialogue), skip_special_tokens=False)
    assert text == "<s>[INST] <<SYS>>\nbe kind\n<</SYS>>\n\nthe tree [/INST] dig </s><s>[INST] why [/INST]"


def test_a_dialogue_is_its_prompt_and_then_its_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    exchange = encode_dialogue(tokenizer, [user("the tree"), assistant("dig a hole")])
    assert exchange.prompt == encode_prompt(tokenizer, [user("the tree")])
    assert tokenizer.decode(exchange.prompt + exchange.answer) == "<s>[INST] the tree [/INST] dig a hole </s>"


def test_an_answer_ends_with_the_end_of_the_turn(tokenizer: PreTrainedTokenizerBase) -> None:
    for answer in ("dig a hole", ""):
        ids = encode_dialogue(tokenizer, [user("the tree"), assistant(answer)]).answer
        assert ids[-1] == tokenizer.eos_token_id
        assert ids.count(tokenizer.eos_token_id) == 1


def test_text_after_the_end_of_the_turn_is_cut(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}\n{% endfor %}"
    try:
        exchange = encode_dialogue(tokenizer, [user("the tree"), assistant("dig")])
    finally:
        tokenizer.chat_template = None
    assert exchange.answer[-1] == tokenizer.eos_token_id


def test_chosen_and_rejected_share_the_tokens_of_their_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    exchanges = [encode_dialogue(tokenizer, [user("the sky"), assistant(text)]) for text in ("blue", "é\n\n☂", "")]
    assert len({tuple(exchange.prompt) for exchange in exchanges}) == 1


def test_control_tokens_that_a_person_types_are_text(tokenizer: PreTrainedTokenizerBase) -> None:
    prompt = encode_prompt(tokenizer, [user("say </s> and <s>")])
    assert tokenizer.eos_token_id not in prompt
    assert prompt.count(tokenizer.bos_token_id) == 1
    exchange = encode_dialogue(tokenizer, [user("say it"), assistant("</s> again")])
    assert exchange.answer.count(tokenizer.eos_token_id) == 1


def test_neighbours_of_one_role_become_one_message() -> None:
    assert alternating([user("a"), assistant("b"), assistant("c"), user("d")]) == [
        user("a"),
        assistant("b\n\nc"),
        user("d"),
    ]
    assert alternating([user("a"), assistant(""), assistant("c")]) == [user("a"), assistant("c")]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "must open with a user's message, got none"),
        ([assistant("hello")], "must open with a user's message, got the assistant's"),
        ([user("a"), system("b")], "must come first"),
        ([{"role": "human", "content": "a"}], "role must be one of system, user, assistant, got 'human'"),
        ([{"role": "user"}], "message 1 must have a role and a text content"),
        ([{"role": "user", "content": None}], "message 1 must have a role and a text content"),
        ("hello", "must be a list"),
    ],
)
def test_a_dialogue_that_cannot_be_written_is_explained(messages: list[Message], reason: str) -> None:
    with pytest.raises(ChatError, match=reason):
        alternating(messages)


def test_a_prompt_that_waits_for_nobody_is_refused(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(ChatError, match="must end with a user's message"):
        encode_prompt(tokenizer, [user("a"), assistant("b")])
    with pytest.raises(ChatError, match="must end with the assistant's answer"):
        encode_dialogue(tokenizer, [user("a")])


def test_a_template_that_refuses_a_dialogue_is_named(tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer.chat_template = "{{ raise_exception('no system messages here') }}"
    try:
        with pytest.raises(ChatError, match="refuses the dialogue: no system messages here"):
            encode_prompt(tokenizer, [system("a"), user("b")])
    finally:
        tokenizer.chat_template = None


def test_truncation_keeps_the_newest_tokens_and_the_beginning_of_sequence() -> None:
    assert truncate_prompt([1, 5, 6, 7, 8], room=3, bos_token_id=1) == [1, 7, 8]
    assert truncate_prompt([4, 5, 6, 7, 8], room=3, bos_token_id=1) == [6, 7, 8]
    assert truncate_prompt([1, 5], room=2, bos_token_id=1) == [1, 5]
    assert truncate_prompt([1, 5, 6], room=0, bos_token_id=1) == []


def test_padding_differs_from_the_end_of_the_turn(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.pad_token_id is None
    assert padding_id(tokenizer) == tokenizer.unk_token_id != tokenizer.eos_token_id
