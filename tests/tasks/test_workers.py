"""Batches on a real local cluster: results, errors, killed workers, and images that kill them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from distributed import Event, LocalCluster
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from tasks.vocabulary.errors import InputError
from tasks.workers import Poisoned, SchedulerUnreachableError, Workers, WorkersDieError
from tests.product_line import REPOSITORY

pytestmark = pytest.mark.slow


def doubled(batch: tuple[int, ...]) -> list[int]:
    return [2 * item for item in batch]


def doubled_unless_poisoned(poison: frozenset[int], batch: tuple[int, ...]) -> list[int]:
    time.sleep(0.2)
    if poison & set(batch):
        # As an out-of-memory killer does it: no exception, no goodbye.
        os._exit(1)
    return doubled(batch)


def doubled_but_killed_once(memory: Path, batch: tuple[int, ...]) -> list[int]:
    try:
        memory.touch(exist_ok=False)
    except FileExistsError:
        return doubled(batch)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def thread_counts() -> tuple[int, int, set[int]]:
    """Of torch, of OpenCV, and of every numerical library that the process has loaded."""
    import cv2
    import torch

    loaded = {int(pool["num_threads"]) for pool in threadpool_info()}
    return torch.get_num_threads(), cv2.getNumThreads(), loaded


# Two busy processes on one core, each in a session of its own, as a nightly by the clock and a backfill by
# hand are; the first one ends the race.
_RACE = """
import os, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
if sys.argv[1] == "patient":
    from tasks.workers import stand_back
    stand_back()
print("ready", flush=True)
sys.stdin.readline()
begin = time.process_time()
while time.process_time() - begin < 1.0 and not os.path.exists(sys.argv[2]):
    pass
