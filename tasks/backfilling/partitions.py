"""How the past is cut up: by day or month, and into batches that are committed one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

UNDATED = "undated"
LARGEST = 256
"""Boards of one partition: what a killed backfill may have to look up again."""
# A receipt for every handful of boards would cost more than the look-ups that it spares.
_WORTH_A_DAY = 64
_MONTH_CHARACTERS = len("2026-11")


class Partition(NamedTuple):
    """Its name, for a person, and which boards are in it, by their place among all."""

    name: str
    rows: tuple[int, ...]


def partitions(days: Sequence[str], largest: int = LARGEST) -> list[Partition]:
    """Cut boards in the order of time, by their days ("" where unknown), each board in one partition.

    By day where a day has some dozens of boards on average, else by month; a day or month with more than
    `largest` boards gives several. Boards without a day come last.
    """
    known = {day for day in days if day}
    dated = sum(1 for day in days if day)
    characters = None if known and dated / len(known) >= _WORTH_A_DAY else _MONTH_CHARACTERS
    rows: dict[str, list[int]] = defaultdict(list)
    for row, day in enumerate(days):
        rows[day[:characters] or UNDATED].append(row)
    found = []
    for name in sorted(rows):  # digits sort before letters
        for number, begin in enumerate(range(0, len(rows[name]), largest), start=1):
            chosen = tuple(rows[name][begin : begin + largest])
            more = len(rows[name]) > largest
            found.append(Partition(f"{name} ({number})" if more else name, chosen))
    return found
