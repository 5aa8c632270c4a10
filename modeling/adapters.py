"""Low-rank adapters (LoRA, Hu et al. 2021) through peft: fewer weights to train, the same checkpoint in the end."""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

HEADS = ("score", "value_head")
"""Heads that start from nothing: trained whole, beside the adapters."""


def with_adapters(model: PreTrainedModel, rank: int, alpha: float) -> Any:
    """The model with adapters of ``rank`` on every linear layer but its heads; all other weights stay as they are. Every
    process, and a run that starts again, draws the same ones."""
    from peft import LoraConfig, get_peft_model

    heads = [name for name in HEADS if isinstance(getattr(model, name, None), nn.Module)]
    settings = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", modules_to_save=heads or None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adapted = get_peft_model(model, settings)
    adapted.train()
    return adapted


def merged(model: Any) -> PreTrainedModel:
    """The plain model, its adapters (if it has any) added to the weights that they adapt."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
