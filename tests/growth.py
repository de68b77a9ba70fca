"""How cost grows with size, measured as a ratio in one run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

SMALL = 10_000
LARGE = 100_000
NO_WORSE_THAN_LINEAR = 50.0
"""Ten times the size costs 10 times the CPU time when linear, 100 when quadratic."""


def growth(work_on: Callable[[int], Callable[[], object]]) -> float:
    """CPU time of the work on LARGE items over that on SMALL ones (best of three, each).

    `work_on(size)` prepares the work, untimed, and returns it.
    """
    small, large = work_on(SMALL), work_on(LARGE)
    return _seconds(large) / _seconds(small)


def _seconds(work: Callable[[], object]) -> float:
    return min(_once(work) for _ in range(3))


def _once(work: Callable[[], object]) -> float:
    """Without the collector: it walks through all that the test process holds, not only this work."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        work()
        return time.process_time() - start
    finally:
        gc.enable()
