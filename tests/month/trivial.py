"""A trivial instrument in the place of the real one, and clocks around what computes: runs on Dask workers.

What `tasks.batches` and `tasks.intake` call is exchanged in the worker's process, so that everything around
it (reading, batching, locks, segments, receipts) is the product's own.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from tasks import batches, intake
from tasks.vocabulary.arrays import Float64Array, UInt8Array

# As many as a real row of metrics has, about.
_COLUMNS = 64
_COMPUTING = {"ingest": ("decode", "aligned", "signature")}

P = ParamSpec("P")
R = TypeVar("R")

_seconds: defaultdict[str, float] = defaultdict(float)


@dataclass(frozen=True)
class TrivialMeasurement:
    """A row of metrics, all the mean grey level."""

    values_M: Float64Array


class TrivialInstrument:
    """What is asked of an instrument by `measure_images`."""

    columns = tuple(f"mean_{number}" for number in range(_COLUMNS))

    def measure(self, image_HWC: UInt8Array) -> TrivialMeasurement:
        """Next to nothing, but every pixel is looked at."""
        begin = time.perf_counter()
        measured = TrivialMeasurement(np.full(_COLUMNS, image_HWC.mean()))
        _seconds["extract"] += time.perf_counter() - begin
        return measured


def install() -> None:
    """Exchange the instrument of this process for the trivial one, and time what computes."""
    trivial = TrivialInstrument()
    vars(batches)["instrument"] = lambda _root, _settings: trivial
    for stage, names in _COMPUTING.items():
        for name in names:
            vars(intake)[name] = _timed(vars(intake)[name], stage)


def computed() -> dict[str, float]:
    """Seconds that this process has computed, by stage."""
    return dict(_seconds)


def _timed(function: Callable[P, R], stage: str) -> Callable[P, R]:
    @wraps(function)
    def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _seconds[stage] += time.perf_counter() - begin

    return timed
