"""Training in one process or in several (DistributedDataParallel under torchrun)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class Processes:
    """One process among `count`; `node_rank` counts within the machine and picks the GPU."""

    rank: int = 0
    count: int = 1
    node_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Only the first process writes and reports."""
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """Sum `tensor` over all processes."""
        if self.count > 1:
            distributed.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        """Average `tensor` over all processes; NaN in one is NaN in all."""
        return self.total(tensor) / self.count

    def from_first(self, tensor: Tensor) -> Tensor:
        """Hand the first process's `tensor` to every process."""
        tensor = tensor.contiguous()
        if self.count > 1:
            distributed.broadcast(tensor, src=0)
        return tensor

    def wait_for_all(self) -> None:
        """Return when every process has come here."""
        if self.count > 1:
            distributed.barrier()

    def parallel(self, module: nn.Module) -> nn.Module:
        """Wrap `module`: its gradients are averaged over the processes in every backward pass."""
        if self.count == 1:
            return module
        # Buffers are the codebook's statistics: summed explicitly, hence equal without broadcast.
        return DistributedDataParallel(module, broadcast_buffers=False)

    def share(self, batch_size: int) -> slice:
        """Return this process's part of a batch; InputError unless all parts are equal."""
        if batch_size % self.count:
            raise InputError(
                f"A batch of {batch_size} does not divide among {self.count} processes.",
                "Make `batch_size` a multiple of the number of processes.",
            )
        size = batch_size // self.count
        return slice(self.rank * size, (self.rank + 1) * size)


@contextmanager
def joined_processes(device_name: str) -> Iterator[Processes]:
    """Join the other processes when torchrun started this one; else be the only one.

    A process group that the caller made is used and left open.
    """
    if distributed.is_available() and distributed.is_initialized():
        yield _current()
    elif distributed.is_available() and distributed.is_torchelastic_launched():
        on_gpu = device_name.startswith("cuda") or (
            device_name == "auto" and torch.cuda.is_available()
        )
        if on_gpu:
            torch.cuda.set_device(distributed.get_node_local_rank(0))
        distributed.init_process_group("nccl" if on_gpu else "gloo")
        try:
            yield _current()
        finally:
            distributed.destroy_process_group()
    else:
        yield Processes()


def _current() -> Processes:
    return Processes(
        distributed.get_rank(),
        distributed.get_world_size(),
        distributed.get_node_local_rank(fallback_rank=0),
    )
