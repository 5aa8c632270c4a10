"""Expected values are derived by hand beside each test."""

import math

import pytest
import torch
from torch import Tensor

from modeling.ppo import (
    approximate_kl,
    clip_fraction,
    explained_variance,
    generalized_advantages,
    policy_loss,
    token_rewards,
    value_loss,
    whitened,
)

NAN = float("nan")


def logs(*values: float) -> Tensor:
    return torch.tensor(values).log()


def test_whitening_takes_the_logits_to_mean_zero_and_deviation_one() -> None:
    # logits 0, 1, 2, 5: mean 2, squared deviations 4, 1, 0, 9, of mean 3.5; 1 / sqrt(3.5) = 0.5345225
    white = whitened(torch.tensor([0.0, 1.0, 2.0, 5.0]))
    assert white.tolist() == pytest.approx([-1.0690450, -0.5345225, 0.0, 1.6035675], abs=1e-6)


def test_whitening_forgets_the_scale_and_the_offset_of_the_reward_model() -> None:
    scores = torch.tensor([0.3, -1.2, 4.0])
    torch.testing.assert_close(whitened(100 * scores - 7), whitened(scores))


def test_equal_rewards_are_whitened_to_zero() -> None:
    assert whitened(torch.full((7,), 3.1)).tolist() == pytest.approx([0] * 7, abs=1e-6)


def test_the_penalty_falls_on_each_token_and_the_reward_on_the_last_one_of_the_answer() -> None:
    # beta 0.1; log ratios ln(0.5/0.25) = 0.6931472, ln(0.2/0.4) = -0.6931472, ln 1 = 0: a token that pi likes more than
    # pi_0 costs, one that it likes less earns. The first answer has three tokens, the second two, then padding.
    mask = torch.tensor([[True, True, True], [True, True, False]])
    logprobs = torch.stack([logs(0.5, 0.2, 0.3), logs(0.5, 0.2, 0.9)])
    reference = torch.stack([logs(0.25, 0.4, 0.3), logs(0.5, 0.1, 0.1)])
    rewards = token_rewards(torch.tensor([1.5, -2.0]), logprobs, reference, mask, beta=0.1)
    assert rewards[0].tolist() == pytest.approx([-0.0693147, 0.0693147, 1.5], abs=1e-6)
    assert rewards[1].tolist() == pytest.approx([0.0, -2.0693147, 0.0], abs=1e-6)


def test_an_answers_tokens_add_up_to_its_reward_minus_beta_times_its_divergence() -> None:
    # sum of log ratios: ln 2 + ln 3 = ln 6 = 1.7917595; 0.7 - 0.5 * 1.7917595 = -0.1958797
    mask = torch.ones(1, 2, dtype=torch.bool)
    rewards = token_rewards(torch.tensor([0.7]), logs(0.4, 0.9)[None], logs(0.2, 0.3)[None], mask, beta=0.5)
    assert rewards.sum().item() == pytest.approx(-0.1958797, abs=1e-6)


def test_padding_counts_for_nothing_whatever_it_holds() -> None:
    mask = torch.tensor([[True, False]])
    rewards = token_rewards(torch.ones(1), torch.tensor([[-1.0, NAN]]), torch.tensor([[-1.0, 5.0]]), mask, beta=1.0)
    assert rewards.tolist() == [[1.0, 0.0]]
    advantages, returns = generalized_advantages(rewards, torch.tensor([[0.0, NAN]]), mask, gamma=1.0, lam=0.95)
    assert advantages.tolist() == [[1.0, 0.0]]
    assert returns.tolist() == [[1.0, 0.0]]


def test_advantages_of_five_tokens() -> None:
    # gamma 1, lambda 0.5; rewards 0, -1, 0, 0, 2; values 1, 2, 0, 1, 1
    # delta_5 = 2 - 1 = 1              A_5 = 1
    # delta_4 = 0 + 1 - 1 = 0          A_4 = 0 + 0.5 * 1 = 0.5
    # delta_3 = 0 + 1 - 0 = 1          A_3 = 1 + 0.5 * 0.5 = 1.25
    # delta_2 = -1 + 0 - 2 = -3        A_2 = -3 + 0.5 * 1.25 = -2.375
    # delta_1 = 0 + 2 - 1 = 1          A_1 = 1 + 0.5 * -2.375 = -0.1875
    rewards = torch.tensor([[0.0, -1.0, 0.0, 0.0, 2.0]])
    values = torch.tensor([[1.0, 2.0, 0.0, 1.0, 1.0]])
    mask = torch.ones(1, 5, dtype=torch.bool)
    advantages, returns = generalized_advantages(rewards, values, mask, gamma=1.0, lam=0.5)
    assert advantages.tolist() == [[-0.1875, -2.375, 1.25, 0.5, 1.0]]
    assert returns.tolist() == [[0.8125, -0.375, 1.25, 1.5, 2.0]]


def test_a_discount_weighs_what_comes_later() -> None:
    # gamma 0.5, lambda 1: A_2 = 4 - 2 = 2; A_1 = (0 + 0.5 * 2 - 1) + 0.5 * 2 = 1; A_1 + V_1 = 0.5 * 4
    mask = torch.ones(1, 2, dtype=torch.bool)
    rewards, values = torch.tensor([[0.0, 4.0]]), torch.tensor([[1.0, 2.0]])
    advantages, returns = generalized_advantages(rewards, values, mask, gamma=0.5, lam=1.0)
    assert advantages.tolist() == [[1.0, 2.0]]
    assert returns.tolist() == [[2.0, 4.0]]


