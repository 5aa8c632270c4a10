"""What a Llama layer computes element by element, with its gradient written out: fewer passes over memory than autograd
takes, which on a CPU is what they cost. Equal to transformers' own up to rounding."""

from typing import Any

import torch
from torch import Tensor


class Normed(torch.autograd.Function):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich 2019, equation 4)."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """x: (..., width), float32; weight: (width,)."""
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = size.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        unit = x * inverse
        context.save_for_backward(unit, inverse, weight)
        return unit * weight

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """With u = x / size: dx = (g w - u mean(g w u)) / size and dw = sum(g u)."""
        unit, inverse, weight = context.saved_tensors
        product = gradient * unit
        mean = (product @ weight).div_(len(weight)).unsqueeze(-1)
        of_x = torch.addcmul(gradient * weight, unit, mean, value=-1).mul_(inverse)
        of_weight = product.flatten(0, -2).sum(dim=0) if context.needs_input_grad[1] else None
        return of_x, of_weight, None


class Rotated(torch.autograd.Function):
    """Rotary position embedding (Su et al. 2021, equation 34), a head's halves as the pairs of coordinates. It is a
    rotation: the gradient turns back."""

    @staticmethod
    def forward(context: Any, states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """states: (..., head size); cosine and sine of each token's angles, to be broadcast, both halves alike, and
        the first half of the sine negated."""
        context.save_for_backward(cosine, sine)
        return torch.addcmul(states * cosine, _halves_swapped(states), sine)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = context.saved_tensors
        return torch.addcmul(gradient * cosine, _halves_swapped(gradient), sine, value=-1), None, None


def _halves_swapped(states: Tensor) -> Tensor:
    first, second = states.chunk(2, dim=-1)
    return torch.cat((second, first), dim=-1)
