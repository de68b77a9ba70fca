from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CorruptEntryError
from storage.stores import Stores


def test_every_other_answer_of_a_set_is_a_look(stores: Stores) -> None:
    ledger = stores.looks()
    assert ledger.count_with(["rows:a"], "tool 1") == 1
    assert ledger.record(["rows:a"], "tool 1", {}) == 1
    assert ledger.count_with(["rows:a"], "tool 2") == 2
    assert ledger.record(["rows:a"], "tool 2", {}) == 2
    assert ledger.record(["rows:b"], "tool 1", {}) == 1
    assert stores.looks().record(["rows:a"], "tool 3", {}) == 3


def test_the_same_answer_again_is_the_same_look(stores: Stores) -> None:
    for _ in range(3):
        assert stores.looks().count_with(["rows:a"], "tool 1") == 1
        assert stores.looks().record(["rows:a"], "tool 1", {}) == 1
    stores.looks().record(["rows:a"], "tool 2", {})
    assert stores.looks().record(["rows:a"], "tool 1", {}) == 2


def test_counting_writes_nothing(stores: Stores, root: Path) -> None:
    stores.looks().count_with(["rows:a"], "tool 1")
    assert not (root / "looks").exists()


def test_a_new_name_does_not_make_an_old_set_fresh(stores: Stores) -> None:
    ledger = stores.looks()
    ledger.record(["rows:a"], "tool 1", {})
    assert ledger.record(["rows:a", "name:march"], "tool 2", {}) == 2
    assert ledger.record(["name:march", "rows:grown"], "tool 3", {}) == 3
    assert ledger.record(["rows:grown"], "tool 4", {}) == 4
    assert ledger.record(["rows:a"], "tool 1", {}) == 4


def test_a_board_in_common_links_two_sets_and_leads_no_further(stores: Stores) -> None:
    ledger = stores.looks()
    ledger.record(["boards:may", "board:1", "board:2"], "tool 1", {})
    assert ledger.record(["boards:june", "board:2", "board:3"], "tool 2", {}) == 2
    # July shares boards with June alone: what was asked of May's others is not asked of July.
    assert ledger.record(["boards:july", "board:3", "board:4"], "tool 3", {}) == 2
    assert ledger.count_with(["boards:august", "board:5"], "tool 4") == 1
    assert ledger.count_with(["boards:june", "board:2", "board:3"], "tool 5") == 4


def test_a_damaged_look_is_an_error_and_no_forgotten_look(stores: Stores) -> None:
    stores.looks().record(["rows:a"], "tool 1", {"at": "2026-01-01"})
    [path] = stores.objects.list("looks")
    stores.objects.put(path, stores.objects.get(path).replace(b"2026", b"2027"))
    with pytest.raises(CorruptEntryError, match="copy of the store"):
        stores.looks().count_with(["rows:b"], "tool 2")


ASKED = st.lists(
    st.tuples(st.sets(st.sampled_from("abcd"), min_size=1), st.integers(0, 3)), max_size=8
)


@given(ASKED)
def test_counts_are_those_of_linked_sets(asked: list[tuple[set[str], int]]) -> None:
    stores = Stores("memory:///")
    ledger, kept = stores.looks(), list[tuple[set[str], int]]()
    for keys, answer in asked:
        linked = set(keys)
        while more := {k for seen, _ in kept if seen & linked for k in seen} - linked:
            linked |= more
        mine = [a for seen, a in kept if seen & linked]
        if answer not in mine:
            kept.append((keys, answer))
            mine.append(answer)
        assert ledger.count_with(keys, str(answer)) == len(mine)
        assert ledger.record(keys, str(answer), {}) == len(mine)
