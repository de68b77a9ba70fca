"""Where a long verb says how far it is; whoever conducts decides who hears it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of one stage; `detail` is a short remark, for example a loss."""

    stage: str
    done: int
    total: int
    detail: str = ""


Listener = Callable[[Progress], None]
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("progress_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within the block, `listener` hears all progress beside those who already listen."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def report_progress(stage: str, done: int, total: int, detail: str = "") -> None:
    """Tell all listeners of this run."""
    for listener in _listeners.get():
        listener(Progress(stage, done, total, detail))
