"""Supervised fine-tuning (paper, section 3.1): a checkpoint learns to answer as the demonstrations do.

    python -m modeling.train_sft RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/train.jsonl, and data/test.jsonl if the loss on held-out dialogues is wanted (see
modeling.sft_data). The run writes metrics.jsonl, checkpoints/, model/ and report.json beside them, and goes on from its
last checkpoint when it is started again. The last line of its output is the report as JSON.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling.chat import padding_id
from modeling.checkpoints import digest, load_policy, parameter_count
from modeling.distributed import Ranks
from modeling.learner import Learner, starting_device
from modeling.losses import language_model_loss
from modeling.packing import Example, fill, keeps_apart, pad
from modeling.recipe import (
    Report,
    Result,
    ShouldStop,
    TrainingError,
    batch_of,
    command,
    finished,
    identity_of,
    write_report,
)
from modeling.schedule import cosine_with_warmup, warmup_steps
from modeling.sft_config import SFTConfig
from modeling.sft_data import check_separate, encode, read_demonstrations
from modeling.shared_prefix import by_length_among
from modeling.token_logprobs import logprobs_of


def train(
    config: SFTConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Trains, evaluates on the held-out dialogues and saves the model; a run that already finished is only read.

    The same config, data and number of threads give the same weights, on a CPU bit for bit, whether or not the run was
    interrupted. should_stop is asked before every forward pass: True saves a checkpoint and raises Stopped.
    Raises DataError, ChatError, CheckpointError, ResumeError, TrainingError.
    """
    run = config.run_dir
    train_dialogues = read_demonstrations(run / "data" / "train.jsonl")
    test_dialogues = read_demonstrations(run / "data" / "test.jsonl", may_be_empty=True)
    check_separate(train_dialogues, test_dialogues)
    identity = identity_of(config)
    if (result := finished(run, identity)) is not None:
        return result

    model, tokenizer = load_policy(config.base, device=starting_device(config, ranks))
    config = replace(config, max_length=min(config.max_length, model.config.max_position_embeddings))
    if config.packing and not keeps_apart(model):
        raise TrainingError(
            f"packing: in {config.base} ({model.config.model_type}) a dialogue would see those before it in its "
            "sequence; set packing to false"
        )
    train_data, test_data = (encode(tokenizer, part, config.max_length) for part in (train_dialogues, test_dialogues))
    sequences = _sequences(train_data.examples, config)
    learner = Learner(model, logprobs_of(model), config, ranks, identity, should_stop)
    steps = config.steps or config.epochs * math.ceil(len(sequences) / config.batch_size)
    warmup = warmup_steps(steps, config.warmup_share, config.warmup_least)
    position = learner.restore()

    while position.step < steps:
        learning_rate = config.learning_rate * cosine_with_warmup(position.step, steps, warmup, config.floor)
        learner.begin_step(learning_rate)
        indices = batch_of(len(sequences), config.batch_size, config.seed, position.step)
        batch = [sequences[index] for index in indices]
        trained = _trained_tokens(batch)
        total = 0.0
        for weight, logprobs in _logprobs(learner, tokenizer, batch):
            loss = language_model_loss(logprobs, tokens=trained)
            (weight * loss).backward()
            total += weight * float(loss.detach())
        (total,) = ranks.total(total)
        norm = learner.update(total)
        seconds = learner.end_step()
        position = learner.position
        figures = {
            "loss": total,
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "tokens_per_second": sum(len(example) for sequence in batch for example in sequence) / seconds,
            "trained_tokens": trained,
        }
        learner.log_and_keep(steps, figures, report)

    held_out = evaluate(learner, tokenizer, _sequences(test_data.examples, config))
    learner.save_model(tokenizer, run / "model")
    outcome = {
        "held_out": held_out,
        "train_dialogues": len(train_dialogues),
        "test_dialogues": len(test_dialogues),
        "cut_dialogues": train_data.cut,
        "sequences": len(sequences),
        "tokens": train_data.tokens,
        "trained_tokens": train_data.trained_tokens,
        "filled": round(train_data.tokens / (len(sequences) * config.max_length), 4),
        "steps": steps,
        "seconds": round(position.seconds, 3),
        "parameters": parameter_count(run / "model"),
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, outcome, ranks)


@torch.no_grad()
def evaluate(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, sequences: Sequence[Sequence[Example]]
) -> dict[str, Any]:
    """The mean loss of the sequences' trained tokens and its exponential, the perplexity; None where there are none.
    Leaves the model in evaluation mode."""
    learner.model.eval()
    tokens = _trained_tokens(sequences)
    if not tokens:
        return {"tokens": 0, "loss": None, "perplexity": None}
    parts = [weight * float(-logprobs.sum()) for weight, logprobs in _logprobs(learner, tokenizer, sequences)]
    loss = learner.ranks.total(sum(parts))[0] / tokens
    return {"tokens": tokens, "loss": loss, "perplexity": math.exp(loss)}


def _sequences(examples: Sequence[Example], config: SFTConfig) -> list[list[Example]]:
    """What is trained on at once: sequences full of examples, or with an example each."""
    if not config.packing:
        return [[example] for example in examples]
    filled = fill([len(example) for example in examples], config.max_length, config.seed)
    return [[examples[index] for index in indices] for indices in filled]


def _logprobs(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, sequences: Sequence[Sequence[Example]]
) -> Iterator[tuple[float, Tensor]]:
    """This process's part of the sequences, group by group of like length: the weight of the pass, and the
    log-probabilities (n,) of the group's trained tokens. Raises Stopped between groups."""
    rows = [range(sum(map(len, sequence))) for sequence in sequences]
    for group, weight in learner.passes(by_length_among(rows, learner.config.token_budget), len(rows)):
        yield weight, learner.forward(pad([sequences[index] for index in group], padding_id(tokenizer)))


def _trained_tokens(sequences: Sequence[Sequence[Example]]) -> int:
    return sum(int(example.trained.sum()) for sequence in sequences for example in sequence)


def main(arguments: Sequence[str] | None = None) -> int:
    return command("modeling.train_sft", "Fine-tunes a chat model on demonstrations.", SFTConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
