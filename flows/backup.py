"""A store copied away, and brought back: what `zeroescape backup` and `restore` do and say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.collection import opened
from flows.durations import size_said
from storage.copying import Copied, back_up, restore
from storage.errors import NotFoundError
from storage.objects import Objects
from storage.retention import needed_by_champions
from storage.stores import Stores
from tasks.progress import Progress
from tasks.vocabulary.errors import InputError, ZeroescapeError

Bars = Callable[[Progress], None]


class DamagedStoreError(ZeroescapeError, RuntimeError):
    """Parts of the store are not what was written, and could not be copied."""


@dataclass(frozen=True)
class CopyDone:
    """A copy and what it came to."""

    source: str
    target: str
    copied: Copied
    notes: tuple[str, ...]

    def sentences(self) -> tuple[str, ...]:
        """What was new, what was there already, what went, and what a person should know."""
        one = self.copied
        head = (
            f"{self.target}: {one.entries:,} entries and {one.records:,} records new "
            f"({size_said(one.size_bytes)}), {one.already:,} were there, {one.removed:,} went "
            "because they were collected."
        )
        return (head, *self.notes)

    def for_machines(self) -> dict[str, Any]:
        """The counts, and every damaged path with its error."""
        counts = asdict(self.copied) | {
            "damaged": {one.path: str(one.error) for one in self.copied.damaged}
        }
        return {"source": self.source, "target": self.target, **counts}

    def refuse_damage(self) -> None:
        """Raise `DamagedStoreError` where entries could not be copied."""
        damaged = self.copied.damaged
        if damaged:
            raise DamagedStoreError(
                f"{len(damaged)} entries of {self.source} are damaged and are not in the backup, "
                f"the first is {damaged[0].path}: {damaged[0].error.what}",
                "Everything else is. `zeroescape doctor --deep` lists them all.",
            )


def backed_up(store: str, destination: str, bars: Bars, *, deep: bool) -> CopyDone:
    """Bring the backup of a store up to date, beside whatever runs.

    Raises `InputError` where the one lies in the other, NotFoundError where there is no store, and
    InvalidEntryError where the destination is the backup of another store.
    """
    _refuse_nested(store, destination)
    stores = opened(store)
    target = Objects(_root(destination))
    # No garbage collection meanwhile; runs may come and go.
    with stores.in_use():
        copied = back_up(stores.objects, target, deep=deep, tell=_told("copy", bars))
    return CopyDone(store, destination, copied, _notes(stores.objects, target))


def restored(source: str, store: str, bars: Bars) -> CopyDone:
    """Make a store of a backup; raises what `storage.copying.restore` raises, before anything counts."""
    _refuse_nested(source, store)
    if "://" not in source and not Path(source).is_dir():
        raise NotFoundError(f"There is no backup at {source}.", "Name its folder.")
    target = Stores(_root(store))
    with target.unused():
        copied = restore(Objects(_root(source)), target.objects, _told("restore", bars))
    lines = needed_by_champions(target.objects)
    notes = tuple(
        f"{line}: champion with {len(entries)} entries." for line, entries in lines.items()
    )
    return CopyDone(source, store, copied, notes)


def _root(place: str) -> Path | str:
    return place if "://" in place else Path(place).absolute()


def _told(stage: str, bars: Bars) -> Callable[[int, int], None]:
    return lambda done, total: bars(Progress(stage, done, total))


def _refuse_nested(one: str, other: str) -> None:
    places = [Path(place).resolve() if "://" not in place else place for place in (one, other)]
    first, second = places
    if first == second or (
        isinstance(first, Path)
        and isinstance(second, Path)
        and (first in second.parents or second in first.parents)
    ):
        raise InputError(
            f"{one} and {other} lie in one another.", "Back up to a folder of its own."
        )


def _notes(store: Objects, target: Objects) -> tuple[str, ...]:
    """A backup beside its store goes down with it."""
    here, there = store.local_root, target.local_root
    if here and there and here.stat().st_dev == there.stat().st_dev:
        return ("It is on the same file system as the store: copy it to another machine, too.",)
    return ()
