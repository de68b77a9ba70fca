from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import CorruptEntryError
from storage.stores import Stores
from storage.suspensions import SuspensionRecord

LINE = "line"


def suspended(bundle: str = "a", inspections: int = 7) -> SuspensionRecord:
    return SuspensionRecord(
        "suspended", bundle, "2026-03-02T02:00:00+00:00", "drift", "The light moved.", inspections,
        alarm_at="2026-03-01T10:12:30+00:00",
    )  # fmt: skip


def lifted(bundle: str = "a", inspections: int = 9) -> SuspensionRecord:
    return SuspensionRecord(
        "lifted", bundle, "2026-03-03T08:00:00+00:00", "A. Ray", "lamp", inspections
    )


def test_a_certificate_stands_until_it_is_suspended_and_again_when_it_is_lifted(
    stores: Stores,
) -> None:
    ledger = stores.suspensions(LINE)
    assert ledger.suspended("a") is None
    assert ledger.tested_from("a") == 0
    assert ledger.append(suspended())
    assert Stores(stores.root).suspensions(LINE).suspended("a") == suspended()
    assert ledger.append(lifted())
    assert ledger.suspended("a") is None
    assert ledger.tested_from("a") == 9
    assert ledger.append(suspended(inspections=30))
    assert ledger.suspended("a") == suspended(inspections=30)
    assert [one.what for one in ledger.history("a")] == ["suspended", "lifted", "suspended"]


def test_what_is_suspended_is_not_suspended_twice(stores: Stores) -> None:
    ledger = stores.suspensions(LINE)
    assert ledger.append(suspended())
    assert not ledger.append(suspended(inspections=99))
    assert ledger.history("a") == (suspended(),)


def test_bundles_are_suspended_each_for_itself(stores: Stores) -> None:
    ledger = stores.suspensions(LINE)
    ledger.append(suspended("a"))
    ledger.append(suspended("b"))
    ledger.append(lifted("b"))
    assert ledger.suspended("a") is not None
    assert ledger.suspended("b") is None
    assert not ledger.append(suspended("a"))


def test_the_sentence_says_since_when_and_why() -> None:
    said = suspended().sentence
    assert said == "Suspended since 2026-03-01 10:12 because the light moved."


def test_a_changed_record_is_never_believed(stores: Stores, root: Path) -> None:
    stores.suspensions(LINE).append(suspended())
    (place,) = (root / "suspensions" / LINE).iterdir()
    place.write_bytes(place.read_bytes().replace(b"suspended", b"lifted   "))
    with pytest.raises(CorruptEntryError):
        stores.suspensions(LINE).suspended("a")
