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
    usual = core.config._attn_implementation == "sdpa" and not has_window
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
    for layer in core.layers[:-1]:
        hidden = layer(hidden, attention_mask=attention_mask, position_ids=position_ids, position_embeddings=turns)
    last, rows = core.layers[-1], torch.arange(len(places), device=places.device).unsqueeze(1)
    attention = last.self_attn
    normed = last.input_layernorm(hidden)
    key, value, query = (
        project(states).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
        for project, states in (
            (attention.k_proj, normed),
            (attention.v_proj, normed),
            (attention.q_proj, normed[rows, places]),
        )
    )
    key = _rotated(key, *turns)
    query = _rotated(query, *(part.expand(len(rows), -1, -1)[rows, places] for part in turns))
    seen = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask[rows, 0, places].unsqueeze(1),
        scale=attention.scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    hidden = hidden[rows, places] + attention.o_proj(seen.transpose(1, 2).flatten(2))
    hidden = hidden + last.mlp(last.post_attention_layernorm(hidden))
    states: Tensor = core.norm(hidden)
    return states


def _rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """states: (rows, heads, tokens, head size); cosine, sine: (rows, tokens, head size)."""
    first, second = states.chunk(2, dim=-1)
    return states * cosine.unsqueeze(1) + torch.cat((-second, first), dim=-1) * sine.unsqueeze(1)


def _normed(norm: Any, hidden: Tensor) -> Tensor:
    if hidden.dtype != torch.float32:
        normed: Tensor = norm(hidden)  # rounds to the shorter type before it multiplies by the weight
        return normed
    return torch.nn.functional.rms_norm(hidden, norm.weight.shape, norm.weight, norm.variance_epsilon)
