"""Rows in which several continuations share one forward pass of their common beginning.

A row is laid out ``prefix, tail 1, tail 2, ..., padding``. Every token sees the prefix and its own tail up to itself,
and each tail's positions go on from the prefix: exactly what separate forward passes would compute, with the prefix
computed once. A preference pair is a row with two tails, a single answer a row with one.
"""

from collections.abc import Callable, Sequence, Sized
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from modeling.chat import truncate_prompt
from modeling.lean_forward import ends_alone, states_at


class Row(NamedTuple):
    """A common beginning and the token ids that follow it, at least one in each tail."""

    prefix: list[int]
    tails: list[list[int]]

    def __len__(self) -> int:
        return len(self.prefix) + sum(map(len, self.tails))


class Packed(NamedTuple):
    """Rows of equally many tails as tensors, padded on the right."""

    input_ids: Tensor
    """(rows, length)"""
    position_ids: Tensor
    """(rows, length)"""
    attention_mask: Tensor
    """(rows, 1, length, length), true where the query (third axis) sees the key (fourth)."""
    ends: Tensor
    """(rows, tails), the place of each tail's last token."""


def shared_row(sequences: Sequence[list[int]], max_length: int, bos_token_id: int | None = None) -> Row:
    """The sequences as one row: the longest beginning that all share, then what is left of each, at least one token.

    None is longer than ``max_length``: first the oldest tokens of the beginning go (a beginning-of-sequence token
    stays), the same ones for all; then a tail that is too long on its own loses its end, but not its last token, where
    the score is read.
    """
    shortest = min(map(len, sequences)) - 1
    common = next((i for i in range(shortest) if len({sequence[i] for sequence in sequences}) > 1), shortest)
    tails = [sequence[common:] for sequence in sequences]
    tails = [tail if len(tail) <= max_length else [*tail[: max_length - 1], tail[-1]] for tail in tails]
    prefix = truncate_prompt(sequences[0][:common], max_length - max(map(len, tails)), bos_token_id)
    return Row(prefix, tails)


def by_length(rows: Sequence[Sized], token_budget: int) -> list[list[int]]:
    """Groups of row indices, longest first, so that rows of like length are padded together and a group's padded
    tokens stay within the budget (a row longer than the budget stands alone)."""
    groups: list[list[int]] = []
    for index in sorted(range(len(rows)), key=lambda index: len(rows[index]), reverse=True):
        if groups and len(rows[groups[-1][0]]) * (len(groups[-1]) + 1) <= token_budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def by_length_among(rows: Sequence[Sized], token_budget: int) -> Callable[[Sequence[int]], list[list[int]]]:
    """by_length for a part of the rows: a function from the part's indices to groups of them (see Learner.passes)."""

    def groups_of(indices: Sequence[int]) -> list[list[int]]:
        groups = by_length([rows[index] for index in indices], token_budget)
        return [[indices[place] for place in group] for group in groups]

    return groups_of


def pack(rows: Sequence[Row], pad_token_id: int) -> Packed:
    """The rows as padded tensors on the CPU."""
    length = max(map(len, rows))
    input_ids = torch.full((len(rows), length), pad_token_id)
    position_ids = torch.zeros((len(rows), length), dtype=torch.long)
    segments = torch.full((len(rows), length), -1)
    ends = torch.zeros((len(rows), len(rows[0].tails)), dtype=torch.long)
    for index, row in enumerate(rows):
        start = 0
        for segment, part in enumerate([row.prefix, *row.tails]):
            stop = start + len(part)
            input_ids[index, start:stop] = torch.tensor(part, dtype=torch.long)
            first = len(row.prefix) if segment else 0
            position_ids[index, start:stop] = torch.arange(first, first + len(part))
            segments[index, start:stop] = segment
            if segment:
                ends[index, segment - 1] = stop - 1
            start = stop
    return Packed(input_ids, position_ids, _attention(segments), ends)


def end_scores(model: PreTrainedModel, batch: Packed) -> Tensor:
    """The scalar head's output at each tail's last token, the end of the assistant's turn: (rows, tails), float32.

    The head reads in its own precision, which is float32, whatever the layers below it run in: bfloat16 would round a
    score to three digits, and of many answers the best ones would tie.
    """
    device = model.device
    places = batch.ends.to(device)
    inputs = (batch.input_ids.to(device), batch.position_ids.to(device), batch.attention_mask.to(device))
    if ends_alone(model):
        ends = states_at(model, *inputs, places)
    else:
        input_ids, position_ids, attention_mask = inputs
        hidden = model.base_model(
            input_ids=input_ids, position_ids=position_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        ends = hidden[torch.arange(len(hidden), device=device).unsqueeze(1), places]
    with torch.autocast(device.type, enabled=False):
        return model.score(ends.to(next(model.score.parameters()).dtype)).squeeze(-1).float()


def _attention(segments: Tensor) -> Tensor:
    """segments: (rows, length), 0 for the prefix, k for tail k, -1 for padding. A query sees keys that are not later,
    in the prefix or in its own segment; padding sees padding, so that no row of the softmax is empty."""
    length = segments.shape[1]
    query, key = segments.unsqueeze(2), segments.unsqueeze(1)
    not_later = torch.ones(length, length, dtype=torch.bool).tril()
    seen = (key == query) | ((key == 0) & (query > 0))
    return (seen & not_later).unsqueeze(1)
