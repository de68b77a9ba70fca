from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest

from storage.errors import CorruptEntryError
from storage.label_changes import LabelChange, LabelHistory
from storage.stores import Stores

MONDAY, TUESDAY = "2026-11-16T08:00:00+00:00", "2026-11-17T08:00:00+00:00"
TO_ABNORMAL = LabelChange(
    "i1", "normal/\udcff.png", "normal", "abnormal", "Å. Ray", "bridge", MONDAY, False
)
OTHER = replace(TO_ABNORMAL, image_id="i2", source="normal/b.png")


def then(change: LabelChange, after: str, seen: bool) -> LabelChange:
    return replace(change, before=change.after, after=after, at=TUESDAY, scores_seen=seen)


def test_changes_are_kept_in_order_and_never_replaced(stores: Stores) -> None:
    log = stores.labels("line")
    assert log.history().changes == ()
    back = then(TO_ABNORMAL, "normal", False)
    log.append([TO_ABNORMAL, OTHER])
    log.append([])
    log.append([back])
    assert stores.labels("line").history().changes == (TO_ABNORMAL, OTHER, back)
    assert stores.labels("elsewhere").history().changes == ()
    assert log.history().last() == {"i1": back, "i2": OTHER}
    assert log.history().first() == {"i1": TO_ABNORMAL, "i2": OTHER}


def test_what_one_ingest_found_is_not_added_by_another_but_may_return(stores: Stores) -> None:
    log, again = stores.labels("line"), replace(TO_ABNORMAL, at=TUESDAY)
    back = then(TO_ABNORMAL, "normal", False)
    for changes in ([TO_ABNORMAL], [again], [back], [again]):
        log.append(changes)
    assert log.history().changes == (TO_ABNORMAL, back, again)


def test_many_writers_lose_nothing(stores: Stores) -> None:
    changes = [replace(OTHER, image_id=f"i{at}") for at in range(12)]
    writers = [
        threading.Thread(target=partial(stores.labels("line").append, [change]))
        for change in changes
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert stores.labels("line").history().last().keys() == {c.image_id for c in changes}


@pytest.mark.parametrize(
    ("nights", "scored", "counted"),
    [
        ([("abnormal", False)], None, False),
        ([("abnormal", True)], "normal", True),
        ([("abnormal", True), ("normal", True)], "normal", False),
        ([("abnormal", True), ("undecided", True)], "normal", True),
        # Corrected before anybody saw a score, and taken back afterwards.
        ([("abnormal", False), ("normal", True)], "abnormal", True),
        ([("abnormal", False), ("normal", True), ("abnormal", True)], "abnormal", False),
        # Only confirmed since.
        ([("abnormal", False), ("abnormal", True)], "abnormal", False),
    ],
)
def test_what_counts_is_the_label_under_which_the_score_was_first_seen(
    nights: list[tuple[str, bool]], scored: str | None, counted: bool
) -> None:
    change, changes = replace(TO_ABNORMAL, after="normal"), []
    for after, seen in nights:
        change = then(change, after, seen)
        changes.append(change)
    history = LabelHistory(tuple(changes))
    assert history.scored().get("i1") == scored
    assert history.changed_after_scores() == (["i1"] if counted else [])


def test_a_damaged_file_is_an_error_and_no_shorter_history(stores: Stores) -> None:
    stores.labels("line").append([TO_ABNORMAL])
    [path] = stores.objects.list("labels")
    stores.objects.put(path, stores.objects.get(path).replace(b"bridge", b"bridle"))
    with pytest.raises(CorruptEntryError, match="copy of the store"):
        stores.labels("line").history()
