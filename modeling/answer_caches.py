"""What the rows of a cohort have read: the keys and values of each prompt once, those of the answers row by row.

The rows that answer one prompt are a group. Attention multiplies all queries of a group by its prompt's keys at once,
which are read once instead of once per row; a row's own keys hold its answer alone. One softmax spans the scores of
both, so that nothing is approximated.
"""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

_GROWTH = 16
"""Tokens that answers get room for at a time, at least."""
_SHRINK = 0.75
"""Keys and values move to a smaller place when less than this share of theirs is in use."""

_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
"""Attention and the logarithms of its softmax's sums, which scaled_dot_product_attention computes and doesn't tell."""

_SMALL = 400
"""Elements of a matrix below which PyTorch multiplies it slowly on a CPU."""


class CohortCache:
    """The keys and values of rows that started together.

    Of each layer two tensors for the prompts (groups, heads, columns, head size), which are aligned on the right, and
    two for the answers (rows, heads, room, head size), which are all of one length: windows are slices of both.
    """

    def __init__(self, prompt_lengths: Sequence[int], groups: Sequence[int], device: torch.device) -> None:
        """prompt_lengths: of each group, in tokens; groups: that of each row."""
        self._prompt_lengths = list(prompt_lengths)
        self._columns = max(prompt_lengths)
        self._answer_length = 0
        self._device = device
        self._prompts: list[list[Tensor]] = []
        self._answers: list[list[Tensor]] = []
        self._arrange(list(groups))

    def fill(self, group: int, cache: DynamicCache, prompt: int) -> None:
        """Copies a prompt's keys and values from a prefill, where they are aligned on the left, to a group's place."""
        if not self._prompts:
            # zeros, since attention multiplies even what it masks
            self._prompts = _room(cache, len(self._prompt_lengths), self._columns)
            self._answers = _room(cache, len(self._groups), _GROWTH)
        length = self._prompt_lengths[group]
        for (keys, values), layer in zip(self._prompts, cache.layers, strict=True):
            keys[group, :, self._columns - length :] = layer.keys[prompt, :, :length]
            values[group, :, self._columns - length :] = layer.values[prompt, :, :length]

    def extend(self) -> None:
        """Makes room for the next token of every row."""
        room = self._answers[0][0].shape[2]
        if self._answer_length == room:
            more = max(_GROWTH, room // 4)
            for layer in self._answers:
                for part, cached in enumerate(layer):
                    layer[part] = torch.nn.functional.pad(cached[: len(self._groups)], (0, 0, 0, more))
        self._answer_length += 1

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Attention of each row's newest token to all that the row has read, or to the last ``window`` tokens.

        query: (rows, heads, head size); key, value: (rows, heads of keys, head size), which are stored. Returns
        (rows, heads, head size).
        """
        rows, length, heads = len(self._groups), self._answer_length, key.shape[1]
        keys, values = (cached[:rows] for cached in self._answers[layer])
        keys[:, :, length - 1] = key
        values[:, :, length - 1] = value
        start = max(0, self._columns + length - window) if window else 0
        start_of_answer = max(0, start - self._columns)
        keys, values = (cached[:, :, start_of_answer:length] for cached in (keys, values))
        prompt_keys, prompt_values = (cached[: len(self._prompt_lengths), :, start:] for cached in self._prompts[layer])
        # the heads that share a key head are queries of it, and so are the rows of a group: no key is repeated
        queries = query.unflatten(1, (heads, -1))
        if query.device.type == "cpu" and query.dtype == values.dtype == torch.float32:
            return self._attend_in_two(queries, keys, values, prompt_keys, prompt_values, scale).flatten(1, 2)
        keys, values, prompt_keys, prompt_values = (
            cached.flatten(0, 1) for cached in (keys, values, prompt_keys, prompt_values)
        )
        # of a matrix that counts nothing, and the scale of the product
        alone = {"input": queries.new_empty(1, 1, 1), "beta": 0, "alpha": scale}
        of_prompts = torch.baddbmm(**alone, batch1=self._by_group(queries), batch2=prompt_keys.mT)
        if self._padding is not None:
            of_prompts.unflatten(0, (-1, heads)).add_(self._padding[..., start:])
        of_answers = torch.baddbmm(**alone, batch1=queries.flatten(0, 1), batch2=keys.mT)
        scores = torch.cat((of_prompts, self._by_group(of_answers.unflatten(0, (rows, heads)))), dim=-1)
        weights = scores.softmax(dim=-1, dtype=torch.float32).to(values.dtype)
        on_prompts, on_answers = weights.split((prompt_keys.shape[1], keys.shape[1]), dim=-1)
        seen = self._by_row(torch.bmm(on_prompts, prompt_values), heads)
        seen = seen + _weighted(self._by_row(on_answers, heads).flatten(0, 1), values).view_as(seen)
        return seen.flatten(1, 2)

    def _attend_in_two(
        self, queries: Tensor, keys: Tensor, values: Tensor, prompt_keys: Tensor, prompt_values: Tensor, scale: float
    ) -> Tensor:
        """The same by the CPU's flash kernel, which keeps no scores: to the answers, to the prompts, and what was seen
        in both weighed by the sums of their exponentials, of which the kernel returns the logarithms.

        queries: (rows, heads of keys, queries of a key, head size), and so is what it returns.
        """
        heads, columns = keys.shape[1], prompt_keys.shape[2]
        seen, total = _flash(queries, keys, values, scale=scale)
        if not columns:
            return seen
        grouped = self._by_group(queries).unflatten(0, (-1, heads))
        padding = None
        if self._padding is not None:
            padding = self._padding[..., -columns:].expand(-1, 1, grouped.shape[2], columns)
        of_prompts, prompt_total = _flash(grouped, prompt_keys, prompt_values, attn_mask=padding, scale=scale)
        of_prompts = self._by_row(of_prompts.flatten(0, 1), heads)
        prompt_total = self._by_row(prompt_total.flatten(0, 1).unsqueeze(-1), heads)
        return torch.lerp(seen, of_prompts, torch.sigmoid(prompt_total - total.unsqueeze(-1)))

    def keep(self, order: Sequence[int]) -> None:
        """Only these rows stay, in this order, and the prompts that they answer."""
        _reorder(self._answers, order, self._answer_length)
        groups = [self._groups[row] for row in order]
        staying = closed_up(sorted(set(groups)))
        if len(staying) < len(self._prompt_lengths):
            _reorder(self._prompts, staying, self._columns)
            self._prompt_lengths = [self._prompt_lengths[group] for group in staying]
            places = {group: place for place, group in enumerate(staying)}
            groups = [places[group] for group in groups]
        self._arrange(groups)

    def _arrange(self, groups: list[int]) -> None:
        """Gives every row a slot in its group; all groups have as many slots as the largest needs."""
        self._groups = groups
        self._slots = max(Counter(groups).values())
        taken: Counter[int] = Counter()
        slot_of_row = []
        for group in groups:
            slot_of_row.append(group * self._slots + taken[group])
            taken[group] += 1
        # an empty slot computes what the first row does, and nobody reads it
        row_of_slot = [0] * (self._slots * len(self._prompt_lengths))
        for row, slot in enumerate(slot_of_row):
            row_of_slot[slot] = row
        self._moves: tuple[Tensor, Tensor] | None = None
        """The row of each slot and the slot of each row, unless rows and slots are the same."""
        if row_of_slot != list(range(len(groups))):
            self._moves = (
                torch.tensor(row_of_slot, device=self._device),
                torch.tensor(slot_of_row, device=self._device),
            )
        self._padding: Tensor | None = None
        """Minus infinity in the columns that a prompt is too short for, else 0: (groups, 1, 1, columns)."""
        if min(self._prompt_lengths) < self._columns:
            widths = torch.tensor([self._columns - length for length in self._prompt_lengths], device=self._device)
            padding = torch.arange(self._columns, device=self._device) < widths[:, None, None, None]
            self._padding = torch.zeros_like(padding, dtype=torch.float32).masked_fill_(padding, -torch.inf)

    def _by_group(self, rows: Tensor) -> Tensor:
        """(rows, heads, queries of a row, ...) to (groups x heads, queries of a group, ...)."""
        slots = rows if self._moves is None else rows.index_select(0, self._moves[0])
        if self._slots == 1:
            return slots.flatten(0, 1)
        groups = slots.view(-1, self._slots, *rows.shape[1:]).transpose(1, 2)
        return groups.reshape(-1, self._slots * rows.shape[2], rows.shape[3])

    def _by_row(self, groups: Tensor, heads: int) -> Tensor:
        """The way back: (rows, heads, queries of a row, ...)."""
        slots = groups.view(len(self._prompt_lengths), heads, self._slots, -1, groups.shape[2]).transpose(1, 2)
        slots = slots.flatten(0, 1)
        return slots if self._moves is None else slots.index_select(0, self._moves[1])


def _room(read: DynamicCache, count: int, columns: int) -> list[list[Tensor]]:
    """Zeros for the keys and values of each layer: (count, heads, columns, head size).

    Under autocast they are of the precision that products have, which is half of what the rotation of keys returns.
    """
    room = []
    for layer in read.layers:
        kind, dtype = layer.keys.device.type, None
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
        shapes = [(part, (count, part.shape[1], columns, part.shape[3])) for part in (layer.keys, layer.values)]
        room.append([part.new_zeros(shape, dtype=dtype) for part, shape in shapes])
    return room


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    """weights: (rows, queries, tokens), values: (rows, tokens, size). Returns (rows, queries, size)."""
    if weights.shape[1] == 1 and values.shape[1] * values.shape[2] < _SMALL:
        return (weights.mT * values).sum(dim=1, keepdim=True)
    return torch.bmm(weights, values)


def closed_up(staying: Sequence[int]) -> list[int]:
    """Which former place each place gets when these stay (ascending) and the last of them fill the gaps."""
    order = list(range(len(staying)))
    gaps = sorted(set(order).difference(staying))
    for gap, mover in zip(gaps, staying[len(staying) - len(gaps) :], strict=True):
        order[gap] = mover
    return order


def _reorder(caches: list[list[Tensor]], order: Sequence[int], columns: int) -> None:
    """Moves what is at these places to the first ones, or all of it, where few stay, to a smaller cache.

    The caches are replaced one at a time, so that only one is there twice.
    """
    device, room = caches[0][0].device, len(caches[0][0])
    moves = [(to, of) for to, of in enumerate(order) if to != of]
    if moves:
        to, of = torch.tensor(moves, device=device).unbind(dim=1)
    for layer in caches:
        for part, cached in enumerate(layer):
            if moves:
                cached[to, :, :columns] = cached[of, :, :columns]
            if len(order) < _SHRINK * room:
                layer[part] = cached[: len(order)].clone()
