"""What memory a run needs at least, and whether this machine has it: told before a run, not found out within it."""

import os
from pathlib import Path

import torch

from modeling.checkpoints import CheckpointError, parameter_count
from modeling.training_config import TrainingConfig

TRAINED = 16
"""Bytes of a weight that learns: itself, its gradient and AdamW's two moments, each in float32."""
FROZEN = 4
"""Bytes of one that doesn't, beside adapters."""
GIGABYTE = 10**9


def least_bytes(parameters: int, config: TrainingConfig, processes: int = 1) -> int:
    """Of weights, gradients and optimizer in each process; activations, and the other models of a recipe that has some,
    come on top. Adapters are so few weights that they are left out."""
    each = parameters * (FROZEN if config.lora_rank else TRAINED)
    return each // processes if config.sharded else each


def memory_warning(config: TrainingConfig, processes: int = 1, available: int | None = None) -> str | None:
    """What to tell where the memory cannot suffice, with the numbers.

    None where it may, where there is no base (n-grams are small), or where it can't be read, which the run itself
    tells. available: bytes that a process has; without it, those of the GPU or this machine.
    """
    base: Path | None = config.base
    if base is None:
        return None
    try:
        parameters = parameter_count(base)
    except (CheckpointError, OSError):
        return None
    needed = least_bytes(parameters, config, processes)
    if needed <= (available := _available(processes) if available is None else available):
        return None
    return (
        f"training {config.base} ({parameters / 1e9:.2g} billion weights) takes at least {needed / GIGABYTE:.3g} GB "
        f"per process for weights, gradients and optimizer, and {available / GIGABYTE:.3g} GB are there: set lora_rank "
        "to train adapters alone, or sharded on more GPUs, or take a smaller base"
    )


def _available(processes: int) -> int:
    """Bytes of this process's GPU; on the CPU, its part of the machine's."""
    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[1]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // processes
