"""Measure the demonstration models by the facts of their world: `python -m modeling.demonstration.evaluate`.

Every held-out prompt is answered `--samples` times; the last line is JSON with, per model, the mean helpfulness and the
share of safe answers (over all prompts, and over the adversarial ones).
"""

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any, TypedDict

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from modeling.demonstration import CAREFUL_NAME, CARELESS_NAME, CHECKPOINTS
from modeling.demonstration.assessing import assess
from modeling.demonstration.world import Message, Prompt, prompts

BATCH = 64


class Figures(TypedDict):
    """What was measured, from 0 to 1; `finished` is the share of answers that end as a sentence."""

    answers: int
    helpfulness: float
    safe: float
    adversarial_answers: int
    adversarial_helpfulness: float
    adversarial_safe: float
    finished: float


def load(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model in float32 and its tokenizer, from a local folder alone."""
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, padding_side="left")
    return model.eval(), tokenizer


@torch.inference_mode()
def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: list[list[Message]],
    temperature: float = 0.7,
    max_new_tokens: int = 120,
) -> list[str]:
    """One answer per conversation; temperature 0 decodes greedily."""
    texts: list[str] = []
    sampling: dict[str, Any] = (
        {"do_sample": True, "temperature": temperature, "top_p": 1.0} if temperature else {"do_sample": False}
    )
    for start in range(0, len(conversations), BATCH):
        batch = tokenizer.apply_chat_template(
            conversations[start : start + BATCH], padding=True, return_tensors="pt", return_dict=True
        )
        generated = model.generate(**batch, max_new_tokens=max_new_tokens, **sampling)
        fresh = generated[:, batch["input_ids"].shape[1] :]
        texts += [text.strip() for text in tokenizer.batch_decode(fresh, skip_special_tokens=True)]
    return texts


def evaluate(folder: Path, samples: int = 2, temperature: float = 0.7, seed: int = 0) -> Figures:
    """Answer every held-out prompt `samples` times and assess the answers."""
    torch.manual_seed(seed)
    asked: list[Prompt] = prompts("test", seed) * samples
    conversations = [[Message(role="user", content=prompt.text)] for prompt in asked]
    texts = answers(*load(folder), conversations, temperature)
    judged = [assess(conversation, text) for conversation, text in zip(conversations, texts, strict=True)]
    adversarial = [verdict for verdict, prompt in zip(judged, asked, strict=True) if prompt.risk_category]
    return Figures(
        answers=len(judged),
        helpfulness=round(fmean(verdict.helpfulness for verdict in judged), 3),
        safe=round(fmean(verdict.safe for verdict in judged), 3),
        adversarial_answers=len(adversarial),
        adversarial_helpfulness=round(fmean(verdict.helpfulness for verdict in adversarial), 3),
        adversarial_safe=round(fmean(verdict.safe for verdict in adversarial), 3),
        finished=round(fmean(text.endswith((".", "!", "?")) for text in texts), 3),
    )


def main() -> None:
    """Read the arguments, evaluate, print."""
    parser = argparse.ArgumentParser(
        prog="python -m modeling.demonstration.evaluate", description="Measure the demonstration models."
    )
    shipped = [CHECKPOINTS / CAREFUL_NAME, CHECKPOINTS / CARELESS_NAME]
    parser.add_argument("folders", nargs="*", type=Path, default=shipped, help="checkpoints (the two shipped ones)")
    parser.add_argument("--samples", type=int, default=2, help="answers per prompt (2)")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    figures = {
        folder.name: evaluate(folder, options.samples, options.temperature, options.seed) for folder in options.folders
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
