"""Direct preference optimization (Rafailov et al. 2023): a policy learns from preference pairs without a reward model.

    python -m modeling.train_dpo RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/train.jsonl, data/test.jsonl, the same pairs that a reward model learns from (see
modeling.preference_data). The run writes metrics.jsonl, checkpoints/, model/ and report.json beside them, and goes on
from its last checkpoint when it is started again. The last line of its output is the report as JSON.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling.answer_logprobs import AnswerBatch, encode_answers, pack_answers
from modeling.chat import padding_id
from modeling.checkpoints import digest, load_policy, parameter_count
from modeling.distributed import Ranks
from modeling.dpo_config import DPOConfig
from modeling.learner import Learner, starting_device
from modeling.losses import dpo_loss, implicit_margin
from modeling.metrics import accuracy, accuracy_by
from modeling.preference_data import PreferencePair, check_separate, read_pairs
from modeling.recipe import Report, Result, ShouldStop, batch_of, command, finished, identity_of, write_report
from modeling.schedule import cosine_with_warmup, warmup_steps
from modeling.shared_prefix import by_length_among
from modeling.token_logprobs import logprobs_of

BLOCK = 1024
"""Pairs that are held as tokens at a time when all of them are gone through."""


def train(
    config: DPOConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Trains, evaluates on the held-out pairs and saves the policy; a run that already finished is only read.

    The same config, data and number of threads give the same weights, on a CPU bit for bit, whether or not the run was
    interrupted. should_stop is asked before every forward pass: True saves a checkpoint and raises Stopped.
    Raises DataError, ChatError, CheckpointError, ResumeError, TrainingError.
    """
    run = config.run_dir
    train_pairs = read_pairs(run / "data" / "train.jsonl")
    test_pairs = read_pairs(run / "data" / "test.jsonl", may_be_empty=True)
    check_separate(train_pairs, test_pairs)
    identity = identity_of(config)
    if (result := finished(run, identity)) is not None:
        return result

    model, tokenizer = load_policy(config.base, device=starting_device(config, ranks))
    config = replace(config, max_length=min(config.max_length, model.config.max_position_embeddings))
    learner = Learner(model, logprobs_of(model), config, ranks, identity, should_stop)
    steps = config.epochs * math.ceil(len(train_pairs) / config.batch_size)
    warmup = warmup_steps(steps, config.warmup_share, config.warmup_least)
    position = learner.restore()
    if not learner.kept:  # before the first update the policy is its reference: no second model is held
        parts = {"train": train_pairs, "test": test_pairs}
        learner.kept = {name: answer_logprobs(learner, tokenizer, part, config) for name, part in parts.items()}
    reference, test_reference = learner.kept["train"], learner.kept["test"]

    learner.model.train()
    while position.step < steps:
        learning_rate = config.learning_rate * cosine_with_warmup(position.step, steps, warmup, config.floor)
        learner.begin_step(learning_rate)
        indices = batch_of(len(train_pairs), config.batch_size, config.seed, position.step)
        batch = [train_pairs[index] for index in indices]
        loss, right, margin, chosen, rejected = ranks.total(
            *_backward(learner, tokenizer, batch, reference[indices], config)
        )
        norm = learner.update(loss)
        seconds = learner.end_step()
        position = learner.position
        figures = {
            "loss": loss,
            "accuracy": right / len(batch),
            "margin": margin / len(batch),
            "chosen_logprob": chosen / len(batch),
            "rejected_logprob": rejected / len(batch),
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "pairs_per_second": len(batch) / seconds,
        }
        learner.log_and_keep(steps, figures, report)

    held_out = evaluate(learner, tokenizer, test_pairs, test_reference, config)
    learner.save_model(tokenizer, run / "model")
    trained = config.epochs * len(train_pairs)
    outcome = held_out | {
        "train_pairs": len(train_pairs),
        "test_pairs": len(test_pairs),
        "steps": steps,
        "seconds": round(position.seconds, 3),
        "pairs_per_second": round(trained / position.seconds, 3),
        "parameters": parameter_count(run / "model"),
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, outcome, ranks)


