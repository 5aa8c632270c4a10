"""Fine-tune a policy on demonstrations, or go on with a training that was interrupted."""

from workers.recipes import SFT
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = SFT