open(sys.argv[2], "w").close()
print(time.process_time() - begin)
"""


def refusing(batch: tuple[int, ...]) -> list[int]:
    raise InputError(f"{batch} is wrong.", "Correct it.")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(None, 2) as pool:
        yield pool


def test_every_batch_comes_back_once(workers: Workers) -> None:
    workers.batch_images = 4
    results = dict(workers.map_batches(doubled, range(11)))
    assert sorted(results) == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10)]
    assert all(result == doubled(batch) for batch, result in results.items())
    assert workers.run(partial(doubled, (3,))) == [6]


def test_batches_sized_by_cost_grow_from_one_image_to_the_most(workers: Workers) -> None:
    workers.batch_images = None
    results = dict(workers.map_batches(doubled, range(1000)))
    assert sorted(item for batch in results for item in batch) == list(range(1000))
    assert all(result == doubled(batch) for batch, result in results.items())
    sizes = [len(batch) for batch in sorted(results)]
    assert sizes[:2] == [1, 1]
    assert max(sizes) == 64
    assert len(sizes) < 100


def test_a_batch_is_at_work_on_one_core_whatever_our_own_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with Workers(None, 1) as started:
        torch_threads, opencv_threads, loaded = started.run(thread_counts)
        assert dict(os.environ) == before
    assert (torch_threads, opencv_threads, loaded) == (1, 1, {1})


def test_nothing_to_do_starts_no_cluster() -> None:
    with Workers(None, 2, batch_images=4) as idle:
        assert list(idle.map_batches(doubled, [])) == []
        assert idle._cluster is None


def test_errors_of_a_batch_reach_the_caller_as_they_are(workers: Workers) -> None:
    with pytest.raises(InputError, match="is wrong") as raised:
        list(workers.map_batches(refusing, range(2)))
    assert raised.value.remedy == "Correct it."


@pytest.mark.parametrize("batch_images", [4, None])
def test_a_worker_killed_once_costs_nothing(
    workers: Workers, tmp_path: Path, batch_images: int | None
) -> None:
    workers.batch_images = batch_images
    function = partial(doubled_but_killed_once, tmp_path / "killed")
    results = dict(workers.map_batches(function, range(11)))
    assert (tmp_path / "killed").exists()
    assert all(result == doubled(batch) for batch, result in results.items())
    assert sorted(item for batch in results for item in batch) == list(range(11))


@pytest.mark.parametrize(("batch_images", "poison"), [(1, 1), (4, 1), (None, 1), (None, 19)])
def test_only_the_image_that_kills_its_worker_is_poisoned(
    workers: Workers, batch_images: int | None, poison: int
) -> None:
    """Many neighbours wait behind it on the same two workers, and die with them more than once.

    Sized by cost, image 1 is a batch of its own, and image 19 is in one of several.
    """
    workers.batch_images = batch_images
    function = partial(doubled_unless_poisoned, frozenset({poison}))
    results = dict(workers.map_batches(function, range(24)))
    poisoned = [batch for batch, result in results.items() if isinstance(result, Poisoned)]
    assert poisoned == [(poison,)]
    assert results[(poison,)] == Poisoned(poison)
    assert sorted(item for batch in results for item in batch) == list(range(24))
    assert all(result == doubled(batch) for batch, result in results.items() if batch != (poison,))


def test_workers_that_die_whatever_they_do_blame_no_image(workers: Workers) -> None:
    cluster = workers.client().cluster
    assert isinstance(cluster, LocalCluster)
    assert cluster.scheduler is not None
    tries, cluster.scheduler.allowed_failures = cluster.scheduler.allowed_failures, 0
    workers.batch_images = 2
    try:
        with pytest.raises(WorkersDieError, match="on every image") as raised:
            list(
                workers.map_batches(partial(doubled_unless_poisoned, frozenset(range(4))), range(4))
            )
        assert "memory" in raised.value.remedy
        with pytest.raises(WorkersDieError, match="on any image"):
            workers.run(partial(doubled_unless_poisoned, frozenset({1}), (1,)))
        # A single one may be to blame: it goes to a person.
        (only,) = workers.map_batches(partial(doubled_unless_poisoned, frozenset({1})), [1])
        assert only == ((1,), Poisoned(1))
    finally:
        cluster.scheduler.allowed_failures = tries


def test_a_given_scheduler_is_used_and_left_running() -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as given:
        for _ in range(2):
            with Workers(given.scheduler_address, 2, batch_images=4) as guests:
                assert dict(guests.map_batches(doubled, [1, 2])) == {(1, 2): [2, 4]}
        # One worker, although two are configured: what is there counts.
        with Workers(given.scheduler_address, 2) as guests:
            first, *others = guests.map_batches(doubled, range(40))
            assert first == ((0,), [0])
            assert [item for batch, _ in others for item in batch] == list(range(1, 40))


def test_a_scheduler_that_does_not_answer_is_named_with_the_remedy() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        Workers(f"tcp://127.0.0.1:{port}", 1, batch_images=4) as nobody,
        pytest.raises(SchedulerUnreachableError, match=rf"{port}.*dask\.address"),
    ):
        list(nobody.map_batches(doubled, [1]))


def test_workers_that_give_way_leave_the_processor_to_others(tmp_path: Path) -> None:
    """Half of it without standing back, and with niceness alone where the kernel knows sessions."""
    seconds = {}
    racers = {
        name: subprocess.Popen(
            [sys.executable, "-c", _RACE, name, str(tmp_path / "ended")],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=name == "busy",
        )
        for name in ("busy", "patient")
    }
    for racer in racers.values():
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers.values():
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for name, racer in racers.items():
        seconds[name] = float(racer.communicate()[0])
        assert racer.returncode == 0
    assert seconds["busy"] >= 1.0
    assert seconds["patient"] < 0.25 * seconds["busy"]


def test_a_worker_of_a_shared_scheduler_takes_a_batch_that_gives_way_last() -> None:
    """Both wait at a worker that is busy, the patient one longer."""
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Workers(cluster.scheduler_address, 1, give_way=True) as patient,
        Workers(cluster.scheduler_address, 1) as nightly,
    ):
        (worker,) = cluster.workers.values()
        gate = Event("gate", client=nightly.client())
        busy = nightly.client().submit(_wait_for, "gate", pure=False)
        waiting = []
        for there, pool, name in ((2, patient, "backfill"), (3, nightly, "nightly")):
            waiting.append(pool._submit(_named, (name,)))
            while len(worker.state.tasks) < there:
                time.sleep(0.01)
        gate.set()
        busy.result()
        for future in waiting:
            future.result()
    assert _ORDER == ["nightly", "backfill"]


_ORDER: list[str] = []


def _wait_for(gate: str) -> None:
    Event(gate).wait()


def _named(batch: tuple[str, ...]) -> None:
    _ORDER.extend(batch)
