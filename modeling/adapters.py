"""Low-rank adapters (LoRA, Hu et al. 2021) through peft: fewer weights to train, the same checkpoint in the end."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

HEADS = ("score", "value_head")
"""Heads that start from nothing: trained whole, beside the adapters."""


def add_adapters(model: PreTrainedModel, rank: int, alpha: float) -> None:
    """Gives every linear layer of the model but its heads an adapter of ``rank``, in place; all other weights stay as
    they are. Every process, and a run that starts again, draws the same ones."""
    from peft import LoraConfig, get_peft_model

    heads = [name for name in HEADS if isinstance(getattr(model, name, None), nn.Module)]
    settings = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", modules_to_save=heads or None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        get_peft_model(model, settings)
    model.train()


def merged(model: PreTrainedModel, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the plain model: W + alpha / rank * B A (Hu et al. 2021, equation 3) for every adapted layer.

    weights: the adapted model's own, or the whole of them where its processes hold shards. The model stays as it is.
    """
    from peft.tuners.lora import LoraLayer
    from peft.utils import ModulesToSaveWrapper

    plain = dict(weights)
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            up, down = (plain.pop(f"{name}.lora_{matrix}.default.weight") for matrix in ("B", "A"))
            change = module.scaling["default"] * up @ down
            kept = _taken(plain, f"{name}.base_layer.")
            kept["weight"] = kept["weight"] + (change.T if module.fan_in_fan_out else change)
        elif isinstance(module, ModulesToSaveWrapper):
            _taken(plain, f"{name}.original_module.")
            kept = _taken(plain, f"{name}.modules_to_save.default.")
        else:
            continue
        plain |= {f"{name}.{each}": tensor for each, tensor in kept.items()}
    return plain


def _taken(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Removes the weights whose names begin with the prefix; returns them without it."""
    names = [name for name in weights if name.startswith(prefix)]
    return {name.removeprefix(prefix): weights.pop(name) for name in names}
