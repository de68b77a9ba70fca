"""Batches of images on Dask: a local cluster or a given scheduler, started when first needed.

A batch that kills its worker again and again is halved until the one image that does it is alone;
that image is handed back as poisoned, the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Poisoned(Generic[Item]):
    """The image that kills every worker that touches it."""

    item: Item


@dataclass
class Workers:
    """The workers of one run; used as a context manager, closed at its end."""

    address: str | None
    count: int
    batch_images: int
    _cluster: LocalCluster | None = field(default=None, init=False)
    _client: Client | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()
        self._client = self._cluster = None

    def client(self) -> Client:
        """The connected client; the local cluster starts at the first call and not before."""
        if self._client is None:
            if self.address is None:
                # One thread a worker: the same bits for any number of workers.
                self._cluster = LocalCluster(
                    n_workers=self.count,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                )
            self._client = Client(self._cluster or self.address)
        return self._client

    def run(self, function: Callable[[], Result]) -> Result:
        """One call on one worker."""
        return self.client().submit(function, pure=False).result()

    def map_batches(
        self, function: Callable[[tuple[Item, ...]], Result], items: Sequence[Item]
    ) -> Iterator[tuple[tuple[Item, ...], Result | Poisoned[Item]]]:
        """Yield `(batch, result)` as batches end, in any order; other exceptions are raised."""
        if not items:
            return
        size = self.batch_images
        waiting = [tuple(items[start : start + size]) for start in range(0, len(items), size)]
        batch_of = {self._submit(function, batch): batch for batch in waiting}
        ending = as_completed(list(batch_of))
        for future in ending:
            batch = batch_of.pop(future)
            try:
                yield batch, future.result()
            except KilledWorker:
                if len(batch) == 1:
                    yield batch, Poisoned(batch[0])
                    continue
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    retry = self._submit(function, half)
                    batch_of[retry] = half
                    ending.add(retry)

    def _submit(
        self, function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
    ) -> Future[Result]:
        return self.client().submit(function, batch, pure=False)
