"""What a policy is rewarded for: one score out of the helpfulness and the safety reward model's (paper, section 3.2.3).

Rejection sampling, PPO and evaluation rank answers by this one score.
"""

import torch
from torch import Tensor

UNSAFE_BELOW = 0.15
"""Safety probability under which an answer is judged by its safety alone: a precision of 0.89 and a recall of 0.55 on
the paper's safety test set."""


def combined_reward(
    helpfulness: Tensor, safety: Tensor | None, is_safety_prompt: Tensor, threshold: float = UNSAFE_BELOW
) -> Tensor:
    """The logit of R_c(g | p), for answers g to prompts p: R_s where the prompt is tagged for safety or R_s is below
    the threshold, R_h elsewhere.

    helpfulness, safety: raw scores of the two reward models, whose sigmoids are R_h and R_s, and is_safety_prompt
    (bool), all of one shape, which is the result's. The raw score of the model that decides is logit(R_c) exactly;
    sigmoid gives R_c. Without a safety model (None) the helpfulness model decides everywhere.
    """
    if safety is None:
        return helpfulness
    decides = is_safety_prompt | (torch.sigmoid(safety) < threshold)
    return torch.where(decides, safety, helpfulness)
