from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import CorruptEntryError
from storage.quarantine import QuarantineEntry
from storage.stores import Stores

ENTRY = QuarantineEntry("/in/b.png", None, "It cannot be decoded.", "Copy it again.", "unreadable")
OTHER = replace(ENTRY, source="/in/a.png", digest="d")


def test_the_same_entry_is_stored_once_until_it_is_cleared(stores: Stores) -> None:
    store = stores.quarantine("line")
    assert store.entries() == []
    key = store.add(ENTRY)
    assert store.add(ENTRY) == key == ENTRY.key
    store.add(OTHER)
    assert store.entries() == [OTHER, ENTRY]
    store.clear([key, key])
    assert store.entries() == [OTHER]
    store.add(ENTRY)
    assert store.entries() == [OTHER, ENTRY]
    assert stores.quarantine("elsewhere").entries() == []


def test_a_changed_reason_is_another_entry(stores: Stores) -> None:
    store = stores.quarantine("line")
    store.add(ENTRY)
    store.add(replace(ENTRY, reason="It is empty."))
    assert len(store.entries()) == 2


def test_an_unreadable_entry_is_named(stores: Stores, root: Path) -> None:
    store = stores.quarantine("line")
    key = store.add(ENTRY)
    (root / "quarantine" / "line" / f"{key}.json").write_bytes(b"{")
    with pytest.raises(CorruptEntryError, match=key):
        store.entries()
