"""The store: room, rights, locks, clock, leftovers, champions, and whether it is still what was written."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.checkup.finding import Finding
from flows.durations import said, size_said
from flows.settings import LineSettings
from storage.collecting import planned
from storage.errors import BusyError, CorruptEntryError, NotFoundError, StorageError
from storage.integrity import verify_entry, verify_record
from storage.inventory import Entry, inventory
from storage.layout import CHAMPIONS, LABELS, LOOKS, QUARANTINE, ROLE_BOOKS, SNAPSHOTS, SUSPENSIONS
from storage.objects import Objects
from storage.probing import check_first_writer_wins, store_time
from storage.registry import Registry
from storage.retention import RetentionPolicy, needed_by_champions
from storage.stores import Stores

# A training keeps checkpoints of model and optimiser, a report its pictures.
_TRAINING_BYTES, _REPORT_BYTES = 500_000_000, 25_000_000
_COMPRESSED = 0.8
_LOW_SHARE = 0.05
_FILES_OF_A_RUN = 5_000
_CLOCKS_APART_SECONDS = 60.0
_SAMPLED = 40
_STALE_SECONDS = 86_400.0
_VERIFIED = (CHAMPIONS, SUSPENSIONS, SNAPSHOTS, ROLE_BOOKS, QUARANTINE, LABELS, LOOKS)


def room(place: Path, settings: LineSettings | None) -> Iterator[Finding]:
    """Free bytes and inodes where the store is (or will be) against what the next run may write."""
    while not place.exists():
        place = place.parent
    new = _new_photographs(settings) if settings else 0
    image_bytes = _COMPRESSED * _pixels(settings) if settings else 0.0
    needed = new * image_bytes + _TRAINING_BYTES + _REPORT_BYTES
    disk = shutil.disk_usage(place)
    fact = (
        f"{size_said(disk.free)} of {size_said(disk.total)} free at {place}, "
        f"about {size_said(needed)} needed by the next run ({new:,} new photographs)"
    )
    yield _room("disk", fact, disk.free, needed, disk.total)
    system = os.statvfs(place)
    if system.f_files:
        fact = f"{system.f_favail:,} of {system.f_files:,} files more can be made at {place}"
        yield _room("inodes", fact, system.f_favail, 2 * new + _FILES_OF_A_RUN, system.f_files)


def _room(name: str, fact: str, free: float, needed: float, total: float) -> Finding:
    remedy = "Remove what is not needed (`zeroescape gc --remove`), or move the store."
    if free < needed:
        return Finding(name, "problem", fact, remedy)
    if free < max(2 * needed, _LOW_SHARE * total):
        return Finding(name, "warning", fact, remedy)
    return Finding(name, "ok", fact)


def _pixels(settings: LineSettings) -> int:
    channels, height_px, width_px = settings.image_shape_CHW
    return channels * height_px * width_px


def _new_photographs(settings: LineSettings) -> int:
    from tasks.archive.sources import photographs

    seen = Stores(settings.store).files(settings.line).known() if settings.store.exists() else {}
    return sum(one.name not in seen for one in photographs(settings.source))


def writing(objects: Objects) -> Iterator[Finding]:
    """Whether a probe can be written, read and removed, and whether the first writer wins."""
    check_first_writer_wins(objects)
    fact = f"{objects.root} can be read and written, and the first writer wins"
    yield Finding("store", "ok", fact)


def locks(stores: Stores) -> Iterator[Finding]:
    """Whether two that want the same lock exclude each other."""
    try:
        with stores.alone("doctor", "The doctor"):
            try:
                with Stores(stores.root, stores.scratch).alone("doctor", "The doctor"):
                    remedy = "Put the store (or its scratch folder) on a file system with flock."
                    yield Finding("locks", "problem", "Two processes hold one lock.", remedy)
                    return
            except BusyError:
                yield Finding("locks", "ok", "a second process waits")
    except BusyError:
        yield Finding("locks", "ok", "held by another doctor")


def clock(objects: Objects) -> Iterator[Finding]:
    """The clock of this machine against the one that dates the store, and against its newest entry."""
    now, theirs = time.time(), store_time(objects)
    apart = abs(now - theirs)
    remedy = "Synchronise the clocks (NTP): ages and schedules are told by them."
    if apart > _CLOCKS_APART_SECONDS:
        fact = f"This machine and the store are {said(apart)} apart."
        yield Finding("clock", "problem", fact, remedy)
        return
    newest = max((entry.committed_at for entry in inventory(objects)), default=0.0)
    if newest > now + _CLOCKS_APART_SECONDS:
        fact = f"The store has an entry of {_date(newest)}, and it is {_date(now)} here."
        yield Finding("clock", "warning", fact, remedy)
    else:
        yield Finding("clock", "ok", f"agrees with the store's to {apart:.0f} s")


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def leftovers(stores: Stores) -> Iterator[Finding]:
    """Workplaces of finished or abandoned trainings, data of killed writers, what nobody needs."""
    policy = RetentionPolicy(older_than_seconds=_STALE_SECONDS)
    plan = planned(stores, policy, time.time())
    left = len(plan.orphans.folders) + len(plan.scratch)
    size_bytes = plan.orphans.size_bytes + sum(one.size_bytes for one in plan.scratch)
    if left:
        fact = f"{left} stale workplaces or unfinished writes take {size_said(size_bytes)}"
        yield Finding("leftovers", "warning", fact, "Run `zeroescape gc --remove`.")
    else:
        yield Finding("leftovers", "ok", "no stale workplace, no unfinished write")


def champions(objects: Objects) -> Iterator[Finding]:
    """Every champion with all that it names, every byte of it."""
    for line, entries in needed_by_champions(objects).items():
        name = f"champion of {line}"
        bundle = Registry(objects).champion(line)
        if bundle is None or not any(entry.kind == "bundles" for entry in entries):
            remedy = "Go back to an earlier one (`zeroescape rollback`), or retrain."
            yield Finding(name, "problem", f"The bundle {bundle} is gone.", remedy)
            continue
        broken = list(_broken(objects, entries))
        yield from (Finding(name, "problem", one.what, _REMEDY) for one in broken)
        if not broken:
            yield Finding(name, "ok", f"{len(entries)} entries, each as it was written")


_REMEDY = "Restore the store from a backup; `zeroescape restore` says how."


def integrity(objects: Objects, *, deep: bool) -> Iterator[Finding]:
    """Records, and a sample of the entries (all with `deep`), against their digests."""
    broken = [Finding("records", "problem", one.what, _REMEDY) for one in _records(objects)]
    yield from broken or [
        Finding("records", "ok", "promotions, snapshots, looks and books are whole")
    ]
    entries = inventory(objects)
    # Another sample every time: in the end all were looked at.
    chosen = entries if deep else random.sample(entries, min(_SAMPLED, len(entries)))
    harmed = list(_broken(objects, chosen))
    yield from (Finding("entries", "problem", one.what, one.remedy) for one in harmed)
    if not harmed:
        share = "all" if deep else f"{len(chosen):,} of {len(entries):,} at random"
        yield Finding("entries", "ok", f"{share} compared with their digests; --deep compares all")


def _broken(objects: Objects, entries: Sequence[Entry]) -> Iterator[StorageError]:
    for entry in entries:
        try:
            verify_entry(objects, entry.path)
        except (CorruptEntryError, NotFoundError) as error:
            yield error


def _records(objects: Objects) -> Iterator[StorageError]:
    for top in _VERIFIED:
        for path in objects.list(top):
            try:
                verify_record(path, objects.get(path))
            except CorruptEntryError as error:
                yield error
