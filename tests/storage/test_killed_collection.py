"""Collectors that are killed, and collectors on a disk with no room left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage.collecting import collect, removals
from storage.errors import StorageFullError
from storage.inventory import inventory
from storage.stores import Stores
from tests.small_disk import fill, small_disk
from tests.storage.collector import POLICY
from tests.storage.plant_store import (
    DAY,
    LINE,
    age,
    check_champions,
    check_snapshot,
    freeze,
    ingest,
    listed,
    parts_of,
)

REPOSITORY = Path(__file__).parents[2]


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.storage.collector", str(root)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_killed_collectors_lose_nothing_and_leave_nothing(root: Path) -> None:
    stores, chance = Stores(root), np.random.default_rng(0)
    killed = 0
    for night in range(1, 6):
        for model in range(4):
            ingest(stores, alignment=night, photographs=2)
            champion = freeze(stores, alignment=night, model=model, fit=night)
        stores.registry.promote(LINE, champion)
        age(root, 2 * DAY)
        collector = start(root)
        assert collector.stdout is not None
        collector.stdout.readline()
        time.sleep(float(chance.uniform(0.0, 0.2)))
        collector.kill()
        killed += "end" not in collector.communicate()[0]
        check_champions(stores, 1)
        check_snapshot(stores)
        for entry in listed(stores.objects):
            if entry.startswith("bundles/"):
                # Whatever bundle exists is whole: it goes before its parts.
                assert parts_of_bundle(stores, entry) <= listed(stores.objects)
    assert killed > 2
    # What the last one left half removed was touched a moment ago.
    age(root, 2 * DAY)
    collect(stores, POLICY, time.time())
    assert len(list(root.rglob("data-*"))) == len(listed(stores.objects))
    check_champions(stores, 1)
    assert not collect(stores, POLICY, time.time()).due


def parts_of_bundle(stores: Stores, entry: str) -> set[str]:
    """Its certificate went before it where the collector came so far."""
    found = parts_of(stores, entry.rpartition("/")[2])
    return {path for path in found if not path.startswith("certificates/")}


def test_what_a_run_is_writing_stays_whatever_the_clock_says(root: Path) -> None:
    """A clock that jumped ahead makes unfinished data old at once."""
    stores = Stores(root)
    unfinished = root / "features" / LINE / "f" / "k" / "data-0" / "values"
    unfinished.parent.mkdir(parents=True)
    unfinished.write_bytes(b"half")
    age(root, 400 * DAY)
    with Stores(root).in_use():
        assert collect(stores, POLICY, time.time()).orphans.folders == ()
        assert unfinished.exists()
    assert collect(stores, POLICY, time.time()).orphans.folders
    assert not unfinished.exists()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", 4) as folder:
        yield folder


def test_a_full_disk_is_collected_and_has_room_again(full_disk: Path) -> None:
    stores = Stores(full_disk / "store")
    for night in (1, 2):
        ingest(stores, alignment=night, photographs=2)
        stores.registry.promote(LINE, freeze(stores, alignment=night, model=night, fit=1))
    stores.workplace("left")
    with stores.alone("garbage-collection", ""), stores.unused():
        pass  # the files of the locks are there, as after any earlier collection
    age(full_disk, 2 * DAY)
    fill(full_disk)
    with pytest.raises(StorageFullError):
        stores.registry.put("models", "more", {"w": b"w" * 100_000})
    before = listed(stores.objects)
    due = collect(stores, POLICY, time.time()).due
    assert {entry.path for entry in due} == before - listed(stores.objects)
    assert removals(stores.objects)
    check_champions(stores, 1)
    check_snapshot(stores)
    stores.registry.put("models", "more", {"w": b"w"})
    assert "models/more" in {entry.path for entry in inventory(stores.objects)}
