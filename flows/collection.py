"""What `zeroescape gc` found or removed, as rows for a person and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.durations import said
from storage.collecting import Plan, collect, planned
from storage.errors import NotFoundError
from storage.inventory import Entry
from storage.probing import store_time
from storage.retention import CHAMPION, FOR_EVER, HELD, SNAPSHOT, YOUNG, RetentionPolicy
from storage.stores import Stores
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class Row:
    """One line of the table: what, how many, how large, what happens to it and why."""

    what: str
    count: int
    size_bytes: int
    fate: str
    why: str


@dataclass(frozen=True)
class Collection:
    """A garbage collection of one store, done or only looked at."""

    store: str
    rows: tuple[Row, ...]
    removed: bool
    size_bytes: int

    def for_machines(self) -> dict[str, Any]:
        """The key figures and every row."""
        return asdict(self)


def collected(store: str, policy: RetentionPolicy, *, remove: bool) -> Collection:
    """Look at a store and, with `remove`, take what is due out of it.

    Raises `InputError` for a policy that would keep no champion, NotFoundError where there is no store,
    BusyError while a run is at work.
    """
    if policy.keep_champions < 1:
        raise InputError("No champion would be kept.", "Keep 1 at least: --keep-champions 1.")
    stores = opened(store)
    now = store_time(stores.objects)
    plan = collect(stores, policy, now) if remove else planned(stores, policy, now)
    rows = tuple(_rows(plan, policy, remove))
    return Collection(store, rows, remove, plan.size_bytes)


def opened(store: str) -> Stores:
    """The store at a path or url; NotFoundError where there is none: nothing is made by a look."""
    if "://" not in store and not Path(store).is_dir():
        raise NotFoundError(f"There is no store at {store}.", "Name it with --store.")
    return Stores(store if "://" in store else Path(store).absolute())


def _rows(plan: Plan, policy: RetentionPolicy, remove: bool) -> Iterator[Row]:
    reasons = {
        CHAMPION: f"named by the last {policy.keep_champions} champions of a line",
        SNAPSHOT: "images of the newest snapshot",
        YOUNG: f"younger than {said(policy.older_than_seconds)}, or named by what is",
        HELD: "a young entry of an earlier version may be made of it",
        FOR_EVER: "references, inspections and decisions of the gate stay",
    }
    for reason, entries in plan.needs.kept.items():
        yield from _by_kind(entries, "kept", reasons[reason])
    old = f"no champion names it, older than {said(policy.older_than_seconds)}"
    wait = f"{old}; goes {said(policy.grace_seconds)} after it was announced"
    due = "removed" if remove else "goes with --remove"
    yield from _by_kind(plan.announced, "announced" if remove else "announced by --remove", wait)
    yield from _by_kind(plan.due, due, old)
    swept = plan.orphans
    if swept.folders or swept.files:
        count = len(swept.folders) + len(swept.files)
        yield Row("unfinished data", count, swept.size_bytes, due, "left by killed writers")
    for why, count in Counter(one.why for one in plan.scratch).items():
        size_bytes = sum(one.size_bytes for one in plan.scratch if one.why == why)
        yield Row("workplaces", count, size_bytes, due, why)


def _by_kind(entries: Iterable[Entry], fate: str, why: str) -> Iterator[Row]:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for entry in entries:
        counts[entry.kind] += 1
        sizes[entry.kind] += entry.size_bytes
    for kind, count in counts.items():
        yield Row(kind, count, sizes[kind], fate, why)
