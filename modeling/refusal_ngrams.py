"""The refusal classifier that needs no base: logistic regression on the words of an answer and their neighbours.

Refusals are formulaic: how an answer opens says nearly all. Its n-grams of words, those of its opening apart from the
rest, are hashed into a fixed number of weights, so that no vocabulary is kept and a model is a fraction of a megabyte.
"""

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

_WORD = re.compile(r"[\w']+|[.!?:]")


@dataclass(frozen=True)
class NgramShape:
    """How an answer becomes features."""

    buckets: int = 2**15
    """Weights that n-grams are hashed into."""
    order: int = 3
    """Longest n-gram, in words."""
    opening: int = 25
    """Words of the opening, whose n-grams are features of their own."""


class NgramClassifier(nn.Module):
    """The logit of a refusal: the sum of an answer's weights over the root of their number, and a bias."""

    def __init__(self, shape: NgramShape) -> None:
        super().__init__()
        self.shape = shape
        self.weight = nn.Parameter(torch.zeros(shape.buckets))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """features: for each answer its buckets, any number of them. Returns (answers,) logits."""
        lengths = torch.tensor([len(each) for each in features])
        values = self.weight[torch.cat(list(features))] if len(features) else self.weight[:0]
        rows = torch.repeat_interleave(torch.arange(len(features)), lengths)
        sums = torch.zeros(len(features), dtype=values.dtype).index_add(0, rows, values)
        return sums / lengths.clamp(min=1).sqrt() + self.bias

    def settings(self) -> dict[str, Any]:
        return asdict(self.shape)


def features_of(response: str, shape: NgramShape) -> Tensor:
    """The different buckets of an answer's n-grams: (n,) int64."""
    words = _WORD.findall(response.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    found: set[int] = set()
    for zone, part in (("opening", words[: shape.opening]), ("rest", words[shape.opening :])):
        for n in range(1, shape.order + 1):
            for start in range(len(part) - n + 1):
                gram = f"{zone}\0{' '.join(part[start : start + n])}"
                found.add(zlib.crc32(gram.encode()) % shape.buckets)
    found.add(zlib.crc32(f"length\0{min(9, math.ceil(math.log2(len(words) + 1)))}".encode()) % shape.buckets)
    return torch.tensor(sorted(found), dtype=torch.long)


def fit(features: Sequence[Tensor], labels: Tensor, shape: NgramShape, penalty: float) -> NgramClassifier:
    """The classifier of least mean logistic loss plus penalty/2 times the sum of the squared weights, over the number
    of examples: a convex problem, solved by L-BFGS in double precision, so that no seed and no step size is involved.

    labels: (answers,), 1 for a refusal.
    """
    model = NgramClassifier(shape).double()
    labels = labels.double()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=200, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        fitted = nn.functional.binary_cross_entropy_with_logits(model(features), labels)
        total: Tensor = fitted + penalty / 2 * model.weight.square().sum() / len(labels)
        total.backward()
        return total

    optimizer.step(loss)
    return model.float()
