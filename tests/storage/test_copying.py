from __future__ import annotations

from pathlib import Path

import pytest

from storage.collecting import collect
from storage.copying import Copied, back_up, restore
from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.integrity import verify_entry, verify_record
from storage.inventory import inventory
from storage.objects import Objects
from storage.quarantine import QuarantineEntry
from storage.receipts import find_receipt
from storage.retention import RetentionPolicy
from storage.stores import Stores
from tests.storage.plant_store import (
    LINE,
    check_champions,
    check_snapshot,
    freeze,
    ingest,
    listed,
    name,
)

AT_ONCE = RetentionPolicy(keep_champions=1, older_than_seconds=0.0, grace_seconds=0.0)


@pytest.fixture
def target(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "backup")


def plant(stores: Stores, nights: int = 2) -> None:
    for night in range(1, nights + 1):
        ingest(stores, alignment=1, photographs=night)
        stores.registry.promote(LINE, freeze(stores, alignment=1, model=1, fit=night))
    stores.role_book(LINE, "roles").remember({"i0": ("normal", "training")})
    stores.quarantine(LINE).renew(
        [QuarantineEntry("b.png", None, "unreadable", "no image", "look")],
        "2026-11-20T02:00:00+00:00",
    )


def silent(done: int, total: int) -> None:
    assert done <= total


def copy(source: Stores | Objects, target: Objects, *, deep: bool = False) -> Copied:
    objects = source.objects if isinstance(source, Stores) else source
    return back_up(objects, target, deep=deep, tell=silent)


def brought_back(source: Objects, root: Path) -> Stores:
    restore(source, Objects(root), silent)
    return Stores(root)


def contents(objects: Objects) -> dict[str, bytes]:
    return {path: objects.get(path) for path in objects.list() if not path.startswith("locks")}


def test_a_restored_store_is_the_store(stores: Stores, target: Objects, tmp_path: Path) -> None:
    plant(stores)
    told = copy(stores, target)
    assert told.entries == len(inventory(stores.objects))
    again = brought_back(target, tmp_path / "again")
    assert contents(again.objects) == contents(stores.objects) == contents(target)
    check_champions(again, 2)
    check_snapshot(again)
    for entry in inventory(again.objects):
        verify_entry(again.objects, entry.path)


def test_only_what_is_new_is_copied(stores: Stores, target: Objects) -> None:
    plant(stores)
    copy(stores, target)
    again = copy(stores, target)
    assert (again.entries, again.records, again.size_bytes) == (0, 0, 0)
    plant(stores, nights=3)
    third = copy(stores, target)
    assert third.entries == len(inventory(stores.objects)) - again.already
    assert 0 < third.size_bytes < sum(entry.size_bytes for entry in inventory(target))
    assert contents(target) == contents(stores.objects)


def test_what_was_collected_goes_and_what_was_lost_stays(stores: Stores, target: Objects) -> None:
    plant(stores)
    copy(stores, target)
    old = f"bundles/{name('bundles', 111)}"
    lost = f"certificates/{name('certify', 211)}"
    collect(stores, AT_ONCE, 4e9)
    assert old not in listed(stores.objects)
    stores.objects.delete_folder(lost)
    assert copy(stores, target).removed > 0
    assert listed(target) == listed(stores.objects) | {lost}
    assert copy(stores, target).removed == 0


def test_what_was_made_anew_replaces_what_was_copied(stores: Stores, target: Objects) -> None:
    plant(stores)
    copy(stores, target)
    entry = f"models/{name('models', 11)}"
    stores.objects.delete_folder(entry)
    stores.registry.put("models", name("models", 11), {"weights": b"other bits"})
    assert copy(stores, target).entries == 1
    assert find_receipt(target, entry) == find_receipt(stores.objects, entry)
    assert sum("data-" in folder for folder in target.folders(entry)) == 1


def spoil(objects: Objects, path: str) -> None:
    objects.put(path, b"\0" + objects.get(path)[1:])


def file_of(objects: Objects, entry: str) -> str:
    return next(path for path in objects.list(entry) if not path.endswith(".json"))


