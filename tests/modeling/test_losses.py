"""Expected values are derived by hand beside each test."""

import math

import pytest
import torch

from modeling.losses import MARGINS, RATINGS, ranking_loss, safety_loss

NAN = float("nan")


def test_the_ranking_loss_of_equal_scores_without_margin_is_log_two() -> None:
    # sigmoid(0) = 1/2
    loss = ranking_loss(torch.zeros(3), torch.zeros(3), torch.zeros(3))
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)


def test_the_margin_is_subtracted_from_the_difference_of_scores() -> None:
    # differences 2 and -1, margins 1 and 2/3: -log sigmoid(1) = log(1 + e^-1) = 0.3132617,
    # -log sigmoid(-5/3) = log(1 + e^(5/3)) = 1.8396745 (e^(5/3) = 5.2944901)
    loss = ranking_loss(torch.tensor([3.0, 0.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 2 / 3]))
    assert loss.item() == pytest.approx((0.3132617 + 1.8396745) / 2, abs=1e-6)


def test_parts_of_a_batch_add_up_to_the_loss_of_the_whole() -> None:
    chosen, rejected, margin = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    parts = sum(
        ranking_loss(chosen[part], rejected[part], margin[part], pairs=5) for part in (slice(0, 2), slice(2, 5))
    )
    torch.testing.assert_close(parts, ranking_loss(chosen, rejected, margin))


def test_huge_differences_neither_overflow_nor_vanish() -> None:
    # -log sigmoid(-1000) = 1000
    loss = ranking_loss(torch.tensor([-500.0]), torch.tensor([500.0]), torch.zeros(1))
    assert loss.item() == pytest.approx(1000.0)


def test_the_gradient_pushes_the_chosen_score_up_and_the_rejected_down() -> None:
    # d/dr_c = sigmoid(r_c - r_r - m) - 1 = sigmoid(0) - 1 = -1/2
    chosen = torch.tensor([1.0], requires_grad=True)
    rejected = torch.tensor([0.0], requires_grad=True)
    ranking_loss(chosen, rejected, torch.ones(1)).backward()
    assert chosen.grad is not None
    assert rejected.grad is not None
    assert chosen.grad.item() == pytest.approx(-0.5)
    assert rejected.grad.item() == pytest.approx(0.5)


def test_the_margins_are_those_of_the_paper() -> None:
    assert [MARGINS["small"][rating] for rating in RATINGS] == [1, 2 / 3, 1 / 3, 0]
    assert [MARGINS["large"][rating] for rating in RATINGS] == [3, 2, 1, 0]
    assert [MARGINS["none"][rating] for rating in RATINGS] == [0, 0, 0, 0]


def test_the_safety_loss_counts_labelled_responses_alone() -> None:
    # safe at 0: log 2; unsafe at 1: -log(1 - sigmoid(1)) = log(1 + e) = 1.3132617; the unlabelled 9 counts for nothing
    loss = safety_loss(torch.tensor([0.0, 9.0, 1.0]), torch.tensor([1.0, NAN, 0.0]))
    assert loss.item() == pytest.approx((math.log(2) + 1.3132617) / 2, abs=1e-6)


def test_the_safety_loss_of_nothing_is_zero_with_a_zero_gradient() -> None:
    score = torch.tensor([2.0, -1.0], requires_grad=True)
    loss = safety_loss(score, torch.tensor([NAN, NAN]))
    loss.backward()
    assert loss.item() == 0
    assert score.grad is not None
    assert score.grad.tolist() == [0, 0]


def test_the_safety_loss_of_a_part_is_divided_by_the_labels_of_the_whole_batch() -> None:
    # log 2 over four labels
    loss = safety_loss(torch.zeros(1), torch.ones(1), labelled=4)
    assert loss.item() == pytest.approx(math.log(2) / 4, abs=1e-6)
