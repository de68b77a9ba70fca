"""Seconds of a block, and of each stage that a verb reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tasks.progress import Listener, Progress

Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[Result, float]:
    """What a call returns, and its wall-clock seconds."""
    begin = time.perf_counter()
    result = function()
    return result, time.perf_counter() - begin


def under(heard: Listener, name: str) -> Listener:
    """A listener that tells `heard` which part of the benchmark a stage belongs to."""

    def named(said: Progress) -> None:
        heard(replace(said, stage=f"{name}: {said.stage}"))

    return named


def unheard(said: Progress) -> None:
    """Hear nothing."""


@dataclass
class StageTimes:
    """A progress listener: seconds from the first word of a stage to the first word of the next."""

    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _since: float = 0.0

    def __call__(self, said: Progress) -> None:
        """Notice when another stage begins."""
        if said.stage != self._stage:
            self.end()
            self._stage, self._since = said.stage, time.perf_counter()

    def end(self) -> None:
        """Close the last stage."""
        if self._stage:
            spent = time.perf_counter() - self._since
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + spent
        self._stage = ""
