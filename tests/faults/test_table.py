"""The table that `make faults` leaves: a file for machines, lines for people."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.table import Row, shown, written


def test_a_row_takes_the_place_of_an_earlier_one_and_is_shown(tmp_path: Path) -> None:
    place = tmp_path / "build" / "faults.json"
    written([Row("disk full", "images"), Row("clock jump", "training")], place)
    row = Row("disk full", "images", same_verdicts=True, rows_lost=0, rows_doubled=0)
    row.detected_after_s = 3.2
    rows = written([row], place)
    assert rows == json.loads(place.read_text())
    assert [(one["fault"], one["same_verdicts"]) for one in rows] == [
        ("disk full", True),
        ("clock jump", False),
    ]
    printed = shown(rows)
    assert "3.2 s" in printed
    assert "NO" in printed
