"""A store copied into another, as a backup or back: only what is new, and never a half.

A nightly may be at work beside it. What names something is listed before what it names, and written after
it: promotions, ingests and snapshots first and last, entries in between, and what entries rely on (looks,
labels, role books, decisions) read when all entries are listed. Entries are copied data first, compared
with their digests in the copy, and committed by their receipt last.

What a garbage collection removed (`storage.collecting` keeps a record) goes from the copy as well; what
is missing for any other reason stays there: a copy is there for accidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from storage.collecting import removals
from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.integrity import verify_data, verify_record
from storage.inventory import Entry, inventory
from storage.layout import (
    CHAMPIONS,
    INGESTS,
    LABELS,
    LEDGERS,
    LOOKS,
    QUARANTINE,
    RECEIPT,
    REMOVALS,
    ROLE_BOOKS,
    SNAPSHOTS,
    SUSPENSIONS,
    number_of,
    numbered,
)
from storage.objects import Objects
from storage.receipts import Receipt, find_receipt

# Each names what comes after it.
_BEFORE_ENTRIES = (CHAMPIONS, INGESTS, SNAPSHOTS, LEDGERS)
_AFTER_ENTRIES = (SUSPENSIONS, LABELS, ROLE_BOOKS, QUARANTINE, LOOKS, REMOVALS)
RECORDS = (*_BEFORE_ENTRIES, *_AFTER_ENTRIES)

# Replaced whole, unlike everything else.
_REPLACED = (".parquet", "/marked.json")

Tell = Callable[[int, int], None]
# Content of what is replaced whole, None for what never changes, in the order of listing.
Records = dict[str, bytes | None]


@dataclass(frozen=True)
class Damage:
    """A path that is not what was written, and what is wrong with it."""

    path: str
    error: CorruptEntryError


@dataclass
class Copied:
    """What a copy came to: entries and bytes that were new, entries that went, what is damaged."""

    entries: int = 0
    records: int = 0
    size_bytes: int = 0
    already: int = 0
    removed: int = 0
    damaged: list[Damage] = field(default_factory=list)


def back_up(source: Objects, target: Objects, *, deep: bool, tell: Tell) -> Copied:
    """Bring a copy up to date; `deep` also compares with its digests what the copy has already.

    Damaged entries of the source are left out and told. InvalidEntryError where the copy is one of another
    store, or the source has lost records that the copy has.
    """
    broken = _refuse_other_store(source, target, "The backup", deep=deep)
    early = _records(source, _BEFORE_ENTRIES)
    entries = inventory(source)
    late = _records(source, _AFTER_ENTRIES)
    copied = Copied()
    _commit(
        source, target, _copy_data(source, target, entries, copied, deep=deep, tell=tell), copied
    )
    _copy_records(source, target, early | late, broken, copied)
    _remove_removed(source, target, copied)
    return copied


def restore(source: Objects, target: Objects, tell: Tell) -> Copied:
    """Make a store of a copy: an empty place, or one that holds a part of the same copy.

    Everything is compared with its digests before the first receipt is written: CorruptEntryError
    names what is damaged. InvalidEntryError where the target holds what the copy has not.
    """
    records = _records(source, RECORDS)
    entries = inventory(source)
    if not records and not entries:
        raise NotFoundError(f"{source.root} holds no backup.", "Give the folder of a backup.")
    broken = _refuse_other_than_part(target, source, entries)
    copied = Copied()
    _check_records(source, records, copied)
    receipts = _copy_data(source, target, entries, copied, deep=True, tell=tell)
    if copied.damaged:
        raise _damaged(source, copied.damaged)
    _commit(source, target, receipts, copied)
    _copy_records(source, target, records, broken, copied)
    return copied


def _copy_data(
    source: Objects,
    target: Objects,
    entries: list[Entry],
    copied: Copied,
    *,
    deep: bool,
    tell: Tell,
) -> dict[str, Receipt]:
    """Copy and compare all data; returns the receipts that may be written now."""
    ready: dict[str, Receipt] = {}
    for done, entry in enumerate(entries, start=1):
        try:
            receipt = find_receipt(source, entry.path)
            if receipt is None:
                continue  # removed meanwhile
            if deep or not _is_there(source, target, entry.path):
                _copy_folder(source, target, receipt, copied)
                ready[entry.path] = receipt
            else:
                copied.already += 1
        except CorruptEntryError as error:
            copied.damaged.append(Damage(entry.path, error))
        tell(done, len(entries))
    return ready


def _is_there(source: Objects, target: Objects, path: str) -> bool:
    place = f"{path}/{RECEIPT}"
    try:
        return target.get(place) == source.get(place)
    except NotFoundError:
        return False


def _copy_folder(source: Objects, target: Objects, receipt: Receipt, copied: Copied) -> None:
    """Copy a data folder unless a whole one is there already, whatever became of the source."""
    if target.list(receipt.location) and _is_whole(target, receipt):
        return
    for path in source.list(receipt.location):
        content = source.get(path)
        target.put(path, content)
        copied.size_bytes += len(content)
    verify_data(target, receipt)


def _is_whole(objects: Objects, receipt: Receipt) -> bool:
    try:
        verify_data(objects, receipt)
    except CorruptEntryError:
        return False
    return True


def _commit(source: Objects, target: Objects, receipts: dict[str, Receipt], copied: Copied) -> None:
    """Write the receipts, sources first; where an entry was made anew its former data go."""
    for path, receipt in reversed(receipts.items()):
        if _is_there(source, target, path):
            copied.already += 1
            continue
        try:
            before = find_receipt(target, path)
        except CorruptEntryError:
            before = None
        target.put(f"{path}/{RECEIPT}", receipt.to_json())
        if before is not None and before.location != receipt.location:
            target.delete_folder(before.location)
        copied.entries += 1


def _records(objects: Objects, within: Iterable[str]) -> Records:
    """Numbered files, rows and tables of these folders; what is replaced whole is read now."""
    found: Records = {}
    for top in within:
        last: dict[str, int] = {}
        for path in objects.list(top):
            folder = path.rpartition("/")[0]
            last[folder] = max(last.get(folder, 0), number_of(path) or 0)
        # Listings are no snapshots: one may show a number and not the one before.
        for folder, count in last.items():
            found |= {numbered(folder, number): None for number in range(1, count + 1)}
        # Rows are written before the number that names them, so they are listed after it.
        for path in objects.list(top):
            if number_of(path) is None:
                found[path] = objects.get(path) if path.endswith(_REPLACED) else None
    return found


def _writing_order(path: str) -> tuple[int, bool, str]:
    return -RECORDS.index(path.partition("/")[0]), number_of(path) is not None, path


def _copy_records(
    source: Objects, target: Objects, records: Records, broken: set[str], copied: Copied
) -> None:
    """What is named before what names it; numbers rising, so that the copy never has a gap."""
    sizes = {found.path: found.size_bytes for top in RECORDS for found in target.listing(top)}
    for path in sorted(records, key=_writing_order):
        kept = records[path]
        if kept is None and path in sizes and path not in broken:
            continue
        content = source.get(path) if kept is None else kept
        if sizes.get(path) == len(content) and target.get(path) == content:
            continue
        target.put(path, content)
        copied.records += 1
        copied.size_bytes += len(content)


def _check_records(source: Objects, records: Records, copied: Copied) -> None:
    for path, kept in records.items():
        try:
            verify_record(path, source.get(path) if kept is None else kept)
        except NotFoundError:
            missing = CorruptEntryError(f"{path} is missing.", "Take another copy.")
            copied.damaged.append(Damage(path, missing))
        except CorruptEntryError as error:
            copied.damaged.append(Damage(path, error))


def _refuse_other_store(source: Objects, target: Objects, what: str, *, deep: bool) -> set[str]:
    """Every record of the copy must be the source's own; returns those that are damaged there."""
    broken = set()
    for top in RECORDS:
        known = set(source.list(top))
        for path in target.list(top):
            if path.endswith(_REPLACED) or (number_of(path) is None and not deep):
                continue
            content = target.get(path)
            if path in known and content == source.get(path):
                continue
            if path not in known or _is_record(path, content):
                raise InvalidEntryError(
                    f"{what} at {target.root} holds {path}, and {source.root} has not the same: "
                    "they are different stores, or this one has lost or changed records.",
                    "Use another folder; keep both until it is clear what happened.",
                )
            broken.add(path)
    return broken


