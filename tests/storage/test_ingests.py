from __future__ import annotations

from dataclasses import replace

from storage.ingests import IngestRecord
from storage.stores import Stores

RECORD = IngestRecord(
    key="k",
    at="2026-11-20T08:00:00+00:00",
    snapshot=1,
    images_fingerprint="f",
    reference=None,
    seen=10,
    ingested=6,
    duplicates=1,
    quarantined={"label": 1, "unusable": 2},
    quarantine="q",
)


def test_the_history_is_kept_in_order_and_the_last_is_found(stores: Stores) -> None:
    ingests = stores.ingests("line")
    assert ingests.last() is None
    later = replace(RECORD, key="l", at="2026-11-21T08:00:00+00:00", reference="r")
    ingests.append(RECORD)
    ingests.append(later)
    assert ingests.last() == later
    assert stores.ingests("line").history() == [RECORD, later]
    assert stores.ingests("other").history() == []


def test_the_last_record_is_not_repeated_but_may_return(stores: Stores) -> None:
    ingests = stores.ingests("line")
    other = replace(RECORD, key="l")
    for record in (RECORD, RECORD, other, RECORD):
        ingests.append(record)
    assert ingests.history() == [RECORD, other, RECORD]


def test_counts_in_quarantine_add_up() -> None:
    assert RECORD.in_quarantine == 3
