"""PPO's eye on held-out prompts: how the policy answers them, which iteration's weights are best, when to stop."""

import shutil
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from modeling.checkpoints import save_tensors, written_whole
from modeling.learner import Learner
from modeling.ppo_config import PPOConfig
from modeling.prompt_data import Prompt
from modeling.rollouts import Cast, check_sane, figures_of, roll_out


class HeldOut:
    """Evaluations on held-out prompts. What they found is kept with the learner's checkpoints; the best iteration's
    weights lie beside those, in checkpoints/best-N."""

    def __init__(self, learner: Learner, cast: Cast, prompts: Sequence[Prompt], config: PPOConfig) -> None:
        """prompts: may be none; then nothing is evaluated, and the last weights are the best."""
        self.learner, self.cast, self.prompts, self.config = learner, cast, prompts, config

    @property
    def found(self) -> dict[str, Any]:
        """The figures at the start, the best and the latest evaluation, each with its iteration, and how many
        evaluations in a row (``fruitless``) weren't better than the best. Empty before the first evaluation."""
        found: dict[str, Any] = self.learner.kept.get("held_out", {})
        return found

    def is_due(self, iteration: int) -> bool:
        """Whether the policy is evaluated after this many iterations."""
        return bool(self.prompts) and (
            iteration % self.config.evaluate_every == 0 or iteration == self.config.iterations
        )

    def has_stalled(self) -> bool:
        """Whether the run has gone ``patience`` evaluations without a better one."""
        return bool(self.config.patience) and self.found.get("fruitless", 0) >= self.config.patience

    def evaluate(self, iteration: int) -> dict[str, float]:
        """Answers the held-out prompts, notes the figures, and keeps the weights if they are the best so far.

        Answers are drawn at temperature 1, where their log ratios measure KL(pi || pi_0), with the same random numbers
        each time, so that two evaluations differ by the policy more than by chance. The best is the one with the
        largest mean R_c. Raises TrainingError, Stopped.
        """
        figures = figures_of(
            roll_out(self.learner, self.cast, self.prompts, self.config, self.config.seed), self.config
        )
        check_sane(figures, iteration, self.config)
        now = {"iteration": iteration, **figures}
        earlier = self.found
        is_best = not earlier or figures["reward"] > earlier["best"]["reward"]
        if is_best:
            self._keep_weights(iteration)
        self.learner.kept["held_out"] = {
            "start": earlier.get("start", now),
            "best": now if is_best else earlier["best"],
            "latest": now,
            "fruitless": 0 if is_best else earlier["fruitless"] + 1,
        }
        return {f"held_out_{name}": figures[name] for name in ("reward", "reward_logit", "kl")}

    def take_best(self) -> None:
        """Gives the learner the best iteration's weights."""
        if self.found and self.found["best"]["iteration"] != self.learner.position.step:
            path = self.learner.states / f"best-{self.found['best']['iteration']}" / "weights.pt"
            self.learner.take(torch.load(path, map_location="cpu", weights_only=True))

    def forget_older(self) -> None:
        """Removes the weights that neither of the last two checkpoints calls the best. To be called once a checkpoint
        was kept after the last evaluation."""
        if self.learner.ranks.is_first:
            folders = list(self.learner.states.glob("best-*"))
            folders.sort(key=lambda folder: int(folder.name.removeprefix("best-")))
            for folder in folders[:-2]:
                shutil.rmtree(folder)

    def _keep_weights(self, iteration: int) -> None:
        weights: dict[str, Tensor] = self.learner.weights()
        if self.learner.ranks.is_first:
            with written_whole(self.learner.states / f"best-{iteration}") as partial:
                save_tensors(weights, partial / "weights.pt")
        self.learner.ranks.barrier()
