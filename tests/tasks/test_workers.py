"""Batches on a real local cluster: results, errors, killed workers, and images that kill them."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from distributed import LocalCluster

from tasks.vocabulary.errors import InputError
from tasks.workers import Poisoned, SchedulerUnreachableError, Workers

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


def refusing(batch: tuple[int, ...]) -> list[int]:
    raise InputError(f"{batch} is wrong.", "Correct it.")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(None, 2, batch_images=4) as pool:
        yield pool


def test_every_batch_comes_back_once(workers: Workers) -> None:
    results = dict(workers.map_batches(doubled, range(11)))
    assert sorted(results) == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10)]
    assert all(result == doubled(batch) for batch, result in results.items())
    assert workers.run(partial(doubled, (3,))) == [6]


def test_nothing_to_do_starts_no_cluster() -> None:
    with Workers(None, 2, batch_images=4) as idle:
        assert list(idle.map_batches(doubled, [])) == []
        assert idle._cluster is None


def test_errors_of_a_batch_reach_the_caller_as_they_are(workers: Workers) -> None:
    with pytest.raises(InputError, match="is wrong") as raised:
        list(workers.map_batches(refusing, range(2)))
    assert raised.value.remedy == "Correct it."


def test_a_worker_killed_once_costs_nothing(workers: Workers, tmp_path: Path) -> None:
    function = partial(doubled_but_killed_once, tmp_path / "killed")
    results = dict(workers.map_batches(function, range(11)))
    assert (tmp_path / "killed").exists()
    assert all(result == doubled(batch) for batch, result in results.items())
    assert sorted(item for batch in results for item in batch) == list(range(11))


@pytest.mark.parametrize("batch_images", [1, 4])
def test_only_the_image_that_kills_its_worker_is_poisoned(
    workers: Workers, batch_images: int
) -> None:
    """Many neighbours wait behind it on the same two workers, and die with them more than once."""
    workers.batch_images = batch_images
    function = partial(doubled_unless_poisoned, frozenset({1}))
    results = dict(workers.map_batches(function, range(24)))
    poisoned = [batch for batch, result in results.items() if isinstance(result, Poisoned)]
    assert poisoned == [(1,)]
    assert results[(1,)] == Poisoned(1)
    assert sorted(item for batch in results for item in batch) == list(range(24))
    assert all(result == doubled(batch) for batch, result in results.items() if batch != (1,))


def test_a_given_scheduler_is_used_and_left_running() -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as given:
        for _ in range(2):
            with Workers(given.scheduler_address, 2, batch_images=4) as guests:
                assert dict(guests.map_batches(doubled, [1, 2])) == {(1, 2): [2, 4]}


def test_a_scheduler_that_does_not_answer_is_named_with_the_remedy() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        Workers(f"tcp://127.0.0.1:{port}", 1, batch_images=4) as nobody,
        pytest.raises(SchedulerUnreachableError, match=rf"{port}.*dask\.address"),
    ):
        list(nobody.map_batches(doubled, [1]))
