"""Does a store do what everything else relies on? Asked by writing, reading and removing a probe."""

from __future__ import annotations

import secrets
import time

from storage.errors import StorageError, StorageFullError
from storage.layout import PROBES
from storage.objects import Objects


def store_time(objects: Objects) -> float:
    """Seconds since the epoch by the clock that dates the objects, by ours where nothing more fits in."""
    path = _place()
    try:
        objects.put(path, b"")
    except StorageFullError:
        return time.time()
    try:
        return objects.modified_at(path)
    finally:
        objects.delete(path)


def check_first_writer_wins(objects: Objects) -> None:
    """Write twice where only the first may: StorageError where the second one got through.

    Without it two writers of one promotion, snapshot or look could each believe to be first, and one
    would be lost.
    """
    path = _place()
    try:
        first = objects.put_new(path, b"first")
        second = objects.put_new(path, b"second")
        if not first or second or objects.get(path) != b"first":
            raise StorageError(
                f"{objects.root} lets a second writer replace what the first one wrote.",
                "Use a store with conditional writes (If-None-Match), or a file system with hard links.",
            )
    finally:
        objects.delete(path)


def _place() -> str:
    return f"{PROBES}/{secrets.token_hex(8)}"
