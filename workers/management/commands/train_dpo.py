"""Train a policy on preferences without a reward model, or go on with an interrupted training."""

from workers.recipes import DPO
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = DPO
