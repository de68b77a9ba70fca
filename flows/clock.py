"""Where the time of a run goes, stage by stage, and the memory of its whole process tree."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import Logger
from typing import Self

import psutil
from prefect.logging.loggers import LoggingAdapter


@dataclass
class StageClock:
    """Wall-clock seconds of each stage, in the order in which they first ran; each is logged."""

    logger: Logger | LoggingAdapter
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to the stage `name`."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
            self.logger.info("%s ended after %.1f s", name, self.seconds[name])


class PeakMemory:
    """Peak of the summed resident memory of this process and all its children, sampled.

    Pages that processes share are counted once for each of them, so the figure errs upwards.
    """

    def __init__(self, every_seconds: float = 0.5) -> None:
        self.peak_mb = 0.0
        self._every_seconds = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while True:
            self.peak_mb = max(self.peak_mb, _resident_mb(own))
            if self._stop.wait(self._every_seconds):
                return


def _resident_mb(own: psutil.Process) -> float:
    total = 0
    for process in [own, *own.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it ended between listing and asking
            continue
    return total / 2**20
