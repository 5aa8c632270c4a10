"""Train a reward model, or go on with a training that was interrupted."""

from workers.recipes import REWARD_MODEL
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = REWARD_MODEL
