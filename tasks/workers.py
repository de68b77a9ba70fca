"""Batches of images on Dask: a local cluster or a given scheduler, started when first needed.

How many images a batch has, `tasks.batch_sizes` says. A batch that kills its worker again
and again is halved until the one image that does it is alone; that image is handed back as poisoned, the
rest goes on. Where nothing else works either, the workers are to blame and no image is.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Generic, Self, TypeVar
from uuid import uuid4

import dask
from dask.utils import funcname
from distributed import Client, Future, KilledWorker, LocalCluster, Security, as_completed
from distributed.client import FutureCancelledError

from tasks.batch_sizes import Batches, Item
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

_AFTER_OTHERS = -10
_NICEST = 19

Result = TypeVar("Result")


@dataclass(frozen=True)
class Poisoned(Generic[Item]):
    """The image that kills every worker that touches it."""

    item: Item


class SchedulerUnreachableError(ZeroescapeError, ConnectionError):
    """The scheduler of the configuration does not answer; it may be starting again."""


class WorkersDieError(ZeroescapeError, RuntimeError):
    """Workers die whatever they are given, so no image is to blame; trying again would end the same."""


@dataclass(frozen=True)
class _Worked(Generic[Result]):
    """What a batch gave, how long the worker was at it, and which process that was."""

    result: Result
    seconds: float
    process: str


@dataclass(frozen=True)
class Tls:
    """PEM files that prove who we are to a scheduler, and the scheduler to us."""

    ca: Path
    cert: Path
    key: Path

    def security(self) -> Security:
        """What Dask's client takes; nothing goes unencrypted."""
        return Security(
            tls_ca_file=str(self.ca),
            tls_client_cert=str(self.cert),
            tls_client_key=str(self.key),
            require_encryption=True,
        )


@dataclass
class Workers:
    """The workers of one run; used as a context manager, closed at its end.

    Those that `give_way` take what other runs leave: on this machine the processor time that nobody else
    wants; of a given scheduler, whose workers finish what they have begun, the last place at each worker.
    `started` hears the address of the dashboard, where there is one.
    """

    address: str | None
    count: int
    batch_images: int | None = None
    tls: Tls | None = None
    give_way: bool = False
    started: Callable[[str], None] | None = None
    _cluster: LocalCluster | None = field(default=None, init=False)
    _client: Client | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            # Workers that give way may take long to die on a busy machine, which once failed a run that had
            # done all its work. They go with this process at the latest.
            with suppress(TimeoutError):
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
                self._client = Client(
                    self._cluster or self.address,
                    timeout=_CONNECT_SECONDS,
                    security=self.tls and self.tls.security(),
                )
            except OSError as error:
                raise SchedulerUnreachableError(
                    f"No Dask scheduler answers at {self.address} ({error}).",
                    "Start it, correct dask.address, or leave it out for a local cluster.",
                ) from error
            if self.started is not None and (dashboard := _dashboard(self._client)):
                self.started(dashboard)
        return self._client

    def run(self, function: Callable[[], Result]) -> Result:
        """One call on one worker; raises `WorkersDieError` where it kills every one that tries."""
        try:
            return self._ended(self._submit(partial(_called, function), ())).result
        except KilledWorker as error:
            raise _workers_die(f"{funcname(function)} on any image") from error

    def map_batches(
        self,
        function: Callable[[tuple[Item, ...]], Result],
        items: Sequence[Item],
        size: int | None = None,
    ) -> Iterator[tuple[tuple[Item, ...], Result | Poisoned[Item]]]:
        """Yield `(batch, result)` as batches end, in any order; other exceptions are raised.

        `size` items a batch, by default `batch_images`; where that is None, too, batches take some seconds
        each and are handed out a few at a time. Raises `WorkersDieError` where every image kills its
        worker, and `SchedulerUnreachableError` (retried) where a given scheduler goes away.
        """
        if not items:
            return
        batches = Batches(items, size or self.batch_images)
        running: dict[Future[_Worked[Result]], tuple[Item, ...]] = {}
        suspects: list[tuple[Item, ...]] = []
        succeeded = False
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
                worked = self._ended(future)
            except KilledWorker:
                suspects.append(batch)
                continue
            succeeded = True
            batches.learn(len(batch), worked.seconds, worked.process)
            yield batch, worked.result
        yield from self._one_at_a_time(function, suspects, succeeded=succeeded)

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
        *,
        succeeded: bool,
    ) -> Iterator[tuple[tuple[Item, ...], Result | Poisoned[Item]]]:
        """Run suspects with nothing beside them, halving those that kill again.

        Dask blames a dead worker on every batch that waited there, so only alone is a death proof. And
        only if any other image works: workers without enough memory die at every one.
        """
        accused: list[tuple[Item, ...]] = []
        while suspects:
            batch = suspects.pop()
            try:
                worked = self._ended(self._submit(function, batch))
            except KilledWorker as error:
                if len(batch) > 1:
                    suspects += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
                    continue
                accused.append(batch)
                if len(accused) > 1 and not succeeded:
                    raise _workers_die(f"{funcname(function)} on every image") from error
                continue
            succeeded = True
            yield batch, worked.result
        yield from ((batch, Poisoned(batch[0])) for batch in accused)

    def _ended(self, future: Future[_Worked[Result]]) -> _Worked[Result]:
        """What came of it; raises what it raised, and `SchedulerUnreachableError` if nobody knows."""
        try:
            return future.result()
        except FutureCancelledError as error:
            # The next call connects anew, to a scheduler that may have been started again by then.
            if self._client is not None:
                self._client.close()
            self._client = None
            raise SchedulerUnreachableError(
                f"The Dask scheduler at {self.address} went away ({error.reason}).",
                "Start it again; what is committed is not done twice.",
            ) from error

    def _submit(
        self, function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
    ) -> Future[_Worked[Result]]:
        key = f"{funcname(function)}-{uuid4()}"
        worked = _worked_last if self.give_way and self.address is None else _worked
        priority = _AFTER_OTHERS if self.give_way else 0
        return self.client().submit(worked, function, batch, key=key, pure=False, priority=priority)


