"""Waves short enough that whoever waits is let in, and never faster than asked for."""

from __future__ import annotations

import pytest

from tasks.backfilling.pacing import LET_IN_SECONDS, Pace
from tasks.vocabulary.errors import InputError


def worked(pace: Pace, seconds_an_image: float, waves: int) -> list[tuple[int, float]]:
    """So many waves on workers that take so long for an image: their sizes and the pauses after them."""
    found = []
    for _ in range(waves):
        batch = pace.batch()
        assert pace.wave() == batch * pace.workers
        found.append((batch, pace.pause(pace.wave(), seconds_an_image * batch)))
    return found


def test_batches_grow_from_one_image_to_some_seconds_of_work() -> None:
    sizes = [batch for batch, _ in worked(Pace(2), 0.25, 6)]
    assert sizes == [1, 1, 4, 16, 20, 20]


def test_dear_images_stay_alone_and_cheap_ones_do_not_fill_the_memory() -> None:
    assert {batch for batch, _ in worked(Pace(1), 30.0, 5)} == {1}
    assert max(batch for batch, _ in worked(Pace(1), 1e-9, 9)) == 64


def test_between_two_waves_somebody_else_can_take_over() -> None:
    assert {pause for _, pause in worked(Pace(1), 0.1, 5)} == {LET_IN_SECONDS}


def test_no_more_images_a_second_than_asked_for() -> None:
    pace, rate, seconds_an_image = Pace(2, 4.0), 4.0, 0.05
    done = seconds = 0.0
    for batch, pause in worked(pace, seconds_an_image, 12):
        done += batch * pace.workers
        seconds += batch * seconds_an_image + pause
    assert done / seconds <= rate * (1 + 1e-9)
    assert done / seconds == pytest.approx(rate, rel=0.05)


def test_who_is_slower_than_asked_for_does_not_stand_still() -> None:
    assert [pause for _, pause in worked(Pace(1, 100.0), 1.0, 3)] == [LET_IN_SECONDS] * 3


@pytest.mark.parametrize(("workers", "rate"), [(0, None), (1, 0.0), (1, -2.0)])
def test_what_never_ends_is_refused(workers: int, rate: float | None) -> None:
    with pytest.raises(InputError, match="above 0"):
        Pace(workers, rate)
