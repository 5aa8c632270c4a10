"""Log-probabilities of the tokens that a loss asks for, without the logits of all others.

A language model's logits take (tokens x vocabulary) numbers: of a prompt's tokens, whose loss is 0, none is needed, and
of the others a chunk at a time.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

CHUNK = 2**26
"""Logits held at a time: 256 MiB in float32."""


class Batch(NamedTuple):
    """Rows of token ids, and of which tokens the log-probability is asked: token ``ids[i]``, given all that row
    ``rows[i]`` holds up to ``places[i]``."""

    inputs: dict[str, Tensor]
    """What the model takes: input_ids, position_ids (rows, length), and attention_mask where it isn't plain causal."""
    rows: Tensor
    """(n,)"""
    places: Tensor
    """(n,)"""
    ids: Tensor
    """(n,)"""


def logprobs_of(model: PreTrainedModel) -> Callable[[PreTrainedModel, Batch], Tensor]:
    """How to compute this model's log-probabilities: a function of model and batch, which returns them as (n,),
    float32, in nats.

    Most models' logits are their head's output. Those of some are scaled or capped afterwards (Cohere, Gemma 2,
    Granite): which kind this one is, is found out by comparing both ways on a few tokens.
    """
    return _by_head if head_is_all(model) else _by_model


def _by_head(model: PreTrainedModel, batch: Batch) -> Tensor:
    hidden = model.base_model(**_on(model, batch.inputs), use_cache=False).last_hidden_state
    asked = hidden[batch.rows.to(hidden.device), batch.places.to(hidden.device)]
    head, ids = model.get_output_embeddings(), batch.ids.to(hidden.device)
    size = max(1, CHUNK // model.config.get_text_config().vocab_size)
    if len(ids) <= size:
        return _logprobs(head, asked, ids)
    # A chunk's logits are forgotten, and computed anew in the backward pass.
    chunks = zip(asked.split(size), ids.split(size), strict=True)
    return torch.cat([checkpoint(_logprobs, head, *chunk, use_reentrant=False) for chunk in chunks])


def _by_model(model: PreTrainedModel, batch: Batch) -> Tensor:
    logits = model(**_on(model, batch.inputs), use_cache=False).logits
    asked = logits[batch.rows.to(logits.device), batch.places.to(logits.device)]
    return -cross_entropy(asked.float(), batch.ids.to(logits.device), reduction="none")


def _logprobs(head: nn.Module, hidden: Tensor, ids: Tensor) -> Tensor:
    return -cross_entropy(head(hidden).float(), ids, reduction="none")


@torch.no_grad()
def head_is_all(model: PreTrainedModel) -> bool:
    """Whether the model's logits are its head's output, neither scaled nor capped afterwards."""
    head = model.get_output_embeddings()
    if head is None:
        return False
    ids = torch.arange(4, device=model.device).unsqueeze(0)
    was_training = model.training
    model.eval()
    logits = model(input_ids=ids, use_cache=False).logits
    by_head = head(model.base_model(input_ids=ids, use_cache=False).last_hidden_state)
    model.train(was_training)
    return torch.equal(logits, by_head)


def _on(model: PreTrainedModel, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(model.device) for name, tensor in inputs.items()}
