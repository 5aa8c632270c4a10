"""Proximal policy optimization (paper, section 3.2.3): a chat checkpoint learns to write what reward models prefer.

    python -m modeling.train_ppo RUN_DIR/config.yaml

RUN_DIR holds config.yaml and data/prompts.jsonl, data/held_out.jsonl (see modeling.prompt_data). The run writes
metrics.jsonl, checkpoints/, model/ and report.json beside them, and goes on from its last checkpoint when it is started
again. The model that is saved is the one that was best on the held-out prompts. The last line of the output is the
report as JSON.

A step of the run is an iteration: a batch of answers is sampled, rewarded, and learned from in mini-batches, one
gradient step each.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from modeling.chat import encode_prompt, padding_id
from modeling.checkpoints import CheckpointError, digest, load_policy
from modeling.distributed import Ranks
from modeling.held_out import HeldOut
from modeling.json_lines import DataError
from modeling.learner import Learner, starting_device
from modeling.packing import Example, pad
from modeling.ppo import (
    approximate_kl,
    clip_fraction,
    explained_variance,
    generalized_advantages,
    policy_loss,
    token_rewards,
    value_loss,
    whitened,
)
from modeling.ppo_config import PPOConfig
from modeling.prompt_data import Prompt, check_separate, read_prompts
from modeling.recipe import (
    Report,
    Result,
    ShouldStop,
    command,
    finished,
    identity_of,
    order_of,
    step_seed,
    write_report,
)
from modeling.rollouts import Rollout, cast, check_sane, combined_rewards, example_of, figures_of, roll_out
from modeling.schedule import cosine_with_warmup, warmup_steps
from modeling.shared_prefix import by_length_among
from modeling.token_logprobs import head_is_all
from modeling.value_head import add_value_head, drop_value_head, token_figures


def train(
    config: PPOConfig,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    ranks: Ranks = Ranks(),  # noqa: B008 - frozen
) -> Result:
    """Trains until the iterations are done or the held-out reward stalls, and saves the policy that was best; a run
    that already finished is only read.

    The same config, data and number of threads give the same weights, on a CPU bit for bit, whether or not the run was
    interrupted. should_stop is asked after every answer and before every forward pass: True saves a checkpoint, within
    an iteration its answers too, and raises Stopped. Raises DataError, ConfigError, CheckpointError, ResumeError,
    TrainingError.
    """
    run = config.run_dir
    prompts = read_prompts(run / "data" / "prompts.jsonl")
    held_out_prompts = _held_out_prompts(config)
    check_separate(prompts, held_out_prompts)
    identity = identity_of(config, models=("base", "helpfulness_reward", "safety_reward"))
    if (result := finished(run, identity)) is not None:
        return result

    policy = load_policy(config.base, device=starting_device(config, ranks))
    model, tokenizer = policy
    config = replace(config, max_length=min(config.max_length, model.config.max_position_embeddings))
    trained, evaluated = (_that_fit(tokenizer, each, config) for each in (prompts, held_out_prompts))
    _prepare(model, config)
    learner = Learner(model, token_figures, config, ranks, identity, should_stop)
    position = learner.restore()
    players = cast(learner, policy, config)
    held_out = HeldOut(learner, players, evaluated, config)
    if evaluated and not held_out.found:
        held_out.evaluate(0)

    warmup = warmup_steps(config.iterations, config.warmup_share, config.warmup_least)
    while position.step < config.iterations and not held_out.has_stalled():
        iteration = position.step + 1
        learning_rate = config.learning_rate * cosine_with_warmup(
            position.step, config.iterations, warmup, config.floor
        )
        learner.begin_step(learning_rate)
        is_resumed = "unfinished" in learner.kept
        if not is_resumed:
            batch = _batch_of(trained, config, position.step)
            rollouts = roll_out(learner, players, batch, config, step_seed(config.seed, position.step))
            check_sane(figures_of(rollouts, config), position.step, config)
            learner.kept["unfinished"] = {"rollouts": [tuple(rollout) for rollout in rollouts], "updates": []}
        rollouts = [Rollout(*rollout) for rollout in learner.kept["unfinished"]["rollouts"]]
        updates = learner.kept["unfinished"]["updates"]
        experience = _experience(rollouts, config)
        for indices in _mini_batches(config, position.step)[len(updates) :]:
            updates.append(_update(learner, tokenizer, experience, indices, config))
        figures = figures_of(rollouts, config) | _summary(updates) | {"learning_rate": learning_rate}
        figures["explained_variance"] = explained_variance(
            experience.values[experience.mask], experience.returns[experience.mask]
        )
        figures["sampling_mismatch"] = _mismatch(rollouts)
        is_evaluated = held_out.is_due(iteration)
        if is_evaluated:
            figures |= held_out.evaluate(iteration)
        del learner.kept["unfinished"]
        seconds = learner.end_step()
        position = learner.position
        if not is_resumed:
            figures["answers_per_second"] = len(rollouts) / seconds
        learner.log_and_keep(iteration if held_out.has_stalled() else config.iterations, figures, report)
        if is_evaluated:
            if iteration % config.checkpoint_every:
                learner.keep()
            held_out.forget_older()

    held_out.take_best()
    drop_value_head(model)
    learner.save_model(tokenizer, run / "model")
    is_early = position.step < config.iterations
    outcome = {
        "stop_reason": "the held-out reward stalled" if is_early else "all iterations are done",
        "steps": position.step,
        "start": held_out.found.get("start"),
        "best": held_out.found.get("best"),
        "end": held_out.found.get("latest"),
        "prompts": len(trained),
        "held_out_prompts": len(evaluated),
        "prompts_left_out": len(prompts) + len(held_out_prompts) - len(trained) - len(evaluated),
        "answers": position.step * config.batch_size,
        "seconds": round(position.seconds, 3),
        "answers_per_second": round(position.step * config.batch_size / position.seconds, 3),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "model_digest": digest(run / "model"),
        "identity": identity,
    }
    return write_report(run, outcome, ranks)


class Experience(NamedTuple):
    """A batch of answers as the losses see it; tensors are (answers, tokens), padded on the right."""

    examples: list[Example]
    mask: Tensor
    """True on the answers' tokens."""
    logprobs: Tensor
    """log pi_old"""
    values: Tensor
    """As they were when the answers were sampled."""
    advantages: Tensor
    """Whitened over the tokens of the batch, as Stiennon et al. (2020) do."""
    returns: Tensor


