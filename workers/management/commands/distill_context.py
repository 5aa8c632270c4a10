"""Distil a safety pre-prompt into a policy, or go on with an interrupted run."""

from workers.recipes import CONTEXT_DISTILLATION
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = CONTEXT_DISTILLATION
