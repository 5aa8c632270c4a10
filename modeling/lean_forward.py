"""A decoder of Llama's type without what is not needed: one new token per row, or the states of a few tokens.

The modules are the model's own, so that adapters and hooks on its linear layers, its head and its embeddings work as
ever, and weights that training changes are seen at once. The result is transformers' own up to rounding.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LlamaForCausalLM,
    LlamaModel,
    MistralForCausalLM,
    MistralModel,
    PreTrainedModel,
    Qwen2ForCausalLM,
    Qwen2Model,
)

from modeling.lean_gradients import Normed, Rotated

_ARCHITECTURES = (LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM)
"""Those whose layers are what ``lean_forward`` computes; a class that derives from them may compute something else."""

_TRUNKS = (LlamaModel, MistralModel, Qwen2Model)

Attend = Callable[[int, Tensor, Tensor, Tensor, float, int | None], Tensor]
"""Takes the layer's number, query, key and value (rows, heads, head size), the scale of the scores and the layer's
window; returns (rows, heads, head size)."""


def is_lean(model: PreTrainedModel) -> bool:
    """Whether ``lean_forward`` computes what this model does."""
    return type(model) in _ARCHITECTURES and not _is_watched(model)


def ends_alone(model: PreTrainedModel) -> bool:
    """Whether ``states_at`` computes what this model's trunk does."""
    core: Any = model.base_model
    has_window = getattr(core.config, "sliding_window", None)
    dropout = getattr(core.config, "attention_dropout", 0) and core.training
    usual = core.config._attn_implementation == "sdpa" and not has_window and not dropout
    return type(core) in _TRUNKS and usual and not _is_watched(model)


def _is_watched(model: PreTrainedModel) -> bool:
    """Whether anyone, as sharding does, hooks into the modules that are passed over, and expects to be called."""
    core: Any = model.base_model
    parts = (part for layer in core.layers for part in (layer, layer.self_attn, layer.mlp))
    return any(
        module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module)
        for module in (model, core, *parts)
    )


