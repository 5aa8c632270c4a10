"""Norm and rotation with gradients of their own: equal to what autograd makes of the equations."""

import torch
from torch import Tensor

from modeling.lean_gradients import Normed, Rotated


def test_the_norm_and_its_gradients_are_those_of_its_equation() -> None:
    x = torch.tensor([[3.0, 4.0], [1.0, -1.0]], requires_grad=True)
    weight = torch.tensor([2.0, 0.5], requires_grad=True)

    normed = Normed.apply(x, weight, 0.0)

    # the root mean squares are sqrt(12.5) and 1
    expected = torch.tensor([[6 / 12.5**0.5, 2 / 12.5**0.5], [2.0, -0.5]])
    torch.testing.assert_close(normed, expected)
    upstream = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    by_hand = torch.autograd.grad(normed, (x, weight), upstream)
    by_autograd = torch.autograd.grad(x * x.square().mean(-1, keepdim=True).rsqrt() * weight, (x, weight), upstream)
    torch.testing.assert_close(by_hand, by_autograd)


def test_a_frozen_weight_of_the_norm_gets_no_gradient() -> None:
    x, weight = torch.ones(2, 3, requires_grad=True), torch.ones(3)

    Normed.apply(x, weight, 1e-6).sum().backward()

    assert x.grad is not None
    assert weight.grad is None


def test_a_rotation_turns_the_halves_of_a_head_and_its_gradient_back() -> None:
    angle = torch.tensor(torch.pi / 2)
    cosine = angle.cos().expand(2)
    sine = torch.stack((-angle.sin(), angle.sin()))
    states = torch.tensor([3.0, 5.0], requires_grad=True)

    turned: Tensor = Rotated.apply(states, cosine, sine)

    torch.testing.assert_close(turned, torch.tensor([-5.0, 3.0]))  # a quarter turn of (3, 5)
    turned.backward(torch.tensor([-5.0, 3.0]))
    torch.testing.assert_close(states.grad, torch.tensor([3.0, 5.0]))
