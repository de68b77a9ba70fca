"""The seam for parallel work: whatever maps a function over jobs, in order, like built-in `map`.

`map` itself works one by one; `threads(n)` uses threads here; the `map` of any
`concurrent.futures` executor (Dask's `client.get_executor()` among them) spreads over a cluster.
Jobs and results pickle, and no result depends on who computed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import joblib

Job = TypeVar("Job")
Result = TypeVar("Result")


class Spread(Protocol):
    """Map a function over jobs, results in the order of the jobs."""

    def __call__(
        self, function: Callable[[Job], Result], jobs: Iterable[Job], /
    ) -> Iterable[Result]:
        """Give one result per job."""
        ...


@contextmanager
def threads(n_jobs: int) -> Iterator[Spread]:
    """Give a map over threads; -1 uses all processors."""
    with ThreadPoolExecutor(joblib.effective_n_jobs(n_jobs)) as pool:
        yield pool.map
