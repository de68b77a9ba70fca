from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CorruptEntryError
from storage.objects import Objects
from storage.receipts import Receipt, ReceiptBook, find_receipt, write_entry

RECEIPT = Receipt("models", "k", "", ("a",), "d", "f", {"images": "i"}, {"n": 1})
ENTRY = "models/k"

texts = st.text(max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)


@given(
    st.builds(
        Receipt,
        *[texts] * 3,
        st.lists(texts).map(tuple),
        *[texts] * 2,
        st.dictionaries(texts, texts),
        st.dictionaries(texts, json_values),
    )
)
def test_a_receipt_survives_json(receipt: Receipt) -> None:
    assert Receipt.from_json(receipt.to_json()) == receipt


def test_data_comes_first_and_the_receipt_last(objects: Objects) -> None:
    def write(location: str) -> None:
        objects.put(f"{location}/x", b"data")
        assert find_receipt(objects, ENTRY) is None

    committed = write_entry(objects, ENTRY, RECEIPT, write)
    assert find_receipt(objects, ENTRY) == committed
    assert replace(committed, location="") == RECEIPT
    assert objects.get(f"{committed.location}/x") == b"data"


def test_a_second_writer_does_not_even_write(objects: Objects) -> None:
    first = write_entry(objects, ENTRY, RECEIPT, lambda at: objects.put(f"{at}/x", b"1"))
    before = objects.list()

    def never(_: str) -> None:
        raise AssertionError("wrote again")

    assert write_entry(objects, ENTRY, RECEIPT, never) == first
    assert objects.list() == before


def test_the_loser_of_a_race_leaves_the_winner_alone_and_nothing_behind(objects: Objects) -> None:
    winners = []

    def write_while_another_commits(location: str) -> None:
        objects.put(f"{location}/x", b"loser")
        winners.append(
            write_entry(objects, ENTRY, RECEIPT, lambda at: objects.put(f"{at}/x", b"winner"))
        )

    assert write_entry(objects, ENTRY, RECEIPT, write_while_another_commits) == winners[0]
    assert objects.list(ENTRY) == [f"{winners[0].location}/x", f"{ENTRY}/receipt.json"]
    assert objects.get(f"{winners[0].location}/x") == b"winner"


def test_a_failed_writer_commits_nothing_and_cleans_up(objects: Objects) -> None:
    def fail(location: str) -> None:
        objects.put(f"{location}/x", b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_entry(objects, ENTRY, RECEIPT, fail)
    assert objects.list() == []


def test_a_writer_succeeds_over_the_leftovers_of_a_killed_one(objects: Objects) -> None:
    objects.put(f"{ENTRY}/data-0123456789abcdef/x", b"orphan")
    assert ReceiptBook(objects, "models").receipts() == []
    committed = write_entry(objects, ENTRY, RECEIPT, lambda at: objects.put(f"{at}/x", b"1"))
    assert ReceiptBook(objects, "models").receipts() == [committed]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"kind": "models"}', b"\xff", b"null"])
def test_an_unreadable_receipt_is_corrupt_and_not_absent(objects: Objects, content: bytes) -> None:
    objects.put(f"{ENTRY}/receipt.json", content)
    with pytest.raises(CorruptEntryError, match=ENTRY):
        find_receipt(objects, ENTRY)


def test_a_book_sees_what_others_add_and_remove(objects: Objects, root: Path) -> None:
    book = ReceiptBook(objects, "models")
    assert book.receipts() == []
    for key in ("b", "a"):
        write_entry(
            objects,
            f"models/{key}",
            replace(RECEIPT, key=key),
            lambda at: objects.put(f"{at}/x", b"1"),
        )
    assert [receipt.key for receipt in book.receipts()] == ["a", "b"]
    objects.delete_folder("models/a")
    assert [receipt.key for receipt in book.receipts()] == ["b"]
