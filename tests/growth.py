"""How cost grows with size, measured as a ratio in one run."""

from __future__ import annotations

import time
from collections.abc import Callable

SMALL = 10_000
LARGE = 100_000
NO_WORSE_THAN_LINEAR = 50.0
"""Ten times the size costs 10 times the CPU time when linear (17 to 24 measured), 100 when quadratic."""


def growth(work_on: Callable[[int], Callable[[], object]]) -> float:
    """CPU time of the work on LARGE items over that on SMALL ones (best of three).

    `work_on(size)` prepares the work, untimed, and returns it.
    """
    small, large = work_on(SMALL), work_on(LARGE)
    return _seconds(large) / min(_seconds(small) for _ in range(3))


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