def lean_forward(model: PreTrainedModel, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
    """The logits of each row's next token: (rows, vocabulary). tokens, positions: (rows,)."""
    core: Any = model.model
    hidden = core.embed_tokens(tokens)
    cosine, sine = (part[0].unsqueeze(1) for part in core.rotary_emb(hidden, positions.unsqueeze(0)))
    half = cosine.shape[-1] // 2
    # what rotates half a head negates its second part: here the sine does
    sine = torch.cat((-sine[..., :half], sine[..., half:]), dim=-1)
    for number, layer in enumerate(core.layers):
        attention, mlp = layer.self_attn, layer.mlp
        normed = _normed(layer.input_layernorm, hidden)
        query, key, value = (
            project(normed).unflatten(-1, (-1, attention.head_dim))
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        heads = query.shape[1], key.shape[1]
        both = torch.cat((query, key), dim=1)
        turned = torch.cat((both[..., half:], both[..., :half]), dim=-1)
        query, key = torch.addcmul(both * cosine, turned, sine).split(heads, dim=1)
        # Qwen has a window in some layers, Mistral the same in all of them
        window = getattr(attention, "sliding_window", getattr(attention.config, "sliding_window", None))
        seen = attend(number, query, key, value, attention.scaling, window)
        hidden = hidden + attention.o_proj(seen.flatten(1))
        normed = _normed(layer.post_attention_layernorm, hidden)
        hidden = hidden + mlp.down_proj(mlp.act_fn(mlp.gate_proj(normed)).mul_(mlp.up_proj(normed)))
    logits: Tensor = model.lm_head(_normed(core.norm, hidden))
    return logits


def states_at(
    model: PreTrainedModel, input_ids: Tensor, position_ids: Tensor, attention_mask: Tensor, places: Tensor
) -> Tensor:
    """The last hidden states of a few tokens of each row: (rows, places, width).

    input_ids, position_ids: (rows, length); attention_mask: (rows, 1, length, length), true where the query sees the
    key; places: (rows, places). In the last layer the other tokens are read, and nothing else is computed for them.
    """
    core: Any = model.base_model
    hidden = core.embed_tokens(input_ids)
    turns = core.rotary_emb(hidden, position_ids)
    bias = torch.zeros_like(attention_mask, dtype=hidden.dtype).masked_fill_(~attention_mask, -torch.inf)
    for layer in core.layers[:-1]:
        if _is_plain(layer, hidden):
            hidden = _layer_at(layer, hidden, bias, turns, None)
        else:
            hidden = layer(hidden, attention_mask=attention_mask, position_ids=position_ids, position_embeddings=turns)
    states: Tensor = core.norm(_layer_at(core.layers[-1], hidden, bias, turns, places))
    return states


def _is_plain(layer: Any, hidden: Tensor) -> bool:
    """Whether a layer runs in float32, and keeps what it computes for its gradient."""
    recomputed = getattr(layer, "gradient_checkpointing", False) and layer.training
    return hidden.dtype == torch.float32 and not torch.is_autocast_enabled(hidden.device.type) and not recomputed


def _layer_at(layer: Any, hidden: Tensor, bias: Tensor, turns: tuple[Tensor, Tensor], places: Tensor | None) -> Tensor:
    """A layer's output at a few tokens of each row (rows, places), or at all of them: None.

    hidden: (rows, length, width); bias: (rows, 1, length, length), what is added to the scores.
    """
    attention, norm, plain = layer.self_attn, layer.input_layernorm, _is_plain(layer, hidden)
    normed = _plainly_normed(norm, hidden) if plain else norm(hidden)
    asked, (cosine, sine) = normed, turns
    if places is not None:
        rows = torch.arange(len(places), device=places.device).unsqueeze(1)
        asked, hidden, bias = normed[rows, places], hidden[rows, places], bias[rows, 0, places].unsqueeze(1)
        turns_asked = [part.expand(len(rows), -1, -1)[rows, places] for part in turns]
    else:
        turns_asked = [cosine, sine]
    key, value, query = (
        project(states).unflatten(-1, (-1, attention.head_dim))
        for project, states in ((attention.k_proj, normed), (attention.v_proj, normed), (attention.q_proj, asked))
    )
    query, key = _rotated(query, *turns_asked), _rotated(key, cosine, sine)
    seen = torch.nn.functional.scaled_dot_product_attention(
        query.transpose(1, 2),
        key.transpose(1, 2),
        value.transpose(1, 2),
        attn_mask=bias.to(query.dtype),
        scale=attention.scaling,
        enable_gqa=query.shape[2] != key.shape[2],
    )
    hidden = hidden + attention.o_proj(seen.transpose(1, 2).flatten(2))
    norm = layer.post_attention_layernorm
    normed = _plainly_normed(norm, hidden) if plain else norm(hidden)
    output: Tensor = hidden + layer.mlp(normed)
    return output


def _plainly_normed(norm: Any, hidden: Tensor) -> Tensor:
    return Normed.apply(hidden, norm.weight, norm.variance_epsilon)


def _rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """states: (rows, tokens, heads, head size); cosine, sine: (rows, tokens, head size)."""
    half = cosine.shape[-1] // 2
    sine = torch.cat((-sine[..., :half], sine[..., half:]), dim=-1)
    turned: Tensor = Rotated.apply(states, cosine.unsqueeze(2), sine.unsqueeze(2))
    return turned


def _normed(norm: Any, hidden: Tensor) -> Tensor:
    if hidden.dtype != torch.float32:
        normed: Tensor = norm(hidden)  # rounds to the shorter type before it multiplies by the weight
        return normed
    return torch.nn.functional.rms_norm(hidden, norm.weight.shape, norm.weight, norm.variance_epsilon)
