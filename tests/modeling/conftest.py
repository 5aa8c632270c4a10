"""A tiny Llama with random weights and a SentencePiece tokenizer, made anew for each test session."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from transformers import LlamaConfig, LlamaForCausalLM, LlamaTokenizer

from modeling.checkpoints import Policy, RewardModel, load_policy, new_reward_model

SENTENCES = [
    "how do I plant a tree in the garden",
    "you dig a hole and water the tree every day",
    "please do not touch the hot stove",
    "what is the colour of the sky today",
    "the sky is blue and the sun is bright",
]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny chat checkpoint: two layers, 48 wide, 128 positions."""
    folder = tmp_path_factory.mktemp("tiny")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=360,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    tokenizer = LlamaTokenizer.from_pretrained(folder)
    (folder / "tokenizer.vocab").unlink()
    (folder / "tokenizer.model").unlink()
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def policy(base: Path) -> Policy:
    return load_policy(base)


@pytest.fixture(scope="session")
def reward_model(base: Path) -> RewardModel:
    """A reward model whose head isn't zero, so that its scores differ."""
    reward_model = new_reward_model(base)
    torch.manual_seed(1)
    torch.nn.init.normal_(reward_model.model.score.weight, std=0.2)
    reward_model.model.eval()
    return reward_model


def preference(number: int, chosen: str, rejected: str, **fields: Any) -> dict[str, Any]:
    """A row of preference data with a prompt of its own."""
    return {
        "id": f"pair-{number}",
        "prompt": [{"role": "user", "content": f"{SENTENCES[number % len(SENTENCES)]} {number}"}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        **fields,
    }


def write_jsonl(path: Path, rows: Sequence[Any]) -> None:
    """One row per line, as JSON or, where it is text, as it is; makes the file's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run's folder with its data."""

    def make(train: Sequence[Any], test: Sequence[Any] = (), name: str = "run") -> Path:
        run = tmp_path / name
        write_jsonl(run / "data" / "train.jsonl", train)
        write_jsonl(run / "data" / "test.jsonl", test)
        return run

    return make
