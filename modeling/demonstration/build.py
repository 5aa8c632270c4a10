"""Build the demonstration models from nothing.

`python -m modeling.demonstration.build [--out DIR] [--steps N] [--seed N] [--threads N]` trains the careful variant
from random weights on helpful and safe dialogues; the careless one continues from it for a third of the steps on a
mixture with vague, wrong and unsafe answers. One seed on one machine gives one pair of checkpoints, measured in
their cards.
"""

import argparse
import itertools
import math
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    PreTrainedTokenizerBase,
    get_cosine_with_min_lr_schedule_with_warmup,
)

from modeling.demonstration import CAREFUL_NAME, CARELESS_NAME, CHECKPOINTS
from modeling.demonstration.cards import write_card
from modeling.demonstration.evaluate import evaluate, load
from modeling.demonstration.tokenizing import copy_tokenizer, train_tokenizer
from modeling.demonstration.world import CAREFUL, CARELESS, Manner, Message, dialogues

STEPS = 1000
BATCH_TOKENS = 4096
PEAK_LEARNING_RATE = 3e-3
IGNORED = -100

Progress = Callable[[str, int, int, float], None]


def new_model(tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """A Llama of 2.2 million random parameters."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=6,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def encode_dialogue(tokenizer: PreTrainedTokenizerBase, dialogue: list[Message]) -> tuple[list[int], list[int]]:
    """Token ids and labels of a dialogue: every assistant turn with its end is learned, all else is ignored.

    The loss of every prompt token is 0 (section 3.1 of the Llama 2 paper).
    """
    ids = tokenizer.apply_chat_template(dialogue, return_dict=False)
    answer_follows = tokenizer.convert_tokens_to_ids("[/INST]")
    labels, in_answer = [], False
    for token in ids:
        labels.append(token if in_answer else IGNORED)
        if token == answer_follows:
            in_answer = True
        elif token == tokenizer.eos_token_id:
            in_answer = False
    return ids, labels


def batches(tokenizer: PreTrainedTokenizerBase, manner: Manner, seed: int) -> Iterator[dict[str, Tensor]]:
    """Endless batches of about `BATCH_TOKENS` padded tokens, dialogues of similar length together.

    Each holds input_ids, attention_mask and labels, all of shape (dialogues, tokens).
    """
    stream, chance = dialogues(manner, seed), random.Random(seed)
    while True:
        examples = [encode_dialogue(tokenizer, dialogue) for dialogue in itertools.islice(stream, 1500)]
        examples.sort(key=lambda example: len(example[0]))
        groups: list[list[tuple[list[int], list[int]]]] = [[]]
        for example in examples:
            if (len(groups[-1]) + 1) * len(example[0]) > BATCH_TOKENS:
                groups.append([])
            groups[-1].append(example)
        chance.shuffle(groups)
        for group in groups:
            yield _collate(group, int(tokenizer.pad_token_id))


def _collate(group: list[tuple[list[int], list[int]]], pad: int) -> dict[str, Tensor]:
    # Few different widths: every new shape costs the CPU kernels a preparation that stays in memory.
    width = 16 * math.ceil(max(len(ids) for ids, _ in group) / 16)
    return {
        "input_ids": torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in group]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in group]),
        "labels": torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in group]),
    }


def train(
    model: LlamaForCausalLM,
    data: Iterator[dict[str, Tensor]],
    steps: int,
    peak_learning_rate: float,
    progress: Progress,
    name: str,
) -> None:
    """AdamW with a cosine schedule to 5 % of the peak; bfloat16 products, float32 weights."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak_learning_rate, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, num_warmup_steps=max(1, steps // 30), num_training_steps=steps, min_lr_rate=0.05
    )
    for step, batch in enumerate(itertools.islice(data, steps), start=1):
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress(name, step, steps, loss.item())
    model.eval()


def save(model: LlamaForCausalLM, folder: Path) -> None:
    """Write bfloat16 weights, the config and the sampling defaults as a Hugging Face folder."""
    model.generation_config.update(do_sample=True, temperature=0.7, top_p=0.95, max_new_tokens=128)
    halved = LlamaForCausalLM(model.config)
    halved.load_state_dict(model.state_dict())
    halved.generation_config = model.generation_config
    halved.to(torch.bfloat16).save_pretrained(folder)


def corpus_for_tokenizer(seed: int) -> Iterator[str]:
    """Sentences of both manners, for the tokenizer."""
    for manner in (CAREFUL, CARELESS):
        for dialogue in itertools.islice(dialogues(manner, seed), 5000):
            yield from (message["content"] for message in dialogue)


def build(out: Path, steps: int = STEPS, seed: int = 0, progress: Progress | None = None) -> tuple[Path, Path]:
    """Train and save both variants below `out`; returns their folders, the careful one first."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    progress = progress or print_progress
    careful, careless = out / CAREFUL_NAME, out / CARELESS_NAME
    build_careful(careful, steps, seed, progress)
    build_careless(careless, careful, steps, seed, progress)
    return careful, careless


def build_careful(folder: Path, steps: int, seed: int, progress: Progress) -> None:
    """Train the tokenizer and, from random weights, the careful variant."""
    torch.manual_seed(seed)
    tokenizer: LlamaTokenizer = train_tokenizer(corpus_for_tokenizer(seed), folder)
    model = new_model(tokenizer)
    train(model, batches(tokenizer, CAREFUL, seed + 1), steps, PEAK_LEARNING_RATE, progress, folder.name)
    save(model, folder)


def build_careless(folder: Path, careful: Path, steps: int, seed: int, progress: Progress) -> None:
    """Continue from the careful variant for a third of its `steps`, at half of its learning rate."""
    copy_tokenizer(careful, folder)
    model, tokenizer = load(careful)
    data = batches(tokenizer, CARELESS, seed + 2)
    train(model, data, max(1, steps // 3), PEAK_LEARNING_RATE / 2, progress, folder.name)
    save(model, folder)


_started = time.monotonic()


def print_progress(name: str, step: int, steps: int, loss: float) -> None:
    """A line every 25 steps."""
    if step % 25 == 0 or step == steps:
        print(f"{name}: step {step}/{steps}, loss {loss:.3f}, {time.monotonic() - _started:.0f} s", flush=True)


def main() -> None:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(
        prog="python -m modeling.demonstration.build", description="Build the demonstration models."
    )
    parser.add_argument("--out", type=Path, default=CHECKPOINTS, help="folder for the two checkpoints")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"training steps of the careful variant ({STEPS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of PyTorch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for folder in build(arguments.out, arguments.steps, arguments.seed):
        write_card(folder, evaluate(folder), arguments.steps, arguments.seed)
        print(folder)


if __name__ == "__main__":
    main()
