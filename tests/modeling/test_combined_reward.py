"""R_c as in the paper's section 3.2.3. logit(p) = log(p / (1 - p)): of 0.149 it is -1.7424, of 0.151 -1.7267."""

import math

import pytest
import torch
from torch import Tensor

from modeling.combined_reward import combined_reward


def logits(*probabilities: float) -> Tensor:
    return torch.tensor([math.log(probability / (1 - probability)) for probability in probabilities])


def test_safety_decides_just_below_the_threshold_and_helpfulness_just_above() -> None:
    reward = combined_reward(logits(0.8, 0.8), logits(0.149, 0.151), torch.tensor([False, False]))

    assert torch.sigmoid(reward).tolist() == pytest.approx([0.149, 0.8])


def test_safety_decides_on_tagged_prompts_however_safe_the_answer_is() -> None:
    reward = combined_reward(logits(0.2, 0.9), logits(0.95, 0.151), torch.tensor([True, True]))

    assert torch.sigmoid(reward).tolist() == pytest.approx([0.95, 0.151])


def test_the_reward_is_the_raw_score_that_was_chosen_untouched() -> None:
    # Beyond |17| a float32 sigmoid is 0 or 1 and its logit infinite: the score itself has to come through.
    helpfulness, safety = torch.tensor([40.0, 40.0]), torch.tensor([30.0, -50.0])

    reward = combined_reward(helpfulness, safety, torch.tensor([False, False]))

    assert reward.tolist() == [40.0, -50.0]


def test_another_threshold_moves_the_border() -> None:
    reward = combined_reward(logits(0.8, 0.8), logits(0.39, 0.41), torch.tensor([False, False]), threshold=0.4)

    assert torch.sigmoid(reward).tolist() == pytest.approx([0.39, 0.8])


def test_without_a_safety_model_helpfulness_decides_even_on_tagged_prompts() -> None:
    helpfulness = torch.tensor([1.5, -0.5])

    assert combined_reward(helpfulness, None, torch.tensor([True, False])).tolist() == [1.5, -0.5]


def test_it_takes_any_shape_such_as_prompts_by_answers() -> None:
    reward = combined_reward(torch.ones(2, 3), torch.full((2, 3), 2.0), torch.tensor([[True], [False]]).expand(2, 3))

    assert reward.tolist() == [[2.0] * 3, [1.0] * 3]