def _experience(rollouts: Sequence[Rollout], config: PPOConfig) -> Experience:
    """What the batch teaches: the whitened reward of each answer at its last token (the end of the turn, where the
    policy wrote one), the KL penalty at each, and the advantages that follow."""

    def padded(parts: list[Tensor]) -> Tensor:
        return nn.utils.rnn.pad_sequence(parts, batch_first=True)

    mask = padded([torch.ones(len(rollout.answer), dtype=torch.bool) for rollout in rollouts])
    logprobs = padded([rollout.logprobs for rollout in rollouts])
    reference = padded([rollout.reference_logprobs for rollout in rollouts])
    values = padded([rollout.values for rollout in rollouts])
    unended = torch.tensor([float(not rollout.ended) for rollout in rollouts])
    reward = whitened(combined_rewards(rollouts, config)) - config.truncation_penalty * unended
    rewards = token_rewards(reward, logprobs, reference, mask, config.beta)
    advantages, returns = generalized_advantages(rewards, values, mask, config.gamma, config.gae_lambda)
    advantages[mask] = whitened(advantages[mask])
    examples = [example_of(rollout.prompt, rollout.answer) for rollout in rollouts]
    return Experience(examples, mask, logprobs, values, advantages, returns)


def _update(
    learner: Learner, tokenizer: PreTrainedTokenizerBase, experience: Experience, indices: list[int], config: PPOConfig
) -> dict[str, float]:
    """One gradient step on a mini-batch of answers, each of its tokens weighing the same; the step's figures."""
    tokens = int(experience.mask[indices].sum())
    examples = [experience.examples[index] for index in indices]
    sums = [0.0] * 5
    for group, weight in learner.passes(by_length_among(examples, config.token_budget), len(indices)):
        rows = [indices[place] for place in group]
        batch = pad([[examples[place]] for place in group], padding_id(tokenizer))
        logprobs, entropy, values = learner.forward(batch).unbind(dim=1)
        old_logprobs, old_values, advantages, returns = (
            each[rows][experience.mask[rows]].to(logprobs.device)
            for each in (experience.logprobs, experience.values, experience.advantages, experience.returns)
        )
        policy = policy_loss(logprobs, old_logprobs, advantages, config.clip, tokens)
        value = value_loss(values, old_values, returns, config.value_clip, tokens)
        (weight * (policy + config.value_weight * value)).backward()
        with torch.no_grad():
            part = (
                float(policy),
                float(value),
                float(entropy.sum()) / tokens,
                clip_fraction(logprobs, old_logprobs, config.clip, tokens),
                approximate_kl(logprobs, old_logprobs, tokens),
            )
        sums = [total + weight * each for total, each in zip(sums, part, strict=True)]
    policy_part, value_part, entropy_mean, clipped, divergence = learner.ranks.total(*sums)
    loss = policy_part + config.value_weight * value_part
    return {
        "loss": loss,
        "policy_loss": policy_part,
        "value_loss": value_part,
        "entropy": entropy_mean,
        "clip_fraction": clipped,
        "approximate_kl": divergence,
        "gradient_norm": learner.update(loss),
    }


