"""A program for several processes: shards a reward model as its recipe does, and prints how many weights each holds."""

import json
from collections.abc import Sequence
from pathlib import Path

from modeling.checkpoints import new_reward_model
from modeling.distributed import joined
from modeling.learner import Learner, starting_device
from modeling.reward_config import RewardConfig
from modeling.shared_prefix import end_scores
from modeling.training_config import load_config


def main(arguments: Sequence[str]) -> None:
    config = load_config(RewardConfig, Path(arguments[0]))
    with joined() as ranks:
        model = new_reward_model(config.base, starting_device(config, ranks)).model
        learner = Learner(model, end_scores, config, ranks, {}, lambda: False)
        held = ranks.gathered([sum(parameter.to_local().numel() for parameter in learner.parameters)])
        if ranks.is_first:
            print(json.dumps({"held": held, "whole": sum(parameter.numel() for parameter in learner.parameters)}))
