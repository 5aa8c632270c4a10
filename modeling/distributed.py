"""Several processes under torchrun: who each one is, what it works on, and how gradients become one.

Every process draws the same batch, works on its own share of it, and divides by the size of the whole: the gradients'
sum over the processes is then the gradient that one process would have had.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

Item = TypeVar("Item")
BUCKET = 2**26
"""Numbers per message when gradients are summed: 256 MiB in float32."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of its run."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> list[Item]:
        """This process's part of the items; the parts of all processes are the whole."""
        return list(items[self.rank :: self.size])

    def total(self, *values: float) -> list[float]:
        """Each value's sum over the processes."""
        if self.size == 1:
            return list(values)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        sums = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(sums)
        return sums.tolist()

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; the same answer in all of them."""
        return self.total(float(flag))[0] > 0

    def gathered(self, part: Sequence[Item]) -> list[Item]:
        """The inverse of share, from every process's part: all items, in their order, in every process."""
        if self.size == 1:
            return list(part)
        parts: list[Any] = [None] * self.size
        dist.all_gather_object(parts, list(part))
        items = [None] * sum(map(len, parts))
        for rank, own in enumerate(parts):
            items[rank :: self.size] = own
        return items  # type: ignore[return-value]

    def barrier(self) -> None:
        """Waits until every process is here."""
        if self.size > 1:
            dist.barrier()

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Adds up every parameter's gradient over the processes, in place. A parameter that only some processes used
        counts as a gradient of zeros in the others."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for bucket in _buckets([parameter.grad for parameter in parameters if parameter.grad is not None]):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            dist.all_reduce(flat)
            for gradient, part in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
                gradient.copy_(part.view_as(gradient))


@contextmanager
def joined() -> Iterator[Ranks]:
    """This process's place in the group that torchrun started, or alone without torchrun. Each process on a machine
    with GPUs takes the one of its local rank."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for gradient in gradients:
        if bucket and sum(part.numel() for part in bucket) + gradient.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket
