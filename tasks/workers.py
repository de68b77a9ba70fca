"""Batches of images on Dask: a local cluster or a given scheduler, started when first needed.

A batch that kills its worker again and again is halved until the one image that does it is alone;
that image is handed back as poisoned, the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from tasks.vocabulary.errors import ZeroescapeError

# Dask's own default makes the C library give every freed block back at once (64 KiB): the networks
# then ran 2.4 times slower here, most of it in page faults. 32 MiB is the C library's upper limit.
_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}

_CONNECT_SECONDS = 20

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Poisoned(Generic[Item]):
    """The image that kills every worker that touches it."""

    item: Item


class SchedulerUnreachableError(ZeroescapeError, ConnectionError):
    """The scheduler of the configuration does not answer; it may be starting again."""


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
        """The connected client; the local cluster starts at the first call and not before.

        Raises `SchedulerUnreachableError` (retried) where no scheduler answers at the given address.
        """
        if self._client is None:
            if self.address is None:
                self._cluster = _local_cluster(self.count)
            try:
                self._client = Client(self._cluster or self.address, timeout=_CONNECT_SECONDS)
            except OSError as error:
                raise SchedulerUnreachableError(
                    f"No Dask scheduler answers at {self.address} ({error}).",
                    "Start it, correct dask.address, or leave it out for a local cluster.",
                ) from error
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
        waiting = batches_of(items, self.batch_images)
        batch_of = {self._submit(function, batch): batch for batch in waiting}
        suspects: list[tuple[Item, ...]] = []
        for future in as_completed(list(batch_of)):
            batch = batch_of.pop(future)
            try:
                result = future.result()
            except KilledWorker:
                suspects.append(batch)
                continue
            yield batch, result
        yield from self._one_at_a_time(function, suspects)

    def _one_at_a_time(
        self,
        function: Callable[[tuple[Item, ...]], Result],
        suspects: list[tuple[Item, ...]],
    ) -> Iterator[tuple[tuple[Item, ...], Result | Poisoned[Item]]]:
        """Run suspects with nothing beside them, halving those that kill again.

        Dask blames a dead worker on every batch that waited there, so only alone is a death proof.
        """
        while suspects:
            batch = suspects.pop()
            try:
                result = self._submit(function, batch).result()
            except KilledWorker:
                if len(batch) == 1:
                    yield batch, Poisoned(batch[0])
                else:
                    suspects += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
                continue
            yield batch, result

    def _submit(
        self, function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
    ) -> Future[Result]:
        return self.client().submit(function, batch, pure=False)


def batches_of(items: Sequence[Item], size: int) -> list[tuple[Item, ...]]:
    """All items in their order, `size` a batch, the last one with what is left."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


def _local_cluster(count: int) -> LocalCluster:
    """Worker processes of one thread each: the same bits for any number of workers."""
    # A worker that holds torch outlives the nanny's patience at the end and is killed: no news.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    # 15 s after a worker's death Dask gives up for good the place of one that is not up again just then:
    # on a busy machine, or where an image kills again and again, in the end nobody is left to work and the
    # run waits for ever. The limit is read at the death, so it cannot be set for the start alone.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "365 days"})
    with dask.config.set({"distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT}):
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            # What a batch raises is raised to whoever asked for it: no second time, as a trace, here.
            silence_logs=logging.CRITICAL,
        )
