from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from storage.errors import CorruptEntryError, InvalidEntryError, NotFoundError
from storage.quarantine import QuarantineEntry, QuarantineStore
from storage.stores import Stores
from tests.growth import NO_WORSE_THAN_LINEAR, growth

MONDAY, TUESDAY = "2026-11-16T08:00:00+00:00", "2026-11-17T08:00:00Z"
ENTRY = QuarantineEntry("b.png", None, "unreadable", "It cannot be read.", "Copy it again.")
OTHER = QuarantineEntry("a\n\udcff.png", "d", "unusable", "It is cut.", "Copy it again.")


@pytest.fixture
def store(stores: Stores) -> QuarantineStore:
    return stores.quarantine("line")


def first_seen(store: QuarantineStore) -> dict[str, str]:
    return {entry.source: entry.first_seen_at for entry in store.entries()}


def test_the_table_is_exactly_what_was_given_last(store: QuarantineStore, stores: Stores) -> None:
    assert store.entries() == []
    store.renew([ENTRY, OTHER, ENTRY], MONDAY)
    assert store.entries() == [OTHER, ENTRY]
    store.renew([ENTRY], TUESDAY)
    assert stores.quarantine("line").entries() == [ENTRY]
    assert stores.quarantine("elsewhere").entries() == []
    store.renew([], TUESDAY)
    assert store.entries() == []


def test_an_entry_keeps_the_time_at_which_it_was_first_seen(store: QuarantineStore) -> None:
    store.renew([ENTRY], MONDAY)
    store.renew([replace(ENTRY, first_seen_at="whatever"), OTHER], TUESDAY)
    assert first_seen(store) == {ENTRY.source: MONDAY, OTHER.source: TUESDAY}
    store.renew([OTHER], TUESDAY)
    store.renew([ENTRY, OTHER], "2026-11-18T00:00+00:00")
    assert first_seen(store)[ENTRY.source] == "2026-11-18T00:00+00:00"


@pytest.mark.parametrize(
    "changed",
    [
        replace(ENTRY, digest="d"),
        replace(ENTRY, kind="unusable"),
        replace(ENTRY, reason="It is empty."),
        replace(ENTRY, remedy="None."),
        replace(ENTRY, source="c.png"),
    ],
)
def test_all_but_the_time_makes_another_entry(
    store: QuarantineStore, changed: QuarantineEntry
) -> None:
    store.renew([ENTRY], MONDAY)
    store.renew([ENTRY, changed], TUESDAY)
    assert sorted(each.first_seen_at for each in store.entries()) == [MONDAY, TUESDAY]
    assert changed.key != ENTRY.key == replace(ENTRY, first_seen_at=MONDAY).key


def test_who_refused_it_last_is_kept_and_makes_no_other_entry(store: QuarantineStore) -> None:
    store.renew([ENTRY], MONDAY)
    store.renew([replace(ENTRY, made_by="limits-2")], TUESDAY)
    (entry,) = store.entries()
    assert (entry.made_by, entry.first_seen_at, entry.key) == ("limits-2", MONDAY, ENTRY.key)


def test_forgotten_entries_are_gone_until_the_next_ingest(store: QuarantineStore) -> None:
    store.renew([ENTRY, OTHER], MONDAY)
    store.forget([ENTRY.key, "unknown"])
    assert store.entries() == [OTHER]
    assert first_seen(store) == {OTHER.source: MONDAY}
    store.renew([ENTRY, OTHER], TUESDAY)
    assert first_seen(store) == {OTHER.source: MONDAY, ENTRY.source: TUESDAY}


@pytest.mark.parametrize("now", ["", "yesterday", "2026-11-16T08:00:00", "2026-11-16T08:00+01:00"])
def test_times_are_in_utc(store: QuarantineStore, now: str) -> None:
    with pytest.raises(InvalidEntryError, match="no time in UTC"):
        store.renew([ENTRY], now)
    with pytest.raises(InvalidEntryError, match="no time in UTC"):
        store.release("d", "Ada", "", now)
    assert store.entries() == []


