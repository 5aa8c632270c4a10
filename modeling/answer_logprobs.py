"""How likely a policy finds the two answers of a preference pair: log pi(y | x), in one forward pass of their common
beginning."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling.chat import encode_dialogue
from modeling.preference_data import PreferencePair
from modeling.shared_prefix import Row, pack, shared_row
from modeling.token_logprobs import Batch


class AnswerRow(NamedTuple):
    """A pair's two dialogues, chosen first, and how many tokens at the end of each are its answer."""

    row: Row
    answer_lengths: list[int]

    def __len__(self) -> int:
        return len(self.row)


class AnswerBatch(NamedTuple):
    """Rows as tensors, of whose answers every token's log-probability is asked."""

    batch: Batch
    owners: Tensor
    """(n,): 2 * row for a token of the row's chosen answer, 2 * row + 1 for one of the rejected."""

    def sums(self, logprobs: Tensor) -> Tensor:
        """log pi(y | x) of every answer (rows, 2), from its tokens' log-probabilities (n,)."""
        rows = len(self.batch.inputs["input_ids"])
        totals = torch.zeros(2 * rows, device=logprobs.device)
        return totals.index_add(0, self.owners.to(logprobs.device), logprobs).reshape(rows, 2)

    def lengths(self) -> Tensor:
        """Tokens of every answer (rows, 2)."""
        return torch.bincount(self.owners, minlength=2 * len(self.batch.inputs["input_ids"])).reshape(-1, 2)


def encode_answers(tokenizer: PreTrainedTokenizerBase, pair: PreferencePair, max_length: int) -> AnswerRow:
    """The pair as token ids. An answer is the assistant's last turn with its end; where chosen and rejected go on for
    several turns, those before it are prompt. Raises ChatError."""
    dialogues = [encode_dialogue(tokenizer, [*pair.prompt, *answer]) for answer in (pair.chosen, pair.rejected)]
    sequences = [[*dialogue.prompt, *dialogue.answer] for dialogue in dialogues]
    return AnswerRow(
        shared_row(sequences, max_length, tokenizer.bos_token_id), [len(dialogue.answer) for dialogue in dialogues]
    )


def pack_answers(rows: Sequence[AnswerRow], pad_token_id: int) -> AnswerBatch:
    """The rows as padded tensors on the CPU."""
    packed = pack([each.row for each in rows], pad_token_id)
    inputs = {
        "input_ids": packed.input_ids,
        "position_ids": packed.position_ids,
        "attention_mask": packed.attention_mask,
    }
    asked = [
        (index, place, token, 2 * index + side)
        for index, each in enumerate(rows)
        for side in (0, 1)
        for place, token in _asked(each, side)
    ]
    rows_, places, ids, owners = torch.tensor(asked).unbind(dim=1)
    return AnswerBatch(Batch(inputs, rows_, places, ids), owners)


def _asked(each: AnswerRow, side: int) -> list[tuple[int, int]]:
    """An answer's tokens, each with the place in the row of the token before it. Its beginning may be a part of the
    prefix, where both answers begin alike."""
    prefix, tails = each.row
    start = len(prefix) + sum(map(len, tails[:side]))
    sequence = [*prefix, *tails[side]]
    places = [*range(len(prefix)), *range(start, start + len(tails[side]))]
    first = max(1, len(sequence) - each.answer_lengths[side])
    return [(places[index - 1], sequence[index]) for index in range(first, len(sequence))]
