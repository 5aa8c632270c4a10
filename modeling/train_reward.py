"""The reward model's recipe (paper, section 3.2.2): a chat checkpoint learns to score answers from preference pairs.

    python -m modeling.train_reward RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/train.jsonl, data/test.jsonl (see modeling.preference_data), and, if there are any,
quality ratings in data/ratings.jsonl (see modeling.calibration). The run writes metrics.jsonl, checkpoints/, model/ and
report.json beside them, and goes on from its last checkpoint when it is started again. The last line of its output is
the report as JSON.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling.calibration import RatedAnswer, by_rating, read_ratings, reliability
from modeling.chat import Message, encode_dialogue, padding_id
from modeling.checkpoints import digest, new_reward_model, parameter_count
from modeling.distributed import Ranks
from modeling.learner import Learner, starting_device
from modeling.losses import ranking_loss, safety_loss
from modeling.metrics import accuracy, accuracy_by
from modeling.mixing import mixed
from modeling.preference_data import PreferencePair, check_separate, encode_pair, read_pairs
from modeling.recipe import Report, Result, ShouldStop, batch_of, command, finished, identity_of, write_report
from modeling.reward_config import RewardConfig
from modeling.schedule import cosine_with_warmup, warmup_steps
from modeling.shared_prefix import Row, by_length_among, end_scores, pack, shared_row

NO_SOURCE = "no source"


def train(
    config: RewardConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Trains, evaluates on the held-out pairs and saves the model; a run that already finished is only read.

    The same config, data and number of threads give the same weights, on a CPU bit for bit, whether or not the run was
    interrupted. should_stop is asked before every forward pass: True saves a checkpoint and raises Stopped.
    Raises DataError, CheckpointError, ResumeError, TrainingError.
    """
    run = config.run_dir
    train_pairs = mixed(read_pairs(run / "data" / "train.jsonl"), config.mix, config.seed)
    test_pairs = read_pairs(run / "data" / "test.jsonl", may_be_empty=True)
    rated = read_ratings(run / "data" / "ratings.jsonl")
    check_separate(train_pairs, test_pairs)
    identity = identity_of(config)
    if (result := finished(run, identity)) is not None:
        return result

    model, tokenizer = new_reward_model(config.base, starting_device(config, ranks))
    config = replace(config, max_length=min(config.max_length, model.config.max_position_embeddings))
    learner = Learner(model, end_scores, config, ranks, identity, should_stop)
    steps = config.epochs * math.ceil(len(train_pairs) / config.batch_size)
    warmup = warmup_steps(steps, config.warmup_share, config.warmup_least)
    position = learner.restore()

    while position.step < steps:
        learning_rate = config.learning_rate * cosine_with_warmup(position.step, steps, warmup, config.floor)
        learner.begin_step(learning_rate)
        indices = batch_of(len(train_pairs), config.batch_size, config.seed, position.step)
        batch = [train_pairs[index] for index in indices]
        loss, right = ranks.total(*_backward(learner, tokenizer, batch, config))
        norm = learner.update(loss)
        seconds = learner.end_step()
        position = learner.position
        figures = {
            "loss": loss,
            "accuracy": right / len(batch),
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "pairs_per_second": len(batch) / seconds,
        }
        learner.log_and_keep(steps, figures, report)

    summary = evaluate(learner, tokenizer, test_pairs, config) | quality(learner, tokenizer, rated, config)
    tokenizer.model_max_length = config.max_length
    learner.save_model(tokenizer, run / "model")
    trained = config.epochs * len(train_pairs)
    summary |= {
        "train_pairs": len(train_pairs),
        "train_pairs_by_source": dict(Counter(pair.source or NO_SOURCE for pair in train_pairs)),
        "test_pairs": len(test_pairs),
        "steps": steps,
        "seconds": round(position.seconds, 3),
        "pairs_per_second": round(trained / position.seconds, 3),
        "parameters": parameter_count(run / "model"),
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, summary, ranks)


