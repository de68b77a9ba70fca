"""Garbage collection: announced first, removed later, receipt first, and kept on record.

What a killed collector leaves are data without a receipt, which nobody reads and the next one takes.
Runs and collectors exclude each other (`Stores.in_use`, `Stores.unused`) among the processes that share a
local root; beyond that, on an object store, the grace between announcement and removal is what protects a
run that found an old entry: it must be longer than a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storage.errors import BusyError, CorruptEntryError, NotFoundError, StorageFullError, translated
from storage.inventory import Entry
from storage.layout import MARKED, RECEIPT, REMOVALS
from storage.numbered import NumberedFiles
from storage.objects import Objects
from storage.receipts import find_receipt
from storage.retention import Needs, RetentionPolicy, needs
from storage.seals import sealed, unsealed
from storage.stores import Stores
from storage.sweeping import Swept, orphans

COLLECTING = "garbage-collection"
# Longer than any pause of a living writer between two writes.
ORPHANED_SECONDS = 3600.0


@dataclass(frozen=True)
class Scratch:
    """A workplace that nobody works in: its folder, why it may go, and its size."""

    key: str
    why: str
    size_bytes: int


@dataclass(frozen=True)
class Plan:
    """What is needed, what is announced, what is due, and what is no entry at all.

    `orphans` are what killed writers left.
    """

    needs: Needs
    due: tuple[Entry, ...]
    announced: tuple[Entry, ...]
    orphans: Swept
    scratch: tuple[Scratch, ...]

    @property
    def size_bytes(self) -> int:
        """What is due takes, announcements left out."""
        entries = sum(entry.size_bytes for entry in self.due)
        return entries + self.orphans.size_bytes + sum(one.size_bytes for one in self.scratch)


def planned(stores: Stores, policy: RetentionPolicy, now: float) -> Plan:
    """Look at the whole store and change nothing."""
    objects = stores.objects
    found = needs(objects, policy, now)
    since = _marks(objects)
    latest = now - policy.grace_seconds
    due: list[Entry] = []
    announced: list[Entry] = []
    for entry in found.removable:
        waited = since.get(entry.path, now) <= latest
        (due if waited else announced).append(entry)
    left = list(orphans(objects, now - ORPHANED_SECONDS))
    swept = Swept(tuple(folder for folder, _ in left), (), sum(size for _, size in left))
    scratch = _scratch(stores, now - policy.older_than_seconds)
    return Plan(found, tuple(due), tuple(announced), swept, tuple(scratch))


def collect(stores: Stores, policy: RetentionPolicy, now: float) -> Plan:
    """Remove what is due, announce what is not needed; returns what was done.

    BusyError while a run or another collector is at work (what it would remove is announced then),
    StorageFullError where not even the record of a removal can be written.
    """
    with stores.alone(COLLECTING, "A garbage collection"):
        # These two need no record, and on a full disk they make room for one.
        swept = _swept(stores, now)
        scratch = _scratch(stores, now - policy.older_than_seconds)
        cleared = tuple(one for one in scratch if _cleared(stores, one.key))
        plan = planned(stores, policy, now)
        with suppress(StorageFullError):
            _mark(stores.objects, (*plan.due, *plan.announced), now)
        if plan.due:
            with stores.unused():
                # Looked at again: a run may have ended a moment ago.
                plan = planned(stores, policy, now)
                locations = _remove_receipts(stores.objects, plan.due, now)
            for location in locations:
                stores.objects.delete_folder(location)
            _mark(stores.objects, plan.announced, now)
    return replace(plan, orphans=swept, scratch=cleared)


def _swept(stores: Stores, now: float) -> Swept:
    """Remove what killed writers left; nothing while a run is at work.

    Its unfinished writes are told from theirs by their age alone, and to a clock that jumped everything is
    old.
    """
    with suppress(BusyError), stores.unused():
        return stores.sweep(ORPHANED_SECONDS, now)
    return Swept((), (), 0)


def removals(objects: Objects) -> list[tuple[str, str]]:
    """Entry and data folder of everything that was ever removed, in that order."""
    records = NumberedFiles(objects, REMOVALS)
    return [
        (entry, location)
        for number in records.numbers()
        for entry, location in records.record(number).content["removed"]
    ]


def _remove_receipts(objects: Objects, due: Sequence[Entry], now: float) -> list[str]:
    """Make the entries not exist; returns where their data are."""
    removed = [(entry.path, _location(objects, entry.path)) for entry in due]
    if not removed:
        return []
    done = _recorded(objects, removed, now)
    for path, _ in removed[done:]:
        objects.delete(f"{path}/{RECEIPT}")
    return [location for _, location in removed if location]


def _recorded(objects: Objects, removed: Sequence[tuple[str, str]], now: float) -> int:
    """Record a removal before it happens; where there is no room for that, the first go before.

    Returns how many went.
    """
    content: dict[str, Any] = {"at": now, "removed": [list(one) for one in removed]}
    for done, (path, location) in enumerate(removed):
        try:
            NumberedFiles(objects, REMOVALS).append(content, lambda _: None)
        except StorageFullError:
            objects.delete(f"{path}/{RECEIPT}")
            objects.delete_folder(location or path)
            continue
        return done
    NumberedFiles(objects, REMOVALS).append(content, lambda _: None)
    return len(removed)


def _location(objects: Objects, path: str) -> str:
    """Where the data are; of an unreadable receipt nobody knows, and the sweep takes them."""
    with suppress(CorruptEntryError):
        receipt = find_receipt(objects, path)
        return receipt.location if receipt else ""
    return ""


def _marks(objects: Objects) -> dict[str, float]:
    """Since when each entry is announced; none where that cannot be read: all are announced anew."""
    try:
        marks: dict[str, float] = unsealed(objects.get(MARKED))["since"]
    except (NotFoundError, ValueError, KeyError):
        return {}
    return marks


def _mark(objects: Objects, announced: Sequence[Entry], now: float) -> None:
    known = _marks(objects)
    since = {entry.path: known.get(entry.path, now) for entry in announced}
    if since != known:
        objects.put(MARKED, sealed({"since": since}))


def _scratch(stores: Stores, before: float) -> list[Scratch]:
    """Workplaces whose model is committed, and those in which nothing happened for so long."""
    found = []
    for place in stores.workplaces():
        size, newest = _size_and_time(place)
        finished = stores.registry.find("models", place.name) is not None
        if finished or newest < before:
            why = "its model is committed" if finished else "nobody went on with it"
            found.append(Scratch(place.name, why, size))
    return found


def _cleared(stores: Stores, key: str) -> bool:
    """Remove a workplace unless a training is at work in it."""
    try:
        with stores.alone(key, "A garbage collection"):
            stores.clear_workplace(key)
    except BusyError:
        return False
    return True


def _size_and_time(place: Path) -> tuple[int, float]:
    size, newest = 0, 0.0
    with translated(f"looking into {place}"):
        for path in (place, *place.rglob("*")):
            with suppress(FileNotFoundError):
                status = path.lstat()
                size += status.st_size
                newest = max(newest, status.st_mtime)
    return size, newest
