"""The maths of proximal policy optimization on answers (paper, section 3.2.3; Schulman et al. 2017).

A batch of answers is a tensor (answers, tokens) padded on the right, with ``mask`` true on the answers' tokens. It has
no place for prompt tokens: they are given, not chosen, and neither rewarded nor trained.
"""

import torch
from torch import Tensor


def whitened(values: Tensor) -> Tensor:
    """(x - mean) / standard deviation over all values of a batch; zeros where all are equal.

    The paper whitens logit(R_c), the linear score, over the batch (equation after 4), "to increase stability and
    balance properly with the KL penalty". The deviation is that of the batch itself (divided by n, not n - 1).
    """
    exact = values.double()  # equal values of float32 differ from their mean by rounding, which must not be blown up
    return ((exact - exact.mean()) / (exact.std(correction=0) + 1e-8)).to(values.dtype)


def token_rewards(reward: Tensor, logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor, beta: float) -> Tensor:
    """R(g | p) spread over the tokens: -beta * (log pi - log pi_0) at each token, and the answer's reward at its last
    (paper, equation 4, with the penalty placed per token as Stiennon et al. 2020 do).

    reward: (answers,); logprobs, reference_logprobs, mask and the result: (answers, tokens). An answer's tokens add up
    to its reward minus beta times the sum of its log ratios, whose mean over answers is KL(pi || pi_0) in nats.
    """
    rewards = -beta * log_ratios(logprobs, reference_logprobs, mask)
    last = mask.sum(dim=1) - 1
    rewards[torch.arange(len(rewards)), last] += reward
    return rewards


def log_ratios(logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor) -> Tensor:
    """log pi - log pi_0 of each token that pi drew; 0 on padding. All (answers, tokens)."""
    return (logprobs - reference_logprobs).masked_fill(~mask, 0.0)


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Advantages and returns by generalized advantage estimation (Schulman et al. 2016, equations 11 and 16):
    A_t = sum over l of (gamma lam)^l delta_(t+l), with delta_t = r_t + gamma V_(t+1) - V_t; the return is A_t + V_t.

    All (answers, tokens), 0 on padding. Nothing follows an answer's last token, also where its length was spent.
    """
    values = values.masked_fill(~mask, 0.0)
    following = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    deltas = (rewards + gamma * following - values).masked_fill(~mask, 0.0)
    advantages = torch.zeros_like(deltas)
    later = torch.zeros_like(deltas[:, 0])
    for step in reversed(range(deltas.shape[1])):
        later = deltas[:, step] + gamma * lam * later
        advantages[:, step] = later
    return advantages, advantages + values


def policy_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip: float, tokens: int) -> Tensor:
    """The clipped objective as a loss: mean of -min(rho A, clip(rho, 1 - clip, 1 + clip) A), rho = pi / pi_old
    (Schulman et al. 2017, equation 7).

    All (n,), answer tokens; tokens: what to divide the sum by, those of the whole mini-batch. Returns a scalar.
    """
    ratio = torch.exp(logprobs - old_logprobs)
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).sum() / tokens


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip: float, tokens: int) -> Tensor:
    """Half the mean squared error of the values, the larger one of that with the value and of that with the value kept
    within ``clip`` of the old one (the value clipping of OpenAI's PPO, which Stiennon et al. 2020 use).

    All (n,), answer tokens; tokens: what to divide the sum by. Returns a scalar.
    """
    kept = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns) ** 2, (kept - returns) ** 2).sum() / tokens


def clip_fraction(logprobs: Tensor, old_logprobs: Tensor, clip: float, tokens: int) -> float:
    """Share of tokens whose probability ratio has left [1 - clip, 1 + clip]; all (n,)."""
    outside = (torch.exp(logprobs - old_logprobs) - 1).abs() > clip
    return float(outside.sum()) / tokens


def approximate_kl(logprobs: Tensor, old_logprobs: Tensor, tokens: int) -> float:
    """KL(pi_old || pi) per token in nats, by the estimator (rho - 1) - log rho, never negative (Schulman 2020,
    "Approximating KL divergence"); all (n,)."""
    log_ratio = logprobs - old_logprobs
    return float((torch.exp(log_ratio) - 1 - log_ratio).sum()) / tokens


def explained_variance(values: Tensor, returns: Tensor) -> float:
    """1 - Var(returns - values) / Var(returns): 1 for a value head that foresees every return, 0 for one that knows the
    mean alone, below 0 for one that misleads; 0 where all returns are equal. Both (n,)."""
    variance = returns.var(correction=0)
    return float(1 - (returns - values).var(correction=0) / variance) if variance > 0 else 0.0