def _summary(updates: list[dict[str, float]]) -> dict[str, float]:
    """The means over an iteration's gradient steps, and the largest norm of a gradient before clipping."""
    means = {name: fmean(update[name] for update in updates) for name in updates[0]}
    return means | {"gradient_norm_largest": max(update["gradient_norm"] for update in updates)}


def _mismatch(rollouts: Sequence[Rollout]) -> float:
    """Mean distance between the log-probabilities of the sampling engine and the learner, in nats per token: what the
    precision and the order of sums make of the same weights."""
    distances = torch.cat([(rollout.sampled_logprobs - rollout.logprobs).abs() for rollout in rollouts])
    return float(distances.mean())


def _held_out_prompts(config: PPOConfig) -> list[Prompt]:
    """Those of data/held_out.jsonl, which may be absent or empty."""
    path = config.run_dir / "data" / "held_out.jsonl"
    return read_prompts(path, may_be_empty=True) if path.exists() else []


def _that_fit(tokenizer: PreTrainedTokenizerBase, prompts: list[Prompt], config: PPOConfig) -> list[Prompt]:
    """The prompts that leave room for an answer of max_new_tokens. Raises DataError where none of several does."""
    room = config.max_length - config.max_new_tokens
    fitting = [prompt for prompt in prompts if len(encode_prompt(tokenizer, prompt.messages)) <= room]
    if prompts and not fitting:
        raise DataError(
            f"none of {len(prompts)} prompts fits into {room} tokens, max_length ({config.max_length}) less "
            f"max_new_tokens ({config.max_new_tokens}); change one of them"
        )
    return fitting


def _prepare(model: PreTrainedModel, config: PPOConfig) -> None:
    """Gives the policy its value head, and takes its dropout away: an answer's ratio is 1 before the first update."""
    if not head_is_all(model):
        raise CheckpointError(
            f"{config.base} scales or caps its logits after the head, which PPO doesn't support; use another base"
        )
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0
    add_value_head(model)


def _batch_of(prompts: Sequence[Prompt], config: PPOConfig, step: int) -> list[Prompt]:
    """An iteration's prompts, always batch_size of them: the run goes through all prompts again and again, each time in
    an order of its own, and an iteration takes the next ones."""
    batch: list[Prompt] = []
    while len(batch) < config.batch_size:
        epoch, place = divmod(step * config.batch_size + len(batch), len(prompts))
        order = order_of(len(prompts), config.seed, epoch)
        batch += [prompts[index] for index in order[place : place + config.batch_size - len(batch)]]
    return batch


def _mini_batches(config: PPOConfig, step: int) -> list[list[int]]:
    """The answers of an iteration's gradient steps: each answer in one of them."""
    generator = torch.Generator().manual_seed(step_seed(config.seed, step))
    order = torch.randperm(config.batch_size, generator=generator).tolist()
    return [order[start : start + config.mini_batch_size] for start in range(0, len(order), config.mini_batch_size)]


def main(arguments: Sequence[str] | None = None) -> int:
    return command("modeling.train_ppo", "Improves a policy against reward models.", PPOConfig, train, arguments)


if __name__ == "__main__":
    sys.exit(main())
