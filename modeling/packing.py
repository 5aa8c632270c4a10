"""Examples of unlike length in sequences of like length, none of which sees another (paper, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from modeling.recipe import order_of
from modeling.token_logprobs import Batch

OPEN = 64
"""Sequences that wait for a further example at a time; with more, the last gaps are hardly smaller."""


@dataclass(frozen=True)
class Example:
    """A dialogue as tokens."""

    ids: Tensor
    """(tokens,), int32"""
    trained: Tensor
    """(tokens,), bool: whether the model learns to write this token. Never the first, which nothing comes before."""

    def __len__(self) -> int:
        return len(self.ids)


def fill(lengths: Sequence[int], max_length: int, seed: int) -> list[list[int]]:
    """Which examples share a sequence of at most ``max_length`` tokens: drawn in an order of the seed, each goes into
    the first open sequence that has room for it."""
    sequences: list[list[int]] = []
    open_sequences: list[tuple[list[int], int]] = []
    for index in order_of(len(lengths), seed, epoch=0):
        length = lengths[index]
        fitting = next((place for place, (_, room) in enumerate(open_sequences) if room >= length), None)
        if fitting is None:
            sequences.append([index])
            open_sequences.append((sequences[-1], max_length - length))
            del open_sequences[:-OPEN]
        else:
            members, room = open_sequences[fitting]
            members.append(index)
            open_sequences[fitting] = (members, room - length)
    return sequences


def pad(sequences: Sequence[Sequence[Example]], pad_token_id: int) -> Batch:
    """The sequences of examples as rows, padded on the right, on the CPU; asked are the trained tokens.

    Positions begin at 0 with every example: by that, transformers' models keep attention within it, each in its own
    way (also with a sliding window). Padding goes on as a part of the last example, behind all that sees.
    """
    length = max(sum(map(len, examples)) for examples in sequences)
    input_ids = torch.full((len(sequences), length), pad_token_id)
    position_ids = torch.zeros((len(sequences), length), dtype=torch.long)
    trained = torch.zeros((len(sequences), length), dtype=torch.bool)
    for row, examples in enumerate(sequences):
        start = 0
        for example in examples:
            stop = start + len(example)
            input_ids[row, start:stop] = example.ids
            trained[row, start:stop] = example.trained
            position_ids[row, start:] = torch.arange(length - start)
            start = stop
    rows, targets = trained.nonzero(as_tuple=True)
    inputs = {"input_ids": input_ids, "position_ids": position_ids}
    return Batch(inputs, rows, targets - 1, input_ids[rows, targets])


@torch.no_grad()
def keeps_apart(model: PreTrainedModel) -> bool:
    """Whether a dialogue in a packed sequence is to this model as if it were alone, tried on a few tokens. It isn't
    to one that carries a state from token to token (Mamba), or doesn't look at positions. Ends in evaluation mode."""
    model.eval()
    ids = torch.arange(1, 9, device=model.device).unsqueeze(0)
    positions = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3]], device=model.device)
    packed = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0, 4:].float()
    alone = model(input_ids=ids[:, 4:], position_ids=positions[:, 4:], use_cache=False).logits[0].float()
    return float((packed - alone).abs().max()) <= 1e-3 * float(alone.abs().max())