@torch.no_grad()
def evaluate(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[PreferencePair], config: RewardConfig
) -> dict[str, Any]:
    """Held-out accuracy, overall and per rating, batch and source, each with n and its Wilson 95 % interval; equal
    scores count as wrong (paper, tables 7 and 8). Beside it the reliability of the scores' differences as
    probabilities. Leaves the model in evaluation mode."""
    learner.model.eval()
    scores = _all_scores(learner, tokenizer, [encode_pair(tokenizer, pair, config.max_length) for pair in pairs], 2)
    right = (scores[:, 0] > scores[:, 1]).tolist()
    safe = _safe_labels(pairs)
    labelled = ~torch.isnan(safe)
    means = scores.mean(dim=0).tolist() if pairs else [None, None]
    return {
        "accuracy": accuracy(right)._asdict(),
        "accuracy_by_rating": accuracy_by([pair.rating or "unrated" for pair in pairs], right),
        "accuracy_by_batch": accuracy_by([pair.batch or "no batch" for pair in pairs], right),
        "accuracy_by_source": accuracy_by([pair.source or NO_SOURCE for pair in pairs], right),
        "safety_accuracy": accuracy(((scores > 0) == (safe > 0.5))[labelled].tolist())._asdict(),
        "mean_score": {"chosen": means[0], "rejected": means[1]},
        "reliability": reliability((scores[:, 0] - scores[:, 1]).tolist()),
    }


@torch.no_grad()
def quality(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, rated: Sequence[RatedAnswer], config: RewardConfig
) -> dict[str, Any]:
    """The scores of answers against people's ratings of their quality; nothing where none were given."""
    if not rated:
        return {}
    rows = []
    for each in rated:
        dialogue = encode_dialogue(tokenizer, [*each.messages, Message(role="assistant", content=each.answer)])
        rows.append(shared_row([[*dialogue.prompt, *dialogue.answer]], config.max_length, tokenizer.bos_token_id))
    scores = _all_scores(learner, tokenizer, rows, 1)[:, 0].tolist()
    return {"quality": by_rating(scores, [each.rating for each in rated])}


def _backward(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, batch: Sequence[PreferencePair], config: RewardConfig
) -> tuple[float, float]:
    """Adds up the gradient of the batch's mean loss, part by part within the token budget, so that the gradient does
    not depend on the parts. Returns this process's part of the loss, and of the pairs that the model ordered rightly.
    """
    margins = torch.tensor([pair.margin_by(config.margin) for pair in batch])
    safe = _safe_labels(batch)
    labelled = int((~torch.isnan(safe)).sum())
    rows = [encode_pair(tokenizer, pair, config.max_length) for pair in batch]
    total, right = 0.0, 0.0
    for group, weight, scores in _scored(learner, tokenizer, rows):
        chosen, rejected = scores.unbind(dim=1)
        loss = ranking_loss(chosen, rejected, margins[group].to(scores.device), pairs=len(batch))
        if config.safety_weight:
            labels = safe[group].to(scores.device).flatten()
            loss = loss + config.safety_weight * safety_loss(scores.flatten(), labels, labelled)
        (weight * loss).backward()
        total += weight * float(loss.detach())
        right += weight * int((chosen > rejected).sum())
    return total, right


def _scored(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]
) -> Iterator[tuple[list[int], float, Tensor]]:
    """This process's part of the rows, group by group of like length: their indices, the weight of the pass, and the
    scores (rows, tails). Raises Stopped between groups."""
    for group, weight in learner.passes(by_length_among(rows, learner.config.token_budget), len(rows)):
        yield group, weight, learner.forward(pack([rows[index] for index in group], padding_id(tokenizer)))


def _all_scores(learner: Learner, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], tails: int) -> Tensor:
    """The scores (rows, tails) of all rows, in every process."""
    scores = torch.zeros(len(rows), tails)
    for group, _, part in _scored(learner, tokenizer, rows):
        scores[group] = part.cpu()
    own = learner.ranks.share(scores.tolist())
    return torch.tensor(learner.ranks.gathered(own)).reshape(len(rows), tails)


def _safe_labels(pairs: Sequence[PreferencePair]) -> Tensor:
    """(pairs, 2), chosen and rejected: 1 safe, 0 unsafe, nan unlabelled."""
    labels = [[pair.chosen_safe, pair.rejected_safe] for pair in pairs]
    values = [[math.nan if label is None else float(label) for label in both] for both in labels]
    return torch.tensor(values).reshape(len(pairs), 2)


def main(arguments: Sequence[str] | None = None) -> int:
    return command("modeling.train_reward", "Trains a reward model.", RewardConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
