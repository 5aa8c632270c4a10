"""Runs of rejection sampling on the tiny models, for the tests of the recipe."""

from pathlib import Path
from typing import Any

from modeling.candidates import Candidate, write_candidates
from modeling.checkpoints import load_policy, new_reward_model, save
from modeling.rejection_config import RejectionConfig
from tests.modeling.conftest import SENTENCES, write_jsonl


def chat_checkpoint(base: Path, folder: Path) -> Path:
    """The tiny checkpoint with many tokens that end a turn: random weights seldom draw the only one."""
    model, tokenizer = load_policy(base)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, *range(3, 360, 9)]
    save(model, tokenizer, folder)
    return folder


def reward_checkpoint(base: Path, folder: Path, scale: float = 1.0) -> Path:
    """A reward model whose scores differ."""
    model, tokenizer = new_reward_model(base)
    weights = model.score.weight.data
    weights.copy_((scale * 0.3 * (weights.new_ones(weights.numel()).cumsum(0) * 7).sin()).view_as(weights))
    save(model, tokenizer, folder)
    return folder


def prompt(number: int, **fields: Any) -> dict[str, Any]:
    """A row of prompts.jsonl."""
    text = f"{SENTENCES[number % len(SENTENCES)]} {number}"
    return {"id": f"prompt-{number}", "messages": [{"role": "user", "content": text}], **fields}


def earlier_candidate(number: int, score: float, answer: str = "the sky is blue", **fields: Any) -> Candidate:
    """A candidate of the first iteration for the prompt of that number."""
    row = prompt(number)
    known: dict[str, Any] = {"iteration": 1, "temperature": 1.0, "model": "older", "ended": True}
    return Candidate(row["id"], row["messages"], answer, score, **(known | fields))


def rejection_run(
    run: Path, base: Path, reward: Path, earlier: list[Candidate] | None = None, **changes: Any
) -> RejectionConfig:
    """Fills a run's folder with six prompts and the earlier bag, if there is one; its settings."""
    write_jsonl(run / "data" / "prompts.jsonl", [prompt(number) for number in range(6)])
    if earlier is not None:
        write_candidates(run / "data" / "candidates.jsonl", earlier)
    settings: dict[str, Any] = {
        "base": base,
        "policy": base,
        "helpfulness_reward": reward,
        "k": 4,
        "temperatures": [0.7, 1.2],
        "sweep_prompts": 3,
        "sweep_k": 3,
        "max_new_tokens": 16,
        "measured_prompts": 4,
        "chunk_prompts": 4,
        "steps": 3,
        "batch_size": 4,
        "learning_rate": 3e-3,
        "max_length": 100,
        "packing": False,
    }
    return RejectionConfig(run_dir=run, **(settings | changes))
