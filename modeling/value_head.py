"""A value head on the policy's own trunk: what PPO expects of an answer that isn't finished.

The paper doesn't say what its value function is. Stiennon et al. (2020) and TRL train a second model; here policy and
value share the trunk, as in Ziegler et al. (2019): one forward and backward pass for both, and the optimizer state of
one model instead of two. Whether the value loss reaches into the trunk or trains the head alone made no difference
beyond chance on the demonstration model: over two seeds, held-out rewards of 0.791 and 0.822 against 0.804 and 0.780
(from 0.466), and helpfulness by the facts of its world of 0.568 and 0.657 against 0.606 and 0.660 (from 0.492). It
reaches in, so that a value needn't be linear in what the policy happens to keep.
"""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from modeling.token_logprobs import CHUNK, Batch


def add_value_head(model: PreTrainedModel) -> PreTrainedModel:
    """Gives the policy a linear head, ``value_head``, that starts at zero: every value is 0, no seed is involved."""
    size = model.config.get_text_config().hidden_size
    head = nn.Linear(size, 1, device=model.device, dtype=torch.float32)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    model.value_head = head
    return model


def drop_value_head(model: PreTrainedModel) -> None:
    """Leaves the plain chat model, as it is saved."""
    del model.value_head


def token_figures(model: PreTrainedModel, batch: Batch) -> Tensor:
    """(n, 3), float32, for each token asked: its log-probability in nats, the entropy of the distribution that it was
    drawn from (a figure to report, without gradient), and the value before it was drawn; 0 without a value head.

    The logits are taken to be the output of the model's head at temperature 1; they are computed for the tokens asked
    alone, a chunk at a time.
    """
    inputs = {name: tensor.to(model.device) for name, tensor in batch.inputs.items()}
    hidden = model.base_model(**inputs, use_cache=False).last_hidden_state
    asked, ids = hidden[batch.rows.to(hidden.device), batch.places.to(hidden.device)], batch.ids.to(hidden.device)
    size = max(1, CHUNK // model.config.get_text_config().vocab_size)
    if len(ids) <= size:
        return _figures(model, asked, ids)
    # A chunk's logits are forgotten, and computed anew in the backward pass.
    chunks = zip(asked.split(size), ids.split(size), strict=True)
    return torch.cat([checkpoint(_figures, model, *chunk, use_reentrant=False) for chunk in chunks])


def _figures(model: PreTrainedModel, hidden: Tensor, ids: Tensor) -> Tensor:
    logprobs = torch.log_softmax(model.get_output_embeddings()(hidden).float(), dim=-1)
    with torch.no_grad():
        entropy = -(logprobs.exp() * logprobs).sum(dim=-1)
    chosen = logprobs.gather(1, ids.unsqueeze(1)).squeeze(1)
    values = torch.zeros_like(chosen)
    if (head := getattr(model, "value_head", None)) is not None:
        with torch.autocast(hidden.device.type, enabled=False):  # the head is float32: bfloat16 has three digits
            values = head(hidden.float()).squeeze(1)
    return torch.stack([chosen, entropy, values], dim=1)
