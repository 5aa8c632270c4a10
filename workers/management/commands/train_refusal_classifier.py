"""Train a refusal classifier on labelled answers, or go on with a training that was interrupted."""

from workers.recipes import REFUSAL_CLASSIFIER
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = REFUSAL_CLASSIFIER
