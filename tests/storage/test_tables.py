from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.tables import read_text_table, text_table

NAMES = ("one", "two")
# Lone surrogates stand for the undecodable bytes of a file's name.
TEXTS = st.none() | st.text(st.characters(), max_size=6) | st.just("\udcff.png")


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_text_comes_back_as_it_was_given(rows: list[tuple[str | None, str | None]]) -> None:
    columns = [[row[at] for row in rows] for at in range(2)]
    content = text_table(NAMES, columns)
    assert read_text_table(content, NAMES) == columns
    assert text_table(NAMES, columns) == content


def test_every_changed_byte_and_every_cut_is_found_or_changes_nothing() -> None:
    columns: list[list[str | None]] = [["a.png", "b.png", ""], ["x" * 64, None, "\udc80"]]
    content = text_table(NAMES, columns)
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 0x15
        for damaged in (bytes(changed), content[:at]):
            try:
                assert read_text_table(damaged, NAMES) == columns
            except ValueError:
                continue


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{}", bytes(4096)])
def test_what_is_no_table_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="no table"):
        read_text_table(content, NAMES)


def test_other_columns_and_exchanged_columns_are_not_read() -> None:
    content = text_table(NAMES, [["a"], ["b"]])
    for names in (("one",), ("two", "one"), ("one", "three")):
        with pytest.raises(ValueError, match=r"changed|no table"):
            read_text_table(content, names)
