from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.snapshots import SnapshotRow, SnapshotStore
from storage.stores import Stores

ROWS = [SnapshotRow(f"i{n}", f"/in/ü{n}.png", "normal", "training") for n in range(9)]


@pytest.fixture
def store(stores: Stores) -> SnapshotStore:
    return stores.snapshots("line")


def test_a_snapshot_is_numbered_and_read_as_committed(store: SnapshotStore) -> None:
    assert store.latest() is None
    first = store.commit(ROWS[:5], "f", "r")
    second = store.commit(ROWS, "f", "r")
    assert (first.number, second.number) == (1, 2)
    assert store.read(1) == first
    assert store.latest() == second
    assert second.rows == tuple(ROWS)


def test_the_same_content_is_the_same_snapshot(store: SnapshotStore) -> None:
    first = store.commit(ROWS, "f", "r")
    store.commit(ROWS[:3], "f", "r")
    shuffled = ROWS[4:] + ROWS[:4]
    assert store.commit(shuffled, "f", "r") == first
    assert store.commit(ROWS, "g", "r").number == 3


def test_a_changed_label_is_another_snapshot(store: SnapshotStore) -> None:
    first = store.commit(ROWS[:1], "f", "r")
    relabelled = SnapshotRow(ROWS[0].image_id, ROWS[0].source, "abnormal", ROWS[0].role)
    assert store.commit([relabelled], "f", "r").number == first.number + 1


def test_what_a_person_changed_is_kept_and_rows_without_it_stay_what_they_were(
    store: SnapshotStore, root: Path
) -> None:
    plain = store.commit(ROWS[:1], "f", "r")
    changed = replace(ROWS[0], label="abnormal", label_before="normal", label_scored="normal")
    committed = store.commit([changed], "f", "r")
    assert store.read(committed.number).rows == (changed,)
    # Old snapshots know nothing of it, and the same rows are still the same snapshot.
    [text] = [p.read_text() for p in root.rglob("rows/*.json") if "abnormal" not in p.read_text()]
    assert "label_before" not in text
    assert "label_scored" not in text
    assert store.commit(ROWS[:1], "f", "r") == plain


def test_an_image_has_one_label_and_one_role(store: SnapshotStore) -> None:
    twice = [ROWS[0], SnapshotRow("i0", "/in/x.png", "abnormal", "test")]
    for rows in ([], twice):
        with pytest.raises(InvalidEntryError):
            store.commit(rows, "f", "r")


def test_an_unknown_number_is_not_found(store: SnapshotStore) -> None:
    with pytest.raises(NotFoundError):
        store.read(1)


@pytest.mark.parametrize("damage", [b"[]", None])
def test_changed_rows_are_found_and_a_new_commit_heals_them(
    store: SnapshotStore, root: Path, damage: bytes | None
) -> None:
    committed = store.commit(ROWS, "f", "r")
    (rows,) = (root / "snapshots" / "line" / "rows").iterdir()
    if damage is None:
        rows.unlink()
    else:
        rows.write_bytes(damage)
    with pytest.raises(CorruptEntryError):
        store.latest()
    assert store.commit(ROWS, "f", "r") == committed == store.latest()


def test_rows_without_facts_are_stored_as_before_there_were_any(
    store: SnapshotStore, root: Path
) -> None:
    store.commit([SnapshotRow("i0", "/in/ü0.png", "normal", "training")], "f", "r")
    (rows,) = (root / "snapshots" / "line" / "rows").iterdir()
    assert rows.stem == "83b6b81cabc99ecd712edf6a5c13d0c5c61eed5a34873f6d66f1bdf229cb69bd"
    assert store.read(1).rows[0].family == ""


def test_family_group_and_time_are_kept_and_make_another_snapshot(store: SnapshotStore) -> None:
    plain = store.commit(ROWS[:2], "f", "r")
    known = replace(ROWS[1], family="bridge", group="panel:7", captured_at="2026-11-20")
    described = store.commit([ROWS[0], known], "f", "r")
    assert described.number == plain.number + 1
    assert store.read(described.number).rows == (ROWS[0], known)
    assert store.read(plain.number).rows == tuple(ROWS[:2])
