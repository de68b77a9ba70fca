"""Sizes of batches follow what images cost: pure arithmetic, on a plant that only counts seconds."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.settings import DaskSettings
from tasks.batch_sizes import Batches, batches_of

LOAD_SECONDS = 30.0


@dataclass(frozen=True)
class Worked:
    """All batches in the order in which they were handed out, and when the last one ended."""

    batches: list[tuple[int, ...]]
    seconds: float
    most_running: int


def work(costs: Sequence[float], workers: int, fixed: int | None = None) -> Worked:
    """Work on images of these costs as Dask does it; every worker loads its model first."""
    batches = Batches(range(len(costs)), fixed)
    free = [(LOAD_SECONDS, f"worker {number}") for number in range(workers)]
    running: list[tuple[float, int, str, float]] = []
    handed_out: list[tuple[int, ...]] = []
    waiting: list[tuple[int, tuple[int, ...]]] = []
    now, most, warm = 0.0, 0, set()
    while True:
        for batch in batches.next(len(running) + len(waiting), workers):
            waiting.append((len(handed_out), batch))
            handed_out.append(batch)
        most = max(most, len(running) + len(waiting))
        while waiting and free:
            ready, name = heapq.heappop(free)
            number, batch = waiting.pop(0)
            seconds = sum(costs[image] for image in batch)
            paid = seconds if name in warm else seconds + LOAD_SECONDS
            warm.add(name)
            heapq.heappush(running, (max(now, ready) + seconds, number, name, paid))
        if not running:
            return Worked(handed_out, now - LOAD_SECONDS, most)
        now, number, name, paid = heapq.heappop(running)
        heapq.heappush(free, (now, name))
        batches.learn(len(handed_out[number]), paid, name)


def sizes(worked: Worked) -> list[int]:
    return [len(batch) for batch in worked.batches]


@given(
    st.lists(st.floats(0, 100), max_size=300),
    st.integers(1, 9),
    st.none() | st.integers(1, 40),
)
def test_every_image_is_handed_out_once_in_order(
    costs: list[float], workers: int, fixed: int | None
) -> None:
    worked = work(costs, workers, fixed)
    assert [image for batch in worked.batches for image in batch] == list(range(len(costs)))
    assert all(1 <= size <= (fixed or 64) for size in sizes(worked))
    if fixed is None:
        assert worked.most_running <= 2 * workers
    else:
        assert worked.batches == batches_of(range(len(costs)), fixed)
        assert worked.most_running == len(worked.batches)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_images_that_cost_the_same_make_batches_of_ten_seconds(workers: int) -> None:
    begun, *_ = found = sizes(work([0.5] * 2000, workers))
    assert begun == 1
    assert found[len(found) // 2] == 20
    assert max(found) == 20


@pytest.mark.parametrize(("seconds_an_image", "images"), [(1e-9, 64), (0.005, 64), (2, 5), (99, 1)])
def test_the_largest_batch_is_bounded_by_seconds_and_by_images(
    seconds_an_image: float, images: int
) -> None:
    assert max(sizes(work([seconds_an_image] * 2000, 2))) == images


def test_the_loading_of_the_model_is_no_cost() -> None:
    batches = Batches(range(100))
    assert batches.next(0, 2) == [(0,), (1,)]
    batches.learn(1, LOAD_SECONDS, "a")
    assert batches.next(1, 2) == [(2,)]
    batches.learn(1, LOAD_SECONDS, "b")
    assert batches.next(1, 2) == [(3,)]
    batches.learn(1, 0.1, "a")
    assert [len(batch) for batch in batches.next(1, 2)] == [4, 4, 4]


def test_cheap_images_do_not_make_a_huge_batch_of_dear_ones() -> None:
    """As an archive does that begins with what is known already."""
    costs = [0.001] * 6 + [30.0] * 400
    assert max(sizes(work(costs, 2))) <= 4
    costs = [0.001] * 400 + [5.0] * 400
    worked = work(costs, 2)
    dear = [len(batch) for batch in worked.batches if batch[0] >= 400]
    # Four were handed out before anything was known of it; the later ones follow the cost.
    assert max(dear[4:]) <= 4
    assert dear[10:-4] == [2] * len(dear[10:-4])


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("seconds_an_image", [0.05, 0.4, 2.0])
def test_workers_end_together(workers: int, seconds_an_image: float) -> None:
    costs = [seconds_an_image * (0.7 + 0.6 * (number * 7 % 10) / 9) for number in range(200)]
    ideal = sum(costs) / workers
    slack = 0.25 + 2 * seconds_an_image
    assert ideal <= work(costs, workers).seconds <= ideal + slack
    # Three large batches for two workers, what fixed sizes make of it, end far apart.
    assert work(costs, 2, fixed=67).seconds > 1.3 * sum(costs) / 2


@pytest.mark.parametrize(
    ("batch_images", "images", "workers"),
    [(None, 1, 1), (None, 4, 1), (None, 5, 2), (None, 500, 6), (32, 32, 1), (32, 33, 2), (1, 9, 6)],
)
def test_a_handful_of_images_is_not_worth_a_second_process(
    batch_images: int | None, images: int, workers: int
) -> None:
    assert DaskSettings(workers=6, batch_images=batch_images).workers_for(images) == workers
