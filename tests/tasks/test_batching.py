"""Batches cover the images exactly; progress reaches whoever listens; scores survive as JSON."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from storage.snapshots import Snapshot, SnapshotRow
from tasks.archive.roles import Role
from tasks.batch_sizes import batches_of
from tasks.progress import Progress, listening, report_progress
from tasks.score_sheet import Labelled, ScoreSheet, ids_of, labelled, role_counts

SNAPSHOT = Snapshot(
    line="line",
    number=1,
    rows=(
        SnapshotRow("a", "a.png", "normal", Role.DEVELOPMENT),
        SnapshotRow("b", "b.png", "abnormal", Role.DEVELOPMENT),
        SnapshotRow("c", "c.png", "undecided", Role.UNDECIDED),
        SnapshotRow("d", "d.png", "normal", Role.MASK),
    ),
    images_fingerprint="f",
    roles_fingerprint="r",
)


@given(st.lists(st.integers()), st.integers(1, 40))
def test_batches_cover_exactly(items: list[int], size: int) -> None:
    batches = batches_of(items, size)
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(1 <= len(batch) <= size for batch in batches)


def test_progress_reaches_all_who_listen_and_nobody_afterwards() -> None:
    outer: list[Progress] = []
    inner: list[Progress] = []
    with listening(outer.append):
        with listening(inner.append):
            report_progress("train", 1, 2, "PSNR 20 dB")
        report_progress("train", 2, 2)
    report_progress("train", 3, 3)
    assert inner == [Progress("train", 1, 2, "PSNR 20 dB")]
    assert outer == [*inner, Progress("train", 2, 2)]


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1) | st.just(math.inf))))
def test_score_sheets_round_trip(rows: list[tuple[int, float]]) -> None:
    images = Labelled(tuple(str(n) for n in range(len(rows))), tuple(label for label, _ in rows))
    images = replace(images, groups=images.image_ids if len(rows) % 2 else None)
    sheet = ScoreSheet(images, tuple(score for _, score in rows))
    assert ScoreSheet.from_json(sheet.to_json()) == sheet
    assert len(sheet.of_label("normal")) + len(sheet.of_label("abnormal")) == len(rows)


def test_a_score_that_is_no_number_comes_back_as_infinite() -> None:
    sheet = ScoreSheet(Labelled(("a",), (1,)), (math.nan,))
    assert ScoreSheet.from_json(sheet.to_json()).scores == (math.inf,)


def test_what_is_tied_together_counts_once() -> None:
    groups = ["lot:week 12 panel:P1", "lot:week 13 panel:P1", "", "lot:week 13", "near:abc", ""]
    rows = [
        SnapshotRow(f"image-{at}", "x.png", "normal", Role.DEVELOPMENT, group=group)
        for at, group in enumerate(groups)
    ]
    found = labelled(Snapshot("line", 1, tuple(rows), "", ""), Role.DEVELOPMENT)
    assert found.groups == ("image-0", "image-0", "image-2", "image-0", "image-4", "image-5")
    alone = labelled(Snapshot("line", 1, tuple(rows[1:3]), "", ""), Role.DEVELOPMENT)
    assert alone.groups is None


def test_roles_pick_their_images(tmp_path: Path) -> None:
    assert labelled(SNAPSHOT, Role.DEVELOPMENT) == Labelled(("a", "b"), (0, 1))
    assert labelled(SNAPSHOT, Role.UNDECIDED) == Labelled((), ())
    assert ids_of(SNAPSHOT, Role.MASK, Role.UNDECIDED) == ("c", "d")
    assert role_counts(SNAPSHOT)[(Role.DEVELOPMENT, "abnormal")] == 1
