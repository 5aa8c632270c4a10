"""Answers that a policy draws and the reward models score."""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypedDict

import torch

from modeling.chat import Message
from modeling.checkpoints import RewardModel, load_policy, load_reward_model
from modeling.combined_reward import combined_reward
from modeling.configuration import ConfigError
from modeling.prompt_data import Prompt
from modeling.recipe import TrainingError, dtype_of
from modeling.rejection_config import RejectionConfig
from modeling.sampling import SamplingError, sample_batch
from modeling.scoring import score


class ScoredAnswer(TypedDict):
    """An answer as a run keeps it."""

    answer: str
    score: float
    """The logit of the combined reward."""
    ended: bool


class Exchange(NamedTuple):
    """An answer, and what it is the answer to."""

    messages: list[Message]
    answer: str
    is_safety: bool
    """Whether the prompt is tagged safety."""


class Judge:
    """The reward models as one: the logit of the combined reward (paper, section 3.2.3). Each model is loaded when it
    is first used: a run that goes on may not need it."""

    def __init__(self, config: RejectionConfig) -> None:
        self.config = config

    @cached_property
    def helpfulness(self) -> RewardModel:
        if (folder := self.config.helpfulness_reward) is None:
            raise ConfigError("helpfulness_reward must be a reward model's folder where answers are scored, got None")
        return load_reward_model(folder, dtype_of(self.config))

    @cached_property
    def safety(self) -> RewardModel | None:
        folder = self.config.safety_reward
        return load_reward_model(folder, dtype_of(self.config)) if folder else None

    def scores(self, exchanges: Sequence[Exchange]) -> list[float]:
        """The score of each exchange, in their order; one that occurs several times is read once. Raises TrainingError
        for a score that is no finite number."""
        keys = [(repr(exchange.messages), exchange.answer, exchange.is_safety) for exchange in exchanges]
        distinct = dict(zip(keys, exchanges, strict=True))
        answered = [(exchange.messages, exchange.answer) for exchange in distinct.values()]
        budget = self.config.token_budget
        helpfulness = torch.tensor(score(self.helpfulness, answered, token_budget=budget))
        safety = torch.tensor(score(self.safety, answered, token_budget=budget)) if self.safety else None
        is_safety_prompt = torch.tensor([exchange.is_safety for exchange in distinct.values()])
        rewards = combined_reward(helpfulness, safety, is_safety_prompt, self.config.safety_threshold).tolist()
        if not all(map(torch.isfinite, torch.tensor(rewards))):
            raise TrainingError("a reward model's score is no finite number; look for damaged weights in it")
        by_key = dict(zip(distinct, rewards, strict=True))
        return [by_key[key] for key in keys]


class Sampler:
    """Draws answers from a policy and has them scored."""

    def __init__(self, folder: Path, judge: Judge) -> None:
        self.folder, self.judge, self.config = folder, judge, judge.config
        self.policy = load_policy(folder, dtype_of(self.config))

    def answers(self, asked: Sequence[tuple[Prompt, float]], k: int, seed: int) -> list[list[ScoredAnswer]]:
        """k scored answers to each prompt at its temperature. Raises TrainingError where the policy can't be sampled
        as the config says."""
        return [
            answers
            for temperature, group in groupby(asked, key=lambda each: each[1])
            for answers in self._at(temperature, [prompt for prompt, _ in group], k, seed)
        ]

    def _at(self, temperature: float, prompts: Sequence[Prompt], k: int, seed: int) -> list[list[ScoredAnswer]]:
        drawn = sample_batch(
            self.policy,
            [prompt.messages for prompt in prompts],
            temperature=temperature,
            top_p=self.config.top_p,
            seed=seed,
            max_new_tokens=self.config.max_new_tokens,
            n=k,
            rows=self.config.sampling_rows,
        )
        try:
            answers = dict(drawn)
        except SamplingError as error:
            raise TrainingError(f"the policy {self.folder} cannot be sampled: {error}") from error
        flat = [(prompt, answer) for place, prompt in enumerate(prompts) for answer in answers[place]]
        scores = self.judge.scores([Exchange(prompt.messages, each.text, prompt.is_safety) for prompt, each in flat])
        scored = [
            ScoredAnswer(answer=answer.text, score=value, ended=answer.finish_reason == "stop")
            for (_, answer), value in zip(flat, scores, strict=True)
        ]
        return [scored[start : start + k] for start in range(0, len(scored), k)]
