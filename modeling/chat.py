"""From messages to token ids, through the checkpoint's own chat template.

A dialogue is a list of messages ``{"role": "system" | "user" | "assistant", "content": text}``. Control tokens that a
person types (``</s>``, ``<|im_end|>``) are encoded as ordinary text: only the template writes control tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

ROLES = ("system", "user", "assistant")

LLAMA2_TEMPLATE = """\
{%- set system = '' -%}
{%- if messages[0].role == 'system' -%}
{%- set system = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' -%}
{%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'user' -%}
{{- bos_token + '[INST] ' + (system if loop.first else '') + message.content.strip() + ' [/INST]' -}}
{%- else -%}
{{- ' ' + message.content.strip() + ' ' + eos_token -}}
{%- endif -%}
{%- endfor -%}
"""
"""Llama 2's dialogue format, for a tokenizer that brings no template of its own (paper, appendix A.3.1)."""


class Message(TypedDict):
    """One turn of a dialogue."""

    role: str
    content: str


class ChatError(ValueError):
    """A dialogue that can't be brought into the checkpoint's chat format."""


class MaskedTokens(NamedTuple):
    """A dialogue as token ids, and for each whether the model learns to write it."""

    ids: list[int]
    trained: list[bool]


class Exchange(NamedTuple):
    """A prompt and its answer as token ids; the answer's last token is the end of the turn."""

    prompt: list[int]
    answer: list[int]


def validated(messages: Any) -> list[Message]:
    """The messages with their two fields, or ChatError naming what's wrong. Contents may be empty."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise ChatError(f"messages must be a list of {{role, content}}, got {type(messages).__name__}")
    for position, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping) or not isinstance(message.get("content"), str):
            raise ChatError(f"message {position} must have a role and a text content, got {message!r:.80}")
        if message.get("role") not in ROLES:
            raise ChatError(f"message {position}: role must be one of {', '.join(ROLES)}, got {message.get('role')!r}")
    return [Message(role=message["role"], content=message["content"]) for message in messages]


def alternating(messages: Sequence[Message]) -> list[Message]:
    """The dialogue as the templates expect it: at most one system message, then user and assistant in turn.

    Real dialogues are irregular (some of Anthropic HH have two assistant turns in a row): neighbours of one role become
    one message, joined by an empty line. A dialogue that the assistant opens can't be written in a template: ChatError.
    """
    merged: list[Message] = []
    for message in validated(messages):
        if merged and merged[-1]["role"] == message["role"]:
            content = "\n\n".join(part for part in (merged[-1]["content"], message["content"]) if part)
            merged[-1] = Message(role=message["role"], content=content)
        else:
            merged.append(message)
    turns = merged[1:] if merged and merged[0]["role"] == "system" else merged
    if any(message["role"] == "system" for message in turns):
        raise ChatError("a system message must come first in the dialogue, before every other message")
    if not turns or turns[0]["role"] != "user":
        opener = f"the {turns[0]['role']}'s" if turns else "none"
        raise ChatError(f"a dialogue must open with a user's message, got {opener}")
    return merged


def encode_prompt(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Token ids of a dialogue that waits for the assistant: ends where the answer's first token belongs."""
    dialogue = alternating(messages)
    if dialogue[-1]["role"] != "user":
        raise ChatError(f"a prompt must end with a user's message, got the {dialogue[-1]['role']}'s")
    return _render(tokenizer, dialogue, add_generation_prompt=True)


def encode_dialogue(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> Exchange:
    """Token ids of a dialogue that ends with the assistant's answer, split where that answer begins.

    The whole is tokenized at once, so that the answer has the tokens that the model would have generated. Where a
    tokenizer merges across the border, the answer is tokenized on its own instead: the prompt's ids never depend on it.
    """
    dialogue = alternating(messages)
    if dialogue[-1]["role"] != "assistant":
        raise ChatError(f"a dialogue must end with the assistant's answer, got the {dialogue[-1]['role']}'s message")
    prompt = _render(tokenizer, dialogue[:-1], add_generation_prompt=True)
    whole = _render(tokenizer, dialogue, add_generation_prompt=False)
    if whole[: len(prompt)] == prompt:
        answer = whole[len(prompt) :]
    else:
        answer = tokenizer.encode(dialogue[-1]["content"], add_special_tokens=False, split_special_tokens=True)
    return Exchange(prompt, _ended(tokenizer, answer))


def encode_turns(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, only_last: bool = False
) -> list[MaskedTokens]:
    """A whole dialogue that ends with the assistant's answer, to learn from: trained are the tokens of the assistant's
    turns (or of the last one) up to the end of each turn, as the model would have written them; those of the system,
    the user and the template are not (paper, section 3.1).

    Mostly one item. A template that writes an earlier answer otherwise than the model did (one that drops its
    reasoning, say) makes that answer an item of its own, with the dialogue before it.
    """
    dialogue = alternating(messages)
    ends = [place for place, message in enumerate(dialogue, start=1) if message["role"] == "assistant"]
    last = encode_dialogue(tokenizer, dialogue)
    whole = MaskedTokens([*last.prompt, *last.answer], [False] * len(last.prompt) + [True] * len(last.answer))
    apart = []
    for end in [] if only_last else ends[:-1]:
        prompt, answer = encode_dialogue(tokenizer, dialogue[:end])
        start, stop = len(prompt), len(prompt) + len(answer)
        if whole.ids[:stop] == [*prompt, *answer]:
            whole.trained[start:stop] = [True] * len(answer)
        else:
            apart.append(MaskedTokens([*prompt, *answer], [False] * len(prompt) + [True] * len(answer)))
    return [*apart, whole]


def truncate_prompt(prompt: list[int], room: int, bos_token_id: int | None) -> list[int]:
    """The newest ``room`` tokens of a prompt. A beginning-of-sequence token stays: models are at a loss without it."""
    if len(prompt) <= room:
        return prompt
    if bos_token_id is not None and prompt[0] == bos_token_id and room > 1:
        return [bos_token_id, *prompt[len(prompt) - room + 1 :]]
    return prompt[len(prompt) - room :]


def padding_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id to fill short rows with: the padding token, or for Llama 2, which has none, the unknown token.

    It differs from the end of the turn where the tokenizer allows it, so that transformers' own classification models
    find the last token of an answer.
    """
    for candidate in (tokenizer.pad_token_id, tokenizer.unk_token_id):
        if candidate is not None and candidate != tokenizer.eos_token_id:
            return int(candidate)
    return int(tokenizer.eos_token_id)


def _render(tokenizer: PreTrainedTokenizerBase, dialogue: list[Message], *, add_generation_prompt: bool) -> list[int]:
    try:
        return tokenizer.apply_chat_template(
            dialogue,
            chat_template=None if tokenizer.chat_template else LLAMA2_TEMPLATE,
            add_generation_prompt=add_generation_prompt,
            sanitize_control_tokens=True,
            return_dict=False,
        )
    except TemplateError as error:
        raise ChatError(f"the checkpoint's chat template refuses the dialogue: {error}") from error


def _ended(tokenizer: PreTrainedTokenizerBase, answer: list[int]) -> list[int]:
    """The answer up to its last control token (templates may add a line break after it), or with one appended."""
    control = set(tokenizer.all_special_ids)
    for position in reversed(range(len(answer))):
        if answer[position] in control:
            return answer[: position + 1]
    return [*answer, tokenizer.eos_token_id]