def test_a_damaged_table_is_named_and_made_anew(store: QuarantineStore, root: Path) -> None:
    store.renew([ENTRY], MONDAY)
    table = root / "quarantine" / "line" / "files.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(CorruptEntryError, match=r"quarantine/line/files\.parquet"):
        store.entries()
    with pytest.raises(CorruptEntryError):
        store.forget([ENTRY.key])
    store.renew([ENTRY], TUESDAY)
    assert first_seen(store) == {ENTRY.source: TUESDAY}


def test_a_release_is_in_force_until_it_is_withdrawn(
    store: QuarantineStore, stores: Stores
) -> None:
    assert store.released() == {}
    first = store.release("d1", "Ada", "Pose is right.", MONDAY)
    assert store.release("d1", "Grace", "I agree.", TUESDAY) == first
    second = store.release("d2", "Ada", "", TUESDAY)
    assert (first.number, second.number) == (1, 2)
    assert stores.quarantine("line").released() == {"d1": first, "d2": second}
    taken_back = store.withdraw("d1", "Grace", "It is turned.", TUESDAY)
    assert (taken_back.number, taken_back.by) == (3, "Grace")
    assert store.released() == {"d2": second}
    with pytest.raises(NotFoundError, match="d1"):
        store.withdraw("d1", "Grace", "", TUESDAY)
    assert store.release("d1", "Ada", "Looked again.", TUESDAY).number == 4
    assert store.released()["d1"].note == "Looked again."


def test_decisions_survive_every_renewal(store: QuarantineStore, stores: Stores) -> None:
    store.renew([OTHER], MONDAY)
    store.release("d", "Ada", "", MONDAY)
    store.renew([], TUESDAY)
    assert set(stores.quarantine("line").released()) == {"d"}
    assert store.entries() == []


@pytest.mark.parametrize(("digest", "by"), [("", "Ada"), ("d", ""), ("d", " ")])
def test_nobody_releases_nothing(store: QuarantineStore, digest: str, by: str) -> None:
    with pytest.raises(InvalidEntryError, match="without"):
        store.release(digest, by, "", MONDAY)
    assert store.released() == {}


def test_decisions_at_once_are_numbered_without_loss(stores: Stores) -> None:
    def decide(writer: int) -> None:
        store = stores.quarantine("line")
        for number in range(5):
            store.release(f"d{writer}-{number}", "Ada", "", MONDAY)

    threads = [threading.Thread(target=decide, args=[writer]) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    released = stores.quarantine("line").released()
    assert sorted(each.number for each in released.values()) == list(range(1, 21))


def test_a_changed_decision_is_never_believed(stores: Stores, root: Path) -> None:
    stores.quarantine("line").release("d", "Ada", "", MONDAY)
    decision = root / "quarantine" / "line" / "000001.json"
    decision.write_bytes(decision.read_bytes().replace(b"Ada", b"Eve"))
    with pytest.raises(CorruptEntryError):
        stores.quarantine("line").released()


@pytest.mark.slow
def test_cost_grows_no_worse_than_linear(stores: Stores) -> None:
    def written(size: int) -> QuarantineStore:
        store = stores.quarantine(f"line-{size}")
        store.renew(entries(size), MONDAY)
        assert len(store.entries()) == size
        return store

    def entries(size: int) -> list[QuarantineEntry]:
        return [
            replace(ENTRY, source=f"2026/11/normal/board-{at:07d}.png", digest=f"{at:064x}")
            for at in range(size)
        ]

    assert growth(lambda size: written(size).entries) < NO_WORSE_THAN_LINEAR
    assert (
        growth(lambda size: partial(written(size).renew, entries(size), TUESDAY))
        < NO_WORSE_THAN_LINEAR
    )
