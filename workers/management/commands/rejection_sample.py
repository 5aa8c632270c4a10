"""Sample, choose the best answers and fine-tune on them, or go on with an interrupted run."""

from workers.recipes import REJECTION_SAMPLING
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = REJECTION_SAMPLING
