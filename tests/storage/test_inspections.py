"""What was inspected is kept once, in the order of the commits, whatever the clock says."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from storage.errors import CorruptEntryError
from storage.inspections import InspectedRow, InspectionLog
from storage.stores import Stores

LINE, BUNDLE = "line", "b" * 64
AT = "2026-03-01T10:00:00+00:00"


def row(image: str, file: str = "a.png", score: float | None = 0.25) -> InspectedRow:
    return InspectedRow(image, file, AT, None, False, score, None, 0.1, 101.5, 20.25, 1 / 3)


@pytest.fixture
def log(stores: Stores) -> InspectionLog:
    return stores.inspections(LINE, BUNDLE)


def test_rows_are_read_back_bit_by_bit_in_their_order(log: InspectionLog) -> None:
    rows = [row("2"), replace(row("1", score=None), flagged=True, reason='a "reason", b'), row("3")]
    rows.append(replace(row("", "gone.png", None), flagged=True, residual_px=None, spread=None))
    log.write(rows, AT)
    assert log.read().rows == tuple(rows)


def test_nothing_inspected_leaves_nothing(log: InspectionLog, root: Path) -> None:
    assert log.write([], AT) is None
    assert log.read().rows == ()
    assert not list((root / "inspections").rglob("*.parquet"))


def test_a_repeated_run_doubles_no_row(log: InspectionLog, stores: Stores) -> None:
    first = log.write([row("1"), row("2")], AT)
    again = stores.inspections(LINE, BUNDLE).write(
        [row("2"), row("1")], "2026-03-02T10:00:00+00:00"
    )
    assert first == again
    assert [one.image for one in log.read().rows] == ["1", "2"]


def test_a_copy_and_an_overlapping_run_double_no_row(log: InspectionLog) -> None:
    log.write([row("1"), row("1", "copy.png"), row("2")], AT)
    log.write([row("2", "elsewhere.png"), row("3")], AT)
    rows = log.read().rows
    assert [(one.image, one.file) for one in rows] == [
        ("1", "a.png"),
        ("2", "a.png"),
        ("3", "a.png"),
    ]


def test_files_that_could_not_be_read_are_known_by_their_paths(log: InspectionLog) -> None:
    log.write([row("", "x.png"), row("", "y.png"), row("", "x.png")], AT)
    assert [one.file for one in log.read().rows] == ["x.png", "y.png"]


def test_a_run_killed_before_its_receipt_left_nothing_and_comes_again(
    log: InspectionLog, root: Path
) -> None:
    receipt = log.write([row("1")], AT)
    assert receipt is not None
    (root / receipt.location).parent.joinpath("receipt.json").unlink()
    assert log.read().rows == ()
    log.write([row("1")], AT)
    assert len(log.read().rows) == 1


def test_a_clock_that_is_set_back_changes_no_order_and_is_told(log: InspectionLog) -> None:
    times = ["2031-01-01T00:00:00+00:00", AT, "2026-03-01T11:00:00+00:00"]
    for number, at in enumerate(times):
        log.write([row(str(number))], at)
    found = log.read()
    assert [one.image for one in found.rows] == ["0", "1", "2"]
    assert found.set_back == ((times[0], times[1]),)


def test_another_bundle_and_another_line_have_their_own(stores: Stores, log: InspectionLog) -> None:
    log.write([row("1")], AT)
    assert stores.inspections(LINE, "c" * 64).read().rows == ()
    assert stores.inspections("other", BUNDLE).read().rows == ()


def test_a_changed_segment_is_never_believed(log: InspectionLog, root: Path) -> None:
    receipt = log.write([row("1")], AT)
    assert receipt is not None
    table = root / receipt.location / "rows.parquet"
    content = bytearray(table.read_bytes())
    content[len(content) // 3] ^= 1
    table.write_bytes(content)
    with pytest.raises(CorruptEntryError, match="inspections/line"):
        log.read()


def _write(root: Path, number: int) -> None:
    own = [row(f"{number}-{each}") for each in range(5)]
    Stores(root).inspections(LINE, BUNDLE).write([*own, row("shared")], AT)


@pytest.mark.slow
def test_writers_at_once_lose_and_double_nothing(log: InspectionLog, root: Path) -> None:
    processes = [
        get_context("spawn").Process(target=_write, args=(root, number)) for number in (1, 2, 3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = [one.image for one in log.read().rows]
    assert sorted(found) == sorted(
        {f"{n}-{each}" for n in (1, 2, 3) for each in range(5)} | {"shared"}
    )
