"""Every board in exactly one partition, whatever the days are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.backfilling.partitions import partitions

DAYS = st.lists(st.sampled_from(["", "2026-09-30", "2026-10-01", "2026-10-02"]), max_size=200)


@given(DAYS, st.integers(1, 40))
def test_every_board_is_in_one_partition_none_too_large(days: list[str], largest: int) -> None:
    found = partitions(days, largest)
    rows = [row for part in found for row in part.rows]
    assert sorted(rows) == list(range(len(days)))
    assert all(0 < len(part.rows) <= largest for part in found)
    assert len({part.name for part in found}) == len(found)


def test_few_boards_a_day_are_cut_by_month_and_the_undated_come_last() -> None:
    found = partitions(["", "2026-10-02", "2026-09-30", "2026-10-01"])
    assert [(part.name, part.rows) for part in found] == [
        ("2026-09", (2,)),
        ("2026-10", (1, 3)),
        ("undated", (0,)),
    ]


def test_many_boards_a_day_are_cut_by_day_and_into_batches() -> None:
    found = partitions(["2026-10-01"] * 100 + ["2026-10-02"] * 60, largest=64)
    assert [(part.name, len(part.rows)) for part in found] == [
        ("2026-10-01 (1)", 64),
        ("2026-10-01 (2)", 36),
        ("2026-10-02", 60),
    ]


def test_no_board_no_partition() -> None:
    assert partitions([]) == []