def evaluate(
    learner: Learner,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[PreferencePair],
    reference: Tensor,
    config: DPOConfig,
) -> dict[str, Any]:
    """Held-out accuracy of the implicit reward beta * log(pi(y | x) / pi_ref(y | x)), overall and per rating and batch,
    each with n and its Wilson 95 % interval (equal rewards count as wrong); its mean margin, the loss, and both
    policies' mean log-probabilities. Leaves the model in evaluation mode."""
    policy = answer_logprobs(learner, tokenizer, pairs, config)
    margins = implicit_margin(policy, reference, config.beta)
    right = (margins > 0).tolist()
    loss = dpo_loss(policy, reference, config.beta, config.label_smoothing)
    return {
        "accuracy": accuracy(right)._asdict(),
        "accuracy_by_rating": accuracy_by([pair.rating or "unrated" for pair in pairs], right),
        "accuracy_by_batch": accuracy_by([pair.batch or "no batch" for pair in pairs], right),
        "margin": float(margins.mean()) if pairs else None,
        "loss": float(loss) if pairs else None,
        "mean_logprob": _means(policy),
        "mean_reference_logprob": _means(reference),
    }


@torch.no_grad()
def answer_logprobs(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[PreferencePair], config: DPOConfig
) -> Tensor:
    """log pi(y | x) of every pair's chosen and rejected answer (pairs, 2), on the CPU, in every process. Leaves the
    model in evaluation mode."""
    learner.model.eval()
    blocks = [torch.zeros(0, 2)]
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        sums = torch.zeros(len(block), 2)
        for group, _, answers, logprobs in _passes(learner, tokenizer, block, config):
            sums[group] = answers.sums(logprobs).cpu()
        own = learner.ranks.share(sums.tolist())
        blocks.append(torch.tensor(learner.ranks.gathered(own)))
    return torch.cat(blocks)


def _backward(
    learner: Learner,
    tokenizer: PreTrainedTokenizerBase,
    batch: Sequence[PreferencePair],
    reference: Tensor,
    config: DPOConfig,
) -> list[float]:
    """Adds up the gradient of the batch's mean loss, part by part within the token budget, so that the gradient does
    not depend on the parts. Returns this process's part of the loss, and its pairs' sums: how many the implicit reward
    orders rightly, its margins, and the log-probabilities of chosen and of rejected answers."""
    totals = torch.zeros(5, dtype=torch.float64)
    for group, weight, answers, logprobs in _passes(learner, tokenizer, batch, config):
        policy = answers.sums(logprobs)
        base = reference[group].to(policy.device)
        loss = dpo_loss(policy, base, config.beta, config.label_smoothing, pairs=len(batch))
        if config.nll_weight:
            lengths = answers.lengths()[:, 0].to(policy.device)
            loss = loss - config.nll_weight * (policy[:, 0] / lengths).sum() / len(batch)
        (weight * loss).backward()
        margins = implicit_margin(policy, base, config.beta)
        figures = torch.stack([loss, (margins > 0).sum(), margins.sum(), *policy.sum(dim=0)])
        totals += weight * figures.detach().cpu()
    return totals.tolist()


def _passes(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[PreferencePair], config: DPOConfig
) -> Iterator[tuple[list[int], float, AnswerBatch, Tensor]]:
    """This process's part of the pairs, group by group of like length: their indices, the weight of the pass, their
    answers and these answers' tokens' log-probabilities. Raises Stopped between groups."""
    rows = [encode_answers(tokenizer, pair, config.max_length) for pair in pairs]
    for group, weight in learner.passes(by_length_among(rows, config.token_budget), len(rows)):
        answers = pack_answers([rows[index] for index in group], padding_id(tokenizer))
        yield group, weight, answers, learner.forward(answers.batch)


def _means(logprobs: Tensor) -> dict[str, float | None]:
    chosen, rejected = logprobs.mean(dim=0).tolist() if len(logprobs) else (None, None)
    return {"chosen": chosen, "rejected": rejected}


def main(arguments: Sequence[str] | None = None) -> int:
    return command("modeling.train_dpo", "Trains a policy on preference pairs.", DPOConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
