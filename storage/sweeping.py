"""Garbage collection: what killed writers left behind and nothing refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from storage.layout import DATA_PREFIX, ENTRY_FOLDERS, RECEIPT, SWEPT_FOLDERS
from storage.objects import Objects
from storage.receipts import find_receipt


@dataclass(frozen=True)
class Swept:
    """Orphaned data folders and half-written files that were removed, and the room they took."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    size_bytes: int


@dataclass
class _DataFolder:
    modified_at: float = 0.0
    size_bytes: int = 0


def sweep(objects: Objects, older_than_seconds: float, now: float) -> Swept:
    """Remove data folders that no receipt names and half-written files, none of them younger.

    `now` in seconds since the epoch. A folder's age is that of its newest object, so
    `older_than_seconds` has to exceed the longest pause of a living writer between two writes: an
    hour is ample, a few seconds are not. Committed entries are never touched.
    """
    before = now - older_than_seconds
    removed, size_bytes = [], 0
    for folder, found_bytes in orphans(objects, before):
        objects.delete_folder(folder)
        removed.append(folder)
        size_bytes += found_bytes
    files = objects.sweep_leftovers(before, SWEPT_FOLDERS)
    return Swept(tuple(removed), tuple(files), size_bytes)


def orphans(objects: Objects, before: float) -> Iterator[tuple[str, int]]:
    """Data folders that no receipt names and nothing was written to since, with their sizes."""
    for folder, found in _unnamed_folders(objects).items():
        if found.modified_at < before:
            # Looked up again at the last moment: the writer may have committed meanwhile.
            receipt = find_receipt(objects, folder.rpartition("/")[0])
            if receipt is None or receipt.location != folder:
                yield folder, found.size_bytes


def _unnamed_folders(objects: Objects) -> Mapping[str, _DataFolder]:
    """Find all data folders but the only one of a committed entry, which its receipt names."""
    folders: dict[str, dict[str, _DataFolder]] = {}
    committed = set()
    for top in ENTRY_FOLDERS:
        for found in objects.listing(top):
            entry, separator, rest = found.path.partition(f"/{DATA_PREFIX}")
            if not separator:
                if found.path.endswith(f"/{RECEIPT}"):
                    committed.add(found.path.removesuffix(f"/{RECEIPT}"))
                continue
            folder = f"{entry}/{DATA_PREFIX}{rest.partition('/')[0]}"
            seen = folders.setdefault(entry, {}).setdefault(folder, _DataFolder())
            seen.modified_at = max(seen.modified_at, found.modified_at)
            seen.size_bytes += found.size_bytes
    return {
        folder: seen
        for entry, inside in folders.items()
        if entry not in committed or len(inside) > 1
        for folder, seen in inside.items()
    }
