"""What PPO learns from: answers that the policy samples, with what the reward models and pi_0 think of them."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from modeling.adapters import add_adapters
from modeling.chat import Message, encode_prompt, padding_id
from modeling.checkpoints import Policy, RewardModel, load_policy, load_reward_model
from modeling.combined_reward import combined_reward
from modeling.learner import Learner
from modeling.packing import Example, pad
from modeling.ppo_config import PPOConfig
from modeling.prompt_data import Prompt
from modeling.recipe import TrainingError, dtype_of
from modeling.sampling import Answer, Request, answer_seed, sample_requests
from modeling.scoring import score
from modeling.shared_prefix import by_length_among
from modeling.value_head import token_figures


class Rollout(NamedTuple):
    """An answer to a prompt, by the policy as it was when it wrote it. The tensors have one value per answer token."""

    prompt: list[int]
    answer: list[int]
    """The tokens that were drawn, with the end of the turn where the policy wrote one."""
    ended: bool
    """Whether it did, within max_new_tokens."""
    is_safety: bool
    """Whether the prompt is tagged safety."""
    helpfulness: float
    """Raw score of the helpfulness reward model."""
    safety: float | None
    """Raw score of the safety reward model, if there is one."""
    sampled_logprobs: Tensor
    """log pi as the sampling engine computed it, in nats."""
    logprobs: Tensor
    """log pi as the learner computes it, in nats: the old log-probabilities of the ratio. They come from the forward
    pass that gives the values, so that they cost no further one, and the first ratio of an iteration is 1 whatever the
    precision; how far the engine's are from them is reported (sampling_mismatch)."""
    reference_logprobs: Tensor
    """log pi_0, in nats."""
    values: Tensor


class Cast(NamedTuple):
    """Who takes part beside the learner: none of these models learns."""

    sampler: Policy
    """The policy as it samples: the learner's own model, or, where that is sharded, a copy that is brought up to date
    before each batch. The paper does so too: generation by sharded weights was 20 times slower."""
    reference: PreTrainedModel | None
    """pi_0, frozen; None where it is the policy with its adapters switched off."""
    helpfulness: RewardModel
    safety: RewardModel | None


def cast(learner: Learner, policy: Policy, config: PPOConfig) -> Cast:
    """Loads the other models. Raises CheckpointError.

    policy: the learner's model and its tokenizer.
    """
    dtype = dtype_of(config)
    sampler = policy
    if learner.is_sharded:
        sampler = Policy(load_policy(config.base).model, policy.tokenizer)
        if config.lora_rank:
            add_adapters(sampler.model, config.lora_rank, config.lora_alpha)
    return Cast(
        sampler,
        None if config.lora_rank else load_policy(config.base, dtype).model,
        load_reward_model(config.helpfulness_reward, dtype),
        load_reward_model(config.safety_reward, dtype) if config.safety_reward else None,
    )


@torch.no_grad()
def roll_out(learner: Learner, cast: Cast, prompts: Sequence[Prompt], config: PPOConfig, seed: int) -> list[Rollout]:
    """One answer to each prompt at temperature 1, with everything that PPO needs of it, in every process.

    The answers are a function of the weights, the prompts and the seed; a prompt that occurs twice is answered
    differently. Each process samples and scores its share. Raises Stopped.
    """
    answers = _sampled(learner, cast.sampler, prompts, config, seed)
    exchanges = [(prompt.messages, answer.text) for prompt, answer in zip(prompts, answers, strict=True)]
    helpfulness = _scored(learner, cast.helpfulness, exchanges, config)
    safety = _scored(learner, cast.safety, exchanges, config) if cast.safety else [None] * len(prompts)
    encoded = [encode_prompt(cast.sampler.tokenizer, prompt.messages) for prompt in prompts]
    examples = [example_of(ids, answer.token_ids) for ids, answer in zip(encoded, answers, strict=True)]
    figures = _token_figures(learner, cast, examples, config)
    return [
        Rollout(
            prompt=encoded[index],
            answer=list(answers[index].token_ids),
            ended=answers[index].finish_reason == "stop",
            is_safety=prompt.is_safety,
            helpfulness=helpfulness[index],
            safety=safety[index],
            sampled_logprobs=torch.tensor(answers[index].logprobs),
            logprobs=figures[index][0],
            reference_logprobs=figures[index][1],
            values=figures[index][2],
        )
        for index, prompt in enumerate(prompts)
    ]


def combined_rewards(rollouts: Sequence[Rollout], config: PPOConfig) -> Tensor:
    """logit(R_c) of each answer: (answers,)."""
    helpfulness = torch.tensor([rollout.helpfulness for rollout in rollouts])
    safety = [rollout.safety for rollout in rollouts if rollout.safety is not None]
    is_safety = torch.tensor([rollout.is_safety for rollout in rollouts])
    return combined_reward(helpfulness, torch.tensor(safety) if safety else None, is_safety, config.safety_threshold)