def test_nothing_of_a_damaged_backup_is_restored_until_it_is_mended(
    stores: Stores, target: Objects, tmp_path: Path
) -> None:
    plant(stores)
    copy(stores, target)
    harmed = [
        file_of(target, f"models/{name('models', 11)}"),
        next(path for path in target.list("images") if "/c" in path),
        f"champions/{LINE}/000002.json",
    ]
    for path in harmed:
        spoil(target, path)
    with pytest.raises(CorruptEntryError, match="damaged in 3 places") as caught:
        brought_back(target, tmp_path / "again")
    assert "backup --deep" in caught.value.remedy
    assert listed(Objects(tmp_path / "again")) == set()
    assert not Stores(tmp_path / "again").registry.history(LINE)
    copy(stores, target, deep=True)
    assert contents(target) == contents(stores.objects)
    check_champions(brought_back(target, tmp_path / "again"), 2)


def test_damage_in_the_store_is_told_and_never_spoils_the_backup(
    stores: Stores, target: Objects
) -> None:
    plant(stores)
    copy(stores, target)
    before = contents(target)
    spoil(stores.objects, file_of(stores.objects, f"models/{name('models', 11)}"))
    assert copy(stores, target, deep=True).damaged == []
    assert contents(target) == before
    fresh = copy(stores, Objects("memory:///"))
    assert [one.path for one in fresh.damaged] == [f"models/{name('models', 11)}"]


def test_a_backup_of_another_store_is_refused(
    stores: Stores, target: Objects, tmp_path: Path
) -> None:
    plant(stores)
    copy(stores, target)
    other = Stores(tmp_path / "other")
    with pytest.raises(InvalidEntryError, match="different stores"):
        copy(other, target)
    ingest(other, alignment=2, photographs=1)
    with pytest.raises(InvalidEntryError, match="different stores"):
        copy(other, target)
    with pytest.raises(InvalidEntryError, match="different stores"):
        brought_back(target, tmp_path / "other")
    ahead = Stores(tmp_path / "ahead")
    plant(ahead)
    ahead.registry.put("models", name("models", 99), {"w": b"w"})
    copy(ahead, Objects(tmp_path / "its"))
    ahead.registry.put("models", name("models", 98), {"w": b"w"})
    with pytest.raises(InvalidEntryError, match="does not"):
        brought_back(Objects(tmp_path / "its"), tmp_path / "ahead")


def test_an_interrupted_restore_goes_on(stores: Stores, target: Objects, tmp_path: Path) -> None:
    plant(stores)
    copy(stores, target)
    entries = len(inventory(target))

    def stop(done: int, of: int) -> None:
        assert of == entries
        if done == entries // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(target, Objects(tmp_path / "again"), stop)
    assert listed(Objects(tmp_path / "again")) == set()
    assert contents(brought_back(target, tmp_path / "again").objects) == contents(target)


def test_a_place_without_a_backup_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no backup"):
        brought_back(Objects(tmp_path / "none"), tmp_path / "again")


@pytest.mark.parametrize(
    "path", [f"champions/{LINE}/000001.json", "roles/", "quarantine/", "snapshots/boards/rows/"]
)
def test_every_kind_of_record_is_verified(stores: Stores, path: str) -> None:
    plant(stores)
    place = stores.objects.list(path)[0] if path.endswith("/") else path
    content = stores.objects.get(place)
    verify_record(place, content)
    with pytest.raises(CorruptEntryError):
        verify_record(place, content[:30] + b"\xff\xff" + content[32:])


@pytest.mark.parametrize("kind", ["images", "features", "models", "inspections"])
def test_every_kind_of_entry_is_verified(stores: Stores, kind: str) -> None:
    plant(stores)
    entry = next(entry.path for entry in inventory(stores.objects) if entry.kind == kind)
    verify_entry(stores.objects, entry)
    spoil(stores.objects, max(p for p in stores.objects.list(entry) if not p.endswith(".json")))
    with pytest.raises(CorruptEntryError):
        verify_entry(stores.objects, entry)