def _dashboard(client: Client) -> str | None:
    """Where people look at what the workers do; a scheduler may have been started without it."""
    try:
        link: str | None = client.dashboard_link
    except KeyError:
        return None
    return link


def _workers_die(what: str) -> WorkersDieError:
    return WorkersDieError(
        f"Dask's workers die at {what}: the machine is to blame, most likely its memory.",
        "Look at the system's log for killed processes; give workers more memory, or have fewer of them "
        "(dask.workers).",
    )


def _called(function: Callable[[], Result], _nothing: tuple[object, ...]) -> Result:
    return function()


def _worked(
    function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
) -> _Worked[Result]:
    """Runs on a worker: the cost is what the work takes there, not when we hear of it."""
    begin = time.perf_counter()
    result = function(batch)
    seconds = time.perf_counter() - begin
    return _Worked(result, seconds, f"{platform.node()}:{os.getpid()}")


def _worked_last(
    function: Callable[[tuple[Item, ...]], Result], batch: tuple[Item, ...]
) -> _Worked[Result]:
    """Runs on a worker of our own: as `_worked`, after everybody else on this machine."""
    stand_back()
    return _worked(function, batch)


@cache
def stand_back() -> None:
    """Let every other process of this machine go first, once and for good.

    Niceness alone does not: Linux weighs sessions against each other first (autogroups), and a nightly
    that the clock started is in another one. Measured on one core beside a busy process of another
    session: half of the time with niceness 19, 5 % with that of a session of its own as well.
    """
    with suppress(PermissionError):  # it leads its group already
        os.setsid()
    threads = Path("/proc/self/task")  # on Linux each has a niceness of its own
    for thread in [int(one.name) for one in threads.iterdir()] if threads.exists() else [0]:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, _NICEST)
    if os.getsid(0) != os.getpid():
        return  # what follows is for a whole session, which is not ours alone
    # Absent where the kernel knows no autogroups; then niceness counts by itself.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICEST))


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
