"""The tokenizer of the demonstration models: SentencePiece BPE in Llama 2's chat format."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import sentencepiece
from transformers import LlamaTokenizer, PreTrainedTokenizerBase

VOCABULARY = 2048
PADDING = "<pad>"
CHAT_MARKS = ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"]
# Llama 2's format: the system prompt lives inside the first user turn; every exchange is <s>...</s>.
CHAT_TEMPLATE = """\
{%- if messages[0]['role'] == 'system' -%}
{%- set system = '<<SYS>>\\n' + messages[0]['content'].strip() + '\\n<</SYS>>\\n\\n' -%}
{%- set turns = messages[1:] -%}
{%- else -%}
{%- set system = '' -%}
{%- set turns = messages -%}
{%- endif -%}
{%- for message in turns -%}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
{{- raise_exception('roles must alternate user, assistant, user, ...') -}}
{%- endif -%}
{%- if message['role'] == 'user' -%}
{{- bos_token + '[INST] ' + (system if loop.first else '') + message['content'].strip() + ' [/INST]' -}}
{%- else -%}
{{- ' ' + message['content'].strip() + ' ' + eos_token -}}
{%- endif -%}
{%- endfor -%}
"""


def train_tokenizer(sentences: Iterable[str], folder: Path) -> PreTrainedTokenizerBase:
    """Train on `sentences` and save to `folder`: tokenizer.model for SentencePiece, the rest for transformers.

    Every printable ASCII character is a piece; anything else falls back to bytes, so nothing is unknown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        required_chars="".join(map(chr, range(33, 127))),
        user_defined_symbols=CHAT_MARKS,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        hard_vocab_limit=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        pad_piece=PADDING,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()
    tokenizer = LlamaTokenizer.from_pretrained(folder, pad_token=PADDING)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def copy_tokenizer(source: Path, target: Path) -> None:
    """Put the files of the tokenizer in `source` beside another checkpoint."""
    target.mkdir(parents=True, exist_ok=True)
    for pattern in ("tokenizer*", "special_tokens*", "chat_template*"):
        for path in source.glob(pattern):
            shutil.copyfile(path, target / path.name)
