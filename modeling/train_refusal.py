"""The refusal classifier's recipe (paper, section 4.2.3, measure of false refusal): which answers refuse to help.

    python -m modeling.train_refusal RUN_DIR/config.yaml

RUN_DIR holds config.yaml, data/train.jsonl and perhaps data/test.jsonl (see modeling.refusal_data). The run writes
metrics.jsonl, model/ and report.json beside them; with a base also checkpoints/, and it goes on from the last one when
it is started again. Without a base it takes seconds, and starts anew. The last line of its output is the report.
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling.chat import Message, encode_dialogue, padding_id
from modeling.checkpoints import new_reward_model
from modeling.distributed import Ranks
from modeling.learner import Learner, starting_device
from modeling.losses import safety_loss
from modeling.metrics import accuracy
from modeling.recipe import (
    Progress,
    Report,
    Result,
    ShouldStop,
    Stopped,
    batch_of,
    command,
    finished,
    identity_of,
    log_step,
    write_report,
)
from modeling.refusal_classifier import digest_of, parameters_of, save_ngrams
from modeling.refusal_config import RefusalConfig
from modeling.refusal_data import Example, check_both, check_separate, folds_of, read_examples
from modeling.refusal_ngrams import NgramShape, features_of, fit
from modeling.schedule import cosine_with_warmup, warmup_steps
from modeling.shared_prefix import Row, by_length_among, end_scores, pack, shared_row


def train(
    config: RefusalConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Trains, measures on examples that it did not learn from, and saves the classifier; a run that already finished is
    only read. Raises DataError, CheckpointError, ResumeError, TrainingError, Stopped."""
    run = config.run_dir
    examples = read_examples(run / "data" / "train.jsonl")
    test = read_examples(run / "data" / "test.jsonl", may_be_empty=True)
    check_both(examples, config.counted)
    check_separate(examples, test)
    identity = identity_of(config)
    if (result := finished(run, identity)) is not None:
        return result
    started = time.perf_counter()
    learn = learn_ngrams if config.base is None else learn_on_base
    figures = learn(config, examples, test, report, should_stop, ranks, identity)
    figures |= {
        "examples": len(examples),
        "refusals": sum(each.is_refusal(config.counted) for each in examples),
        "counted": config.counted,
        "seconds": round(time.perf_counter() - started, 3),
        "parameters": parameters_of(run / "model"),
        "model_digest": digest_of(run / "model"),
        "identity": identity,
    }
    return write_report(run, figures, ranks)


def measured(examples: Sequence[Example], logits: Sequence[float], counted: str) -> dict[str, Any]:
    """What the classifier says of labelled examples: accuracy, precision and recall (sensitivity), specificity, each
    with n and its Wilson 95 % interval, and the four counts from which shares are corrected."""
    truth = [each.is_refusal(counted) for each in examples]
    called = [logit > 0 for logit in logits]
    both = list(zip(truth, called, strict=True))
    return {
        "accuracy": accuracy(is_so == said for is_so, said in both)._asdict(),
        "precision": accuracy(is_so for is_so, said in both if said)._asdict(),
        "recall": accuracy(said for is_so, said in both if is_so)._asdict(),
        "specificity": accuracy(not said for is_so, said in both if not is_so)._asdict(),
        "errors": {
            "true_positives": both.count((True, True)),
            "false_positives": both.count((False, True)),
            "true_negatives": both.count((False, False)),
            "false_negatives": both.count((True, False)),
        },
    }


# Without a base -------------------------------------------------------------------------------------------------------


def learn_ngrams(
    config: RefusalConfig,
    examples: Sequence[Example],
    test: Sequence[Example],
    report: Report,
    should_stop: ShouldStop,
    ranks: Ranks,
    identity: dict[str, Any],
) -> dict[str, Any]:
    """Measured on the test data where there are any, or else on each part by what learned from the others."""
    shape = NgramShape(buckets=config.buckets)
    features = [features_of(each.response, shape) for each in examples]
    labels = torch.tensor([float(each.is_refusal(config.counted)) for each in examples])
    parts = [] if test else folds_of(examples, config.folds, config.seed)
    steps = len(parts) + 1
    (config.run_dir / "metrics.jsonl").unlink(missing_ok=True)
    logits = [0.0] * len(examples)
    for step, part in enumerate(parts, start=1):
        if should_stop():
            raise Stopped
        others = sorted(set(range(len(examples))) - set(part))
        check_both([examples[index] for index in others], config.counted)
        model = fit([features[index] for index in others], labels[others], shape, config.penalty)
        with torch.inference_mode():
            found = model([features[index] for index in part]).tolist()
        for index, logit in zip(part, found, strict=True):
            logits[index] = logit
        right = sum((logit > 0) == bool(labels[index]) for index, logit in zip(part, found, strict=True))
        log_step(config.run_dir, Progress(step, steps, 0.0, {"accuracy": right / len(part)}), report, ranks)
    model = fit(features, labels, shape, config.penalty)
    if ranks.is_first:
        save_ngrams(model, config.run_dir / "model")
    ranks.barrier()
    if test:
        with torch.inference_mode():
            found = model([features_of(each.response, shape) for each in test]).tolist()
        return {**measured(test, found, config.counted), "measured_on": "test data", "kind": "n-grams"}
    how = f"cross-validation in {config.folds} parts"
    return {**measured(examples, logits, config.counted), "measured_on": how, "kind": "n-grams"}


