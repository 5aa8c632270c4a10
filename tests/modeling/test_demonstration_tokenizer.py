"""The shipped tokenizer: nothing is lost, the chat format is Llama 2's, prompts are masked."""

import pytest
import sentencepiece
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from modeling.demonstration import CAREFUL_NAME, CHECKPOINTS
from modeling.demonstration.build import IGNORED, encode_dialogue
from modeling.demonstration.world import Message

FOLDER = CHECKPOINTS / CAREFUL_NAME


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)


@pytest.mark.parametrize(
    "text",
    [
        "Hello there.",
        "two  spaces, a\ttab\nand\n\nlines\n",
        "naïve café, 日本, здравствуйте, 🚢🙂",
        "".join(map(chr, range(33, 127))),
        "<b>&amp;</b> \\n {% x %}",
        "",
    ],
)
def test_encoding_and_decoding_returns_the_text(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids) == text
    assert tokenizer.unk_token_id not in ids


def test_the_sentencepiece_model_agrees_with_the_tokenizer(tokenizer: PreTrainedTokenizerBase) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(FOLDER / "tokenizer.model"))
    for text in ("When does the Gull Bakery open?", "1. Mix oats.\n2. Bake them.", "Über 日本"):
        assert pieces.encode(text) == tokenizer.encode(text, add_special_tokens=False)


def test_padding_is_not_the_end_of_the_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.pad_token == "<pad>"
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_the_chat_template_is_the_format_of_llama_2(tokenizer: PreTrainedTokenizerBase) -> None:
    dialogue = [
        Message(role="system", content="Be kind."),
        Message(role="user", content="Where is it?"),
        Message(role="assistant", content="On the quay."),
        Message(role="user", content="Thanks"),
    ]
    assert tokenizer.apply_chat_template(dialogue, tokenize=False) == (
        "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nWhere is it? [/INST] On the quay. </s><s>[INST] Thanks [/INST]"
    )


def test_the_chat_template_refuses_two_questions_in_a_row(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(Exception, match="roles must alternate"):
        tokenizer.apply_chat_template([Message(role="user", content="a"), Message(role="user", content="b")])


def test_every_assistant_turn_is_learned_and_no_prompt_token(tokenizer: PreTrainedTokenizerBase) -> None:
    dialogue = [
        Message(role="system", content="Be kind."),
        Message(role="user", content="Where is it?"),
        Message(role="assistant", content="On the quay."),
        Message(role="user", content="Thanks"),
        Message(role="assistant", content="Welcome!"),
    ]
    ids, labels = encode_dialogue(tokenizer, dialogue)
    learned = [label for label in labels if label != IGNORED]
    assert all(label in (IGNORED, token) for token, label in zip(ids, labels, strict=True))
    assert tokenizer.decode(learned) == "On the quay. </s> Welcome! </s>"
