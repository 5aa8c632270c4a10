"""Teach a policy to keep to instructions over turns, or go on with an interrupted run."""

from workers.recipes import GHOST_ATTENTION
from workers.training_command import TrainingCommand


class Command(TrainingCommand):
    recipe = GHOST_ATTENTION