def test_a_short_answer_has_the_advantages_that_it_has_alone() -> None:
    rewards, values = torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    rewards = rewards.masked_fill(~mask, 0.0)
    together, _ = generalized_advantages(rewards, values, mask, gamma=1.0, lam=0.95)
    alone, _ = generalized_advantages(rewards[1:, :2], values[1:, :2], mask[1:, :2], gamma=1.0, lam=0.95)
    torch.testing.assert_close(together[1, :2], alone[0])


def test_the_policy_loss_takes_the_worse_of_the_ratio_and_the_clipped_ratio() -> None:
    # ratios 1.5, 1.5, 0.5, 0.5, 1.1 with clip 0.2; advantages 1, -1, 1, -1, 2
    # min(1.5, 1.2) = 1.2; min(-1.5, -1.2) = -1.5; min(0.5, 0.8) = 0.5; min(-0.5, -0.8) = -0.8; 2.2: sum 1.6
    old = logs(0.2, 0.2, 0.4, 0.4, 0.5)
    new = logs(0.3, 0.3, 0.2, 0.2, 0.55)
    loss = policy_loss(new, old, torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0]), clip=0.2, tokens=5)
    assert loss.item() == pytest.approx(-1.6 / 5, abs=1e-6)


def test_a_ratio_beyond_the_clip_has_no_gradient_where_it_already_gained() -> None:
    # d loss / d log pi = -rho A where the ratio decides, 0 where the clipped one does
    new = logs(0.3, 0.3, 0.2).requires_grad_()
    policy_loss(new, logs(0.2, 0.2, 0.2), torch.tensor([1.0, -1.0, 3.0]), clip=0.2, tokens=1).backward()
    assert new.grad is not None
    assert new.grad.tolist() == pytest.approx([0.0, 1.5, -3.0], abs=1e-6)


def test_the_value_loss_takes_the_worse_of_the_value_and_the_clipped_value() -> None:
    # clip 0.2, returns 1: value 0.9 from 0: kept at 0.2, 0.5 * 0.8^2 = 0.32; value 2 from 1.9: 0.5 * 1 = 0.5;
    # value 3 from 1: kept at 1.2, the value is further off: 0.5 * 4 = 2
    loss = value_loss(torch.tensor([0.9, 2.0, 3.0]), torch.tensor([0.0, 1.9, 1.0]), torch.ones(3), clip=0.2, tokens=3)
    assert loss.item() == pytest.approx((0.32 + 0.5 + 2.0) / 3, abs=1e-6)


def test_parts_of_a_mini_batch_add_up_to_the_losses_of_the_whole() -> None:
    new, old, advantages, returns = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    for loss in (policy_loss, value_loss):
        third = advantages if loss is policy_loss else returns
        parts = sum(loss(new[part], old[part], third[part], 0.2, 6) for part in (slice(0, 2), slice(2, 6)))
        torch.testing.assert_close(parts, loss(new, old, third, 0.2, 6))


def test_the_clip_fraction_counts_ratios_outside_the_clip_on_either_side() -> None:
    # ratios 1.25, 1.1, 0.75, 0.9: two of four are more than 0.2 from 1
    assert clip_fraction(logs(0.5, 0.44, 0.3, 0.36), logs(0.4, 0.4, 0.4, 0.4), clip=0.2, tokens=4) == 0.5


def test_the_approximate_divergence_is_zero_without_change_and_positive_either_way() -> None:
    # ratio 2: 2 - 1 - ln 2 = 0.3068528; ratio 1/2: 0.5 - 1 + ln 2 = 0.1931472
    assert approximate_kl(logs(0.4, 0.2), logs(0.4, 0.2), tokens=2) == 0
    assert approximate_kl(logs(0.4), logs(0.2), tokens=1) == pytest.approx(0.3068528, abs=1e-6)
    assert approximate_kl(logs(0.4, 0.1), logs(0.2, 0.2), tokens=2) == pytest.approx(0.25, abs=1e-6)


def test_explained_variance_compares_the_values_errors_with_the_returns_spread() -> None:
    # returns 0, 2, 4: variance 8/3; errors 0, 1, -1: variance 2/3; 1 - 1/4
    returns = torch.tensor([0.0, 2.0, 4.0])
    assert explained_variance(returns, returns) == 1
    assert explained_variance(torch.full((3,), 7.0), returns) == pytest.approx(0, abs=1e-6)
    assert explained_variance(torch.tensor([0.0, 1.0, 5.0]), returns) == pytest.approx(0.75, abs=1e-6)
    assert explained_variance(torch.zeros(3), torch.ones(3)) == 0


def test_lambda_one_and_no_discount_give_what_is_still_to_come_minus_the_value() -> None:
    rewards = torch.tensor([[0.5, -0.25, 1.0]])
    values = torch.tensor([[0.1, 0.2, 0.3]])
    advantages, returns = generalized_advantages(rewards, values, torch.ones(1, 3, dtype=torch.bool), 1.0, 1.0)
    assert returns[0].tolist() == pytest.approx([1.25, 0.75, 1.0])
    assert advantages[0].tolist() == pytest.approx([1.15, 0.55, 0.7])
    assert math.isclose(float((returns - advantages - values).abs().max()), 0, abs_tol=1e-6)
