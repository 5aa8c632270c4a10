"""Checkpoints of registered models, loaded once per worker process and kept while there is room."""

from functools import lru_cache
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from modeling.checkpoints import (
    CheckpointError,
    Policy,
    RewardModel,
    best_device,
    digest,
    load_policy,
    load_reward_model,
)
from modeling.endpoints import Endpoint
from modeling.registry.models import ModelVersion
from modeling.sampling import Sampler

transformers_logging.disable_progress_bar()  # a worker's output is a log

KEPT = 4
"""How many models of each kind stay in memory; the one that was used longest ago goes first."""


def policy_of(model: ModelVersion) -> Sampler:
    """What to sample from: a checkpoint's chat model, loaded, or an endpoint. Raises CheckpointError, SamplingError."""
    if model.backend == ModelVersion.Backend.ENDPOINT:
        return Endpoint(model.base_url, model.remote_model, model.key_variable)
    return _policy(_folder(model), model.digest)


def reward_model_of(model: ModelVersion) -> RewardModel:
    """The reward model to score with. Raises CheckpointError."""
    return _reward_model(_folder(model), model.digest)


@lru_cache(KEPT)
def _policy(folder: Path, registered: str) -> Policy:
    _check_unchanged(folder, registered)
    policy = load_policy(folder, _precision())
    _check_finite(policy.model, folder)
    return policy


@lru_cache(KEPT)
def _reward_model(folder: Path, registered: str) -> RewardModel:
    _check_unchanged(folder, registered)
    reward_model = load_reward_model(folder)
    _check_finite(reward_model.model, folder)
    return reward_model


def _folder(model: ModelVersion) -> Path:
    if model.backend == ModelVersion.Backend.ENDPOINT:
        raise CheckpointError(f"{model} has no checkpoint here: it is served at {model.base_url}")
    if model.backend != ModelVersion.Backend.LOCAL:
        raise CheckpointError(f"{model} has no checkpoint: it is only a name in imported data")
    return Path(model.path)


def _check_unchanged(folder: Path, registered: str) -> None:
    if (found := digest(folder)) != registered:
        raise CheckpointError(
            f"{folder} changed since it was registered (digest {found[:12]}, registered {registered[:12]}); "
            "put the old files back, or register the new ones under a name of their own"
        )


def _check_finite(model: torch.nn.Module, folder: Path) -> None:
    for name, weights in model.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise CheckpointError(
                f"{folder} holds weights that are not finite numbers ({name}); copy or train it again"
            )


def _precision() -> torch.dtype:
    """bfloat16 on a GPU, where it halves the memory; float32 on a CPU, where it is the faster one."""
    return torch.bfloat16 if best_device().type == "cuda" else torch.float32
