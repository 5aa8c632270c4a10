"""What a reward model thinks of answers."""

from collections.abc import Sequence

import torch

from modeling.chat import Message, encode_dialogue, padding_id
from modeling.checkpoints import RewardModel
from modeling.shared_prefix import by_length, end_scores, pack, shared_row


@torch.inference_mode()
def score(
    reward_model: RewardModel,
    exchanges: Sequence[tuple[Sequence[Message], str]],
    *,
    token_budget: int = 8192,
) -> list[float]:
    """The scores of (messages, answer) exchanges, in their order: higher is better, comparable within one model.

    A score doesn't depend on the other exchanges (to 1e-5 of rounding). An exchange longer than those of the training
    loses its oldest tokens. A forward pass takes at most token_budget padded tokens. Raises ChatError.
    """
    model, tokenizer = reward_model
    longest = min(model.config.max_position_embeddings, tokenizer.model_max_length)
    rows = []
    for messages, answer in exchanges:
        dialogue = encode_dialogue(tokenizer, [*messages, Message(role="assistant", content=answer)])
        rows.append(shared_row([[*dialogue.prompt, *dialogue.answer]], longest, tokenizer.bos_token_id))
    scores = [0.0] * len(rows)
    for group in by_length(rows, token_budget):
        part = end_scores(model, pack([rows[index] for index in group], padding_id(tokenizer)))
        for index, value in zip(group, part[:, 0].tolist(), strict=True):
            scores[index] = value
    return scores
