"""Batches of images on Dask: a local cluster or a given scheduler, started when first needed.

How many images a batch has is learned from what the first ones cost. A batch that kills its worker again
and again is halved until the one image that does it is alone; that image is handed back as poisoned, the
rest goes on.
"""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar
from uuid import uuid4

import dask
from dask.utils import funcname
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from tasks.vocabulary.errors import ZeroescapeError

# Dask's own default makes the C library give every freed block back at once (64 KiB): the networks
# then ran 2.4 times slower here, most of it in page faults. 32 MiB is the C library's upper limit.
_WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}

# Dask watches itself: it samples stacks every 10 ms and its event loops every 20 ms. With as many workers
# as cores that is taken from the images: measured, 4 % of a core for every worker and 5 % in the process
# that conducts; with this, 1 % each.
_QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.gil.enabled": False,
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


# Work of a batch: what a killed worker loses, and how long a progress bar stands still.
_BATCH_SECONDS = 10.0
# Below this a batch is not worth its message and its segment in the store (about 15 ms, measured).
_WORTHWHILE_SECONDS = 0.25
# A worker holds the images of a batch in memory all at once.
_MOST_IMAGES = 64
# The first images may be cheap ones: no batch is larger than so many times the largest one measured.
_GROWTH = 4
# Towards the end batches are a share of what remains, so that all workers end at about the same time.
_SHARES_PER_WORKER = 2
# One that a worker is at, and one that waits beside it: it never waits for us.
_BATCHES_PER_WORKER = 2


@dataclass
class Batches(Generic[Item]):
    """The batches of `items` in their order: `fixed` images each, or sized by what the images cost.

    By cost, every worker begins with a single image, which is not counted, for it pays for loading the
    model. Of the others, later costs weigh more than earlier ones.
    """

    items: Sequence[Item]
    fixed: int | None = None
    _begun: int = field(default=0, init=False)
    _seconds: float = field(default=0.0, init=False)
    _images: float = field(default=0.0, init=False)
    _largest: int = field(default=0, init=False)
    _warm: set[str] = field(default_factory=set, init=False)

    def learn(self, images: int, seconds: float, process: str) -> None:
        """A batch of so many images took so many seconds in that process."""
        if process in self._warm:
            self._seconds = self._seconds / 2 + seconds
            self._images = self._images / 2 + images
            self._largest = max(self._largest, images)
        self._warm.add(process)

    def next(self, running: int, workers: int) -> list[tuple[Item, ...]]:
        """Batches to hand out now, where so many are handed out and have not ended.

        Those of a fixed size are handed out all at once.
        """
        if self.fixed is not None:
            fresh, self._begun = batches_of(self.items[self._begun :], self.fixed), len(self.items)
            return fresh
        most = workers * _BATCHES_PER_WORKER if self._images else workers
        fresh = []
        while running + len(fresh) < most and self._begun < len(self.items):
            end = self._begun + self._size(len(self.items) - self._begun, workers)
            fresh.append(tuple(self.items[self._begun : end]))
            self._begun = end
        return fresh

    def _size(self, remaining: int, workers: int) -> int:
        if not self._images:
            return 1
        seconds_an_image = max(self._seconds / self._images, 1e-6)
        share = math.ceil(remaining / (_SHARES_PER_WORKER * workers))
        size = min(
            _BATCH_SECONDS / seconds_an_image,
            max(share, _WORTHWHILE_SECONDS / seconds_an_image),
            _GROWTH * self._largest,
            _MOST_IMAGES,
            remaining,
        )
        return max(1, int(size))


@dataclass(frozen=True)
class _Worked(Generic[Result]):
    """What a batch gave, how long the worker was at it, and which process that was."""

    result: Result
    seconds: float
    process: str


@dataclass
class Workers:
    """The workers of one run; used as a context manager, closed at its end."""

    address: str | None
    count: int
    batch_images: int | None = None
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
        self,
        function: Callable[[tuple[Item, ...]], Result],
        items: Sequence[Item],
        size: int | None = None,
    ) -> Iterator[tuple[tuple[Item, ...], Result | Poisoned[Item]]]:
        """Yield `(batch, result)` as batches end, in any order; other exceptions are raised.

        `size` items a batch, by default `batch_images`; where that is None, too, batches take some seconds
        each and are handed out a few at a time.
        """
        if not items:
            return
        batches = Batches(items, size or self.batch_images)
        running: dict[Future[_Worked[Result]], tuple[Item, ...]] = {}
        suspects: list[tuple[Item, ...]] = []
        ended = as_completed(loop=self.client().loop)
        while True:
            for batch in batches.next(len(running), self._capacity()):
                future = self._submit(function, batch)
                running[future] = batch
                ended.add(future)
            if not running:
                break
            future = next(ended)
            batch = running.pop(future)
            try:
                worked = future.result()
            except KilledWorker:
                suspects.append(batch)
                continue
            batches.learn(len(batch), worked.seconds, worked.process)
            yield batch, worked.result
        yield from self._one_at_a_time(function, suspects)

    def _capacity(self) -> int:
        """How many batches can be worked on at once; workers of a given scheduler come and go."""
        if self.address is None:
            return self.count
        threads: dict[str, int] = self.client().nthreads()
        return max(1, sum(threads.values()))

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
                worked = self._submit(function, batch).result()
            except KilledWorker:
                if len(batch) == 1:
                    yield batch, Poisoned(batch[0])
                else:
                    suspects += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
                continue
            yield batch, worked.result

    def _submit(
        self, function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
    ) -> Future[_Worked[Result]]:
        key = f"{funcname(function)}-{uuid4()}"
        return self.client().submit(_worked, function, batch, key=key, pure=False)


def _worked(
    function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
) -> _Worked[Result]:
    """Runs on a worker: the cost is what the work takes there, not when we hear of it."""
    begin = time.perf_counter()
    result = function(batch)
    seconds = time.perf_counter() - begin
    return _Worked(result, seconds, f"{platform.node()}:{os.getpid()}")


def batches_of(items: Sequence[Item], size: int) -> list[tuple[Item, ...]]:
    """All items in their order, `size` a batch, the last one with what is left."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


@contextmanager
def environment_of_workers() -> Iterator[None]:
    """Within the block our environment is that of workers: one thread each, memory kept.

    Dask lets what it finds in ours win over what it was told, and leaves in ours what it gave a worker:
    a training that was started afterwards had one thread, one that was started before had all.
    """
    # The last one Dask adds by itself.
    kept = {name: os.environ.get(name) for name in (*_WORKER_ENVIRONMENT, "PYTHONHASHSEED")}
    os.environ.update(_WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _local_cluster(count: int) -> LocalCluster:
    """Worker processes of one thread each: the same bits for any number of workers."""
    # A worker that holds torch outlives the nanny's patience at the end and is killed: no news.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    # 15 s after a worker's death Dask gives up for good the place of one that is not up again just then:
    # on a busy machine, or where an image kills again and again, in the end nobody is left to work and the
    # run waits for ever. The limit is read at the death, so it cannot be set for the start alone.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "365 days"})
    with (
        dask.config.set({**_QUIET, "distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT}),
        environment_of_workers(),
    ):
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            # What a batch raises is raised to whoever asked for it: no second time, as a trace, here.
            silence_logs=logging.CRITICAL,
        )
