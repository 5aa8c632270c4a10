"""Train a policy against reward models, or go on with a training that was interrupted."""

from workers.recipes import PPO
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = PPO