def _is_record(path: str, content: bytes) -> bool:
    try:
        verify_record(path, content)
    except CorruptEntryError:
        return False
    return True


def _refuse_other_than_part(target: Objects, source: Objects, entries: Iterable[Entry]) -> set[str]:
    """All that is in the target must be in the copy, too; returns its damaged records."""
    broken = _refuse_other_store(source, target, "The store", deep=True)
    known = {entry.path for entry in entries}
    for entry in inventory(target):
        if entry.path not in known or not _is_there(source, target, entry.path):
            raise InvalidEntryError(
                f"{target.root} holds {entry.path}, and the backup at {source.root} does not.",
                "Restore to an empty folder.",
            )
    return broken


def _remove_removed(source: Objects, target: Objects, copied: Copied) -> None:
    """What the source's garbage collection took goes here as well, receipt first."""
    there = {entry.path for entry in inventory(target)}
    for path, location in removals(source):
        if path not in there:
            continue
        receipt = find_receipt(target, path)
        if receipt is None or receipt.location != location:
            continue  # made anew since
        target.delete(f"{path}/{RECEIPT}")
        target.delete_folder(location)
        copied.removed += 1


def _damaged(source: Objects, damaged: list[Damage]) -> CorruptEntryError:
    shown = "; ".join(one.error.what for one in damaged[:3])
    more = f" and {len(damaged) - 3} more" if len(damaged) > 3 else ""
    return CorruptEntryError(
        f"The backup at {source.root} is damaged in {len(damaged)} places: {shown}{more}",
        "Nothing was restored. Use another copy; where the store itself still lives, "
        "`zeroescape backup --deep` mends this one.",
    )
