"""The losses of the recipe: they take tensors, return tensors, and state the paper's equation."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

RATINGS = ("significantly", "better", "slightly", "negligibly")
"""How much better the chosen response is, from most to least (paper, section 3.2.1)."""

MARGINS: dict[str, dict[str, float]] = {
    "small": {"significantly": 1.0, "better": 2 / 3, "slightly": 1 / 3, "negligibly": 0.0},
    "large": {"significantly": 3.0, "better": 2.0, "slightly": 1.0, "negligibly": 0.0},
    "none": dict.fromkeys(RATINGS, 0.0),
}
"""m(r) of the ranking loss by rating (paper, appendix A.3.3, table 27)."""


def language_model_loss(logprobs: Tensor, tokens: int | None = None) -> Tensor:
    """Mean of -log p(token | what comes before) over the tokens that the model learns to write; the loss of a prompt's
    tokens is 0 (paper, section 3.1), which is to say that they aren't among these.

    logprobs: (n,), in nats. tokens: what to divide the sum by, when these n are a part of a larger batch; n without it.
    Returns a scalar.
    """
    return -logprobs.sum() / (len(logprobs) if tokens is None else tokens)


def ranking_loss(chosen: Tensor, rejected: Tensor, margin: Tensor, pairs: int | None = None) -> Tensor:
    """Mean of -log sigmoid(r(x, y_c) - r(x, y_r) - m(r)) (paper, section 3.2.2, equation 2).

    chosen, rejected, margin: (n,), scores in the model's own unit. Returns a scalar.
    pairs: what to divide the sum by, when these n are a part of a larger batch; n without it.
    """
    losses = -logsigmoid(chosen - rejected - margin)
    return losses.sum() / (len(losses) if pairs is None else pairs)


def safety_loss(score: Tensor, safe: Tensor, labelled: int | None = None) -> Tensor:
    """Mean binary cross entropy of sigmoid(score) against the safe label: the auxiliary loss of the safety model
    (paper, section 3.2.2 and appendix A.3.3).

    score, safe: (n,); safe is 1 for safe, 0 for unsafe, nan for a response without a label, which counts for nothing.
    labelled: what to divide the sum by, when these n are a part of a larger batch; the labelled ones without it.
    Returns a scalar, 0 where nothing is labelled.
    """
    known = ~torch.isnan(safe)
    total = binary_cross_entropy_with_logits(score[known], safe[known], reduction="sum")
    return total / max(1, int(known.sum()) if labelled is None else labelled)


def implicit_margin(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """The chosen answer's implicit reward, beta * log(pi(y | x) / pi_ref(y | x)), less the rejected one's (Rafailov et
    al. 2023, section 5).

    policy, reference: (n, 2), log-probabilities of whole answers in nats, chosen first. Returns (n,).
    """
    rewards = beta * (policy - reference)
    return rewards[:, 0] - rewards[:, 1]


def dpo_loss(
    policy: Tensor, reference: Tensor, beta: float, label_smoothing: float = 0.0, pairs: int | None = None
) -> Tensor:
    """Mean of -log sigmoid(z) over the pairs, z their implicit margin (Rafailov et al. 2023, equation 7).

    policy, reference: (n, 2), as implicit_margin takes them. label_smoothing: the share e of the preferences that may
    be the wrong way round; the loss is then -(1 - e) log sigmoid(z) - e log sigmoid(-z) (Mitchell 2023).
    pairs: what to divide the sum by, when these n are a part of a larger batch; n without it. Returns a scalar.
    """
    margin = implicit_margin(policy, reference, beta)
    losses = -(1 - label_smoothing) * logsigmoid(margin) - label_smoothing * logsigmoid(-margin)
    return losses.sum() / (len(losses) if pairs is None else pairs)
