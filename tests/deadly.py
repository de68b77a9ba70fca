"""A file at which every worker dies, as one does that the system kills because it fills the memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

# Read long enough to be caught at it; a hole takes no room.
_BYTES = 600_000_000


def write_deadly(place: Path) -> Path:
    """A file of nothing but a hole."""
    place.touch()
    os.truncate(place, _BYTES)
    return place


@contextmanager
def killed_while_reading(place: Path, parent: int) -> Iterator[list[int]]:
    """Every child of a process that opens a file is killed; yields who was, so far."""
    done, own, killed = threading.Event(), psutil.Process(parent), list[int]()

    def kill() -> None:
        while not done.is_set():
            try:
                children = own.children(recursive=True)
            except psutil.Error:
                return
            for process in children:
                try:
                    if any(file.path == str(place) for file in process.open_files()):
                        process.kill()
                        killed.append(process.pid)
                except psutil.Error:  # it ended meanwhile
                    continue
            done.wait(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        done.set()
        killer.join()
