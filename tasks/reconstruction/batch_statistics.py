"""Batch normalisation that looks at a batch only while it learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from torch import nn

from tasks.reconstruction.processes import Processes


@contextmanager
def batch_statistics(networks: Sequence[nn.Module], processes: Processes) -> Iterator[None]:
    """Batch normalisation by the batch inside the block, by running statistics ever after.

    A batch is this process's part of it, so a step on several processes is not quite that on one.
    Running statistics are averaged over the processes: all validate the same drawings.
    """
    for network in networks:
        network.train()
    try:
        yield
    finally:
        for network in networks:
            network.eval()
    if processes.count > 1:
        for buffer in chain.from_iterable(network.buffers() for network in networks):
            if buffer.is_floating_point():
                buffer.copy_(processes.mean(buffer.clone()))