# With a base ----------------------------------------------------------------------------------------------------------


def learn_on_base(
    config: RefusalConfig,
    examples: Sequence[Example],
    test: Sequence[Example],
    report: Report,
    should_stop: ShouldStop,
    ranks: Ranks,
    identity: dict[str, Any],
) -> dict[str, Any]:
    """Measured on the test data where there are any, or else on a share of the groups, which are held out."""
    assert config.base is not None  # noqa: S101 - train chose this function for it
    where = "test data"
    if not test:
        parts = folds_of(examples, max(2, round(1 / config.held_out_share)), config.seed)
        test = [examples[index] for index in parts[0]]
        examples = [examples[index] for part in parts[1:] for index in part]
        check_both(examples, config.counted)
        where = "held-out examples"
    model, tokenizer = new_reward_model(config.base, starting_device(config, ranks))
    config = replace(config, max_length=min(config.max_length, model.config.max_position_embeddings))
    learner = Learner(model, end_scores, config, ranks, identity, should_stop)
    steps = config.epochs * math.ceil(len(examples) / config.batch_size)
    warmup = warmup_steps(steps, config.warmup_share, config.warmup_least)
    position = learner.restore()
    while position.step < steps:
        learning_rate = config.learning_rate * cosine_with_warmup(position.step, steps, warmup, config.floor)
        learner.begin_step(learning_rate)
        batch = [examples[index] for index in batch_of(len(examples), config.batch_size, config.seed, position.step)]
        loss, right = ranks.total(*_backward(learner, tokenizer, batch, config))
        norm = learner.update(loss)
        seconds = learner.end_step()
        position = learner.position
        figures = {
            "loss": loss,
            "accuracy": right / len(batch),
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "examples_per_second": len(batch) / seconds,
        }
        learner.log_and_keep(steps, figures, report)
    learner.model.eval()
    logits = torch.zeros(len(test))
    with torch.no_grad():
        for group, _, scores in _scored(learner, tokenizer, [_row(tokenizer, each, config) for each in test]):
            logits[group] = scores.cpu()
    own = ranks.share(logits.tolist())
    found = measured(test, ranks.gathered(own), config.counted)
    tokenizer.model_max_length = config.max_length
    learner.save_model(tokenizer, config.run_dir / "model")
    return {**found, "measured_on": where, "kind": "language model", "steps": steps}


def _backward(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, batch: Sequence[Example], config: RefusalConfig
) -> tuple[float, float]:
    """Adds up the gradient of the batch's mean logistic loss; returns this process's part of it, and of the examples
    that it called rightly."""
    labels = torch.tensor([float(each.is_refusal(config.counted)) for each in batch])
    total, right = 0.0, 0.0
    for group, weight, scores in _scored(learner, tokenizer, [_row(tokenizer, each, config) for each in batch]):
        own = labels[group].to(scores.device)
        loss = safety_loss(scores, own, len(batch))
        (weight * loss).backward()
        total += weight * float(loss.detach())
        right += weight * int(((scores > 0) == (own > 0.5)).sum())
    return total, right


def _scored(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]
) -> Iterator[tuple[list[int], float, Tensor]]:
    """This process's part of the rows, group by group: their indices, the weight of the pass, the logits (rows,)."""
    for group, weight in learner.passes(by_length_among(rows, learner.config.token_budget), len(rows)):
        yield group, weight, learner.forward(pack([rows[index] for index in group], padding_id(tokenizer)))[:, 0]


def _row(tokenizer: PreTrainedTokenizerBase, each: Example, config: RefusalConfig) -> Row:
    messages = [Message(role="user", content=each.prompt), Message(role="assistant", content=each.response)]
    dialogue = encode_dialogue(tokenizer, messages)
    return shared_row([[*dialogue.prompt, *dialogue.answer]], config.max_length, tokenizer.bos_token_id)


def main(arguments: Sequence[str] | None = None) -> int:
    return command("modeling.train_refusal", "Trains a refusal classifier.", RefusalConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