def figures_of(rollouts: Sequence[Rollout], config: PPOConfig) -> dict[str, float]:
    """Means over the answers: the reward R_c as a probability and as a logit, each reward model's probability, the
    divergence from pi_0 in nats per answer, the tokens, and the share that ended their turn."""
    reward = combined_rewards(rollouts, config)
    figures = {
        "reward": float(torch.sigmoid(reward).mean()),
        "reward_logit": float(reward.mean()),
        "helpfulness": float(torch.sigmoid(torch.tensor([rollout.helpfulness for rollout in rollouts])).mean()),
        "kl": fmean(float((rollout.logprobs - rollout.reference_logprobs).sum()) for rollout in rollouts),
        "answer_tokens": fmean(len(rollout.answer) for rollout in rollouts),
        "ended": fmean(rollout.ended for rollout in rollouts),
    }
    if safety := [rollout.safety for rollout in rollouts if rollout.safety is not None]:
        figures["safety"] = float(torch.sigmoid(torch.tensor(safety)).mean())
    return figures


def check_sane(figures: dict[str, float], iteration: int, config: PPOConfig) -> None:
    """Raises TrainingError where the policy has run away from pi_0, or a reward is no number.

    figures: of the answers (figures_of), which the policy gave after ``iteration`` iterations.
    """
    after = f"after iteration {iteration}: "
    kept = f"the last checkpoints in {config.run_dir / 'checkpoints'} are untouched"
    if not math.isfinite(figures["reward_logit"]):
        raise TrainingError(
            f"{after}the mean reward is {figures['reward_logit']}; {kept}. Look for damaged weights in the reward "
            f"models {config.helpfulness_reward} and {config.safety_reward}"
        )
    if not figures["kl"] <= config.kl_limit:
        raise TrainingError(
            f"{after}the policy is {figures['kl']:.4g} nats per answer from pi_0, more than kl_limit "
            f"({config.kl_limit}), at a mean reward of {figures['reward']:.3f}; {kept}. In a new run, raise beta (now "
            f"{config.beta}) or lower learning_rate (now {config.learning_rate})"
        )


def example_of(prompt: Sequence[int], answer: Sequence[int]) -> Example:
    """Prompt and answer as one sequence, of which the answer's tokens are chosen by the policy."""
    ids = torch.tensor([*prompt, *answer], dtype=torch.int32)
    return Example(ids, torch.arange(len(ids)) >= len(prompt))


def _sampled(
    learner: Learner, sampler: Policy, prompts: Sequence[Prompt], config: PPOConfig, seed: int
) -> list[Answer]:
    """One answer to each prompt, in every process."""
    if learner.is_sharded:
        learner.copy_to(sampler.model)
    was_training = sampler.model.training
    sampler.model.eval()
    draws: dict[str, int] = {}
    requests = []
    for prompt in prompts:
        draw = draws[repr(prompt.messages)] = draws.get(repr(prompt.messages), -1) + 1
        requests.append(
            Request(
                prompt.messages,
                seed=answer_seed(seed, prompt.messages, draw),
                max_new_tokens=config.max_new_tokens,
                logprobs=True,
            )
        )
    own = learner.ranks.share(requests)
    answers: dict[int, Answer] = {}
    with learner.autocast():
        for index, answer in sample_requests(sampler, own, rows=config.sampling_rows):
            answers[index] = answer
            if learner.ranks.size == 1:  # several would have to meet, and their answers end at different times
                learner.stop_if_asked()
    sampler.model.train(was_training)
    return learner.ranks.gathered([answers[index] for index in range(len(own))])


def _scored(
    learner: Learner,
    reward_model: RewardModel,
    exchanges: Sequence[tuple[Sequence[Message], str]],
    config: PPOConfig,
) -> list[float]:
    own = learner.ranks.share(exchanges)
    return learner.ranks.gathered(score(reward_model, own, token_budget=config.token_budget))


def _token_figures(learner: Learner, cast: Cast, examples: Sequence[Example], config: PPOConfig) -> list[list[Tensor]]:
    """Per answer its tokens' log pi, log pi_0 and values, on the CPU, in every process."""
    padding = padding_id(cast.sampler.tokenizer)
    found: dict[int, list[Tensor]] = {}
    for group, weight in learner.passes(by_length_among(examples, config.token_budget), len(examples)):
        batch = pad([[examples[index]] for index in group], padding)
        logprobs, _, values = learner.forward(batch).cpu().unbind(dim=1)
        if cast.reference is None:
            with _adapters_off(learner.model):
                reference = learner.forward(batch)[:, 0].cpu()
        else:
            with learner.autocast():
                reference = token_figures(cast.reference, batch)[:, 0].cpu()
        lengths = [int(examples[index].trained.sum()) for index in group]
        parts = zip(*(each.split(lengths) for each in (logprobs, reference, values)), strict=True)
        if weight:
            # Copies: a part of a tensor is stored, and sent, with the whole of it.
            found |= {index: [each.clone() for each in part] for index, part in zip(group, parts, strict=True)}
    own = [found[index] for index in learner.ranks.share(range(len(examples)))]
    return learner.ranks.gathered(own)


@contextmanager
def _adapters_off(model: PreTrainedModel) -> Iterator[None]:
    """The model as it was before it was given adapters."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    yield
    for layer in layers:
        layer.enable_adapters(True)
