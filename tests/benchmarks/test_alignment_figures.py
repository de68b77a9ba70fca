"""The pure parts of the alignment benchmark: what it counts, and that it forgets nothing it measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from flows.settings import load_settings
from tasks.metrics.table import column_names
from tasks.progress import Progress
from tasks.vocabulary.errors import InputError
from tests.benchmarks.alignment import tables
from tests.benchmarks.alignment.demo import archive_of, unaligned
from tests.benchmarks.alignment.false_calls import at_zero_escapes
from tests.benchmarks.alignment.figures import (
    Box,
    Outcome,
    aligner_figures,
    commented,
    first_distinct,
    mapped_box,
    overlapping,
    row_figures,
    unmasked_columns,
)
from tests.benchmarks.alignment.listing import bare_listing, write_small_files
from tests.benchmarks.alignment.localisation import hits
from tests.benchmarks.alignment.record import add_part, merged
from tests.benchmarks.alignment.settings import CONFIGURATION
from tests.benchmarks.alignment.speed import _part
from tests.benchmarks.alignment.timing import StageTimes, under, unheard

LIMIT_PX = 0.5
GOOD, OFF = Outcome(0.1, flagged=False), Outcome(0.9, flagged=False)
CAUTIOUS, CAUGHT, LOST = Outcome(0.3, flagged=True), Outcome(7.0, flagged=True), Outcome(None, True)


def test_a_row_counts_what_passed_what_was_flagged_and_what_slipped_through() -> None:
    row = row_figures([GOOD, replace(GOOD, error_px=0.2), CAUTIOUS, CAUGHT, LOST, OFF], LIMIT_PX)
    assert row == {
        "boards": 6,
        "median_px": pytest.approx(0.2),
        "worst_px": pytest.approx(0.9),
        "flagged": 3,
        "no_pose": 1,
        "flagged_within_limit": 1,
        "misregistered_unflagged": 1,
    }


@pytest.mark.parametrize("error_px", [None, float("nan"), float("inf")])
def test_a_board_without_a_true_pose_that_passes_is_misregistered(error_px: float | None) -> None:
    row = row_figures([Outcome(error_px, flagged=False)], LIMIT_PX)
    assert row["misregistered_unflagged"] == 1


def test_a_row_of_flagged_boards_has_no_median() -> None:
    row = row_figures([CAUGHT, LOST], LIMIT_PX)
    assert (row["median_px"], row["worst_px"]) == (None, None)


def test_a_wrong_photograph_that_passes_counts_as_misregistered() -> None:
    cases = [("black", True), ("mirrored", False), ("mirrored", True)]
    figures = aligner_figures({"nominal": [GOOD], "shift": [GOOD, OFF]}, cases, LIMIT_PX)
    assert figures["misregistered_unflagged"] == 2
    assert figures["must_flag_passed"] == 1
    assert figures["must_flag"]["mirrored"] == {"boards": 2, "flagged": 1}
    assert (figures["boards"], figures["rows"]["shift"]["boards"]) == (3, 2)
    assert figures["limit_px"] == LIMIT_PX
    assert tables.truth_tables({"aligners": {"ecc": figures}})[0].row_count == 5


def test_a_section_replaces_its_own_part_and_no_other(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "record.json"
    add_part(place, "truth", {"aligners": 1, "gone": 1})
    add_part(place, "speed", {"ingest_over_decode": 2})
    add_part(place, "truth", {"aligners": 3})
    record = json.loads(place.read_text())
    assert (record["aligners"], record["ingest_over_decode"]) == (3, 2)
    assert "gone" not in record
    assert record["measured"].keys() == {"truth", "speed"}
    assert record["measured"]["truth"]["keys"] == ["aligners"]
    assert list(place.parent.iterdir()) == [place]


def test_merging_leaves_the_known_record_as_it_is() -> None:
    known = merged({}, "truth", {"aligners": 1})
    merged(known, "truth", {"aligners": 2})
    assert known["aligners"] == 1


def test_a_box_follows_the_pose() -> None:
    half_33 = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    assert mapped_box((10, 20, 30, 60), half_33) == pytest.approx((5, 10, 15, 30))
    turned_33 = np.array([[0.0, -1, 99], [1, 0, 0], [0, 0, 1]])
    # Column 20..59 and row 10..29 become row 20..59 and column 70..89.
    assert mapped_box((10, 20, 30, 60), turned_33) == pytest.approx((20, 70, 60, 90))


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 1, 1), True), ((2, 2, 4, 4), False), ((1, 2, 3, 3), False), ((1, 1, 9, 9), True)],
)
def test_boxes_that_only_touch_share_nothing(other: Box, expected: bool) -> None:
    assert overlapping((0, 0, 2, 2), other) is expected
    assert overlapping(other, (0, 0, 2, 2)) is expected


def test_a_box_that_was_laid_twice_counts_once() -> None:
    boxes: Sequence[Box] = [(0, 0, 1, 1), (0, 0, 1, 1), (5, 5, 6, 6), (7, 7, 8, 8)]
    assert first_distinct(boxes, 2) == [(0, 0, 1, 1), (5, 5, 6, 6)]


def test_defects_are_found_by_candidates_of_their_own_board() -> None:
    on, off = (0.0, 0.0, 4.0, 4.0), (50.0, 50.0, 54.0, 54.0)
    defects = {"a": [("scratch", on)], "b": [("scratch", off)], "c": [("tombstone", on)]}
    found = hits({"a": [on], "b": [on], "c": []}, defects)
    assert (found["found"], found["n"], found["share"]) == (1, 3, pytest.approx(1 / 3))
    # The defect of `a` lies under the candidates of `b`; that of `c` under those of `a`.
    assert found["by_chance"] == pytest.approx(2 / 3)
    assert found["by_kind"]["scratch"] == {"found": 1, "n": 2}
    assert found["by_kind"]["tombstone"] == {"found": 0, "n": 1}


def test_metrics_without_the_mask_are_those_of_a_line_without_one() -> None:
    masked = column_names(frozenset({"latent"}), masked=True)
    plain = column_names(frozenset({"latent"}), masked=False)
    assert [masked[at] for at in unmasked_columns(masked)] == list(plain)
    assert len(masked) > len(plain)


def test_zero_escapes_cost_the_normals_above_the_lowest_defect() -> None:
    scores_N = np.array([0.1, 0.2, 0.5, np.inf, 0.4, 0.9])
    labels_N = np.array([0, 0, 0, 0, 1, 1])
    figures = at_zero_escapes(scores_N, labels_N)
    assert (figures["false_calls"], figures["n_normal"]) == (2, 4)
    assert (figures["escapes"], figures["n_abnormal"]) == (0, 2)
    assert figures["low"] < figures["false_call_rate"] < figures["high"]


def test_a_comment_makes_another_file_of_the_same_picture() -> None:
    pixels_HWC = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", pixels_HWC)[1].tobytes()
    other = commented(jpeg, "board 7")
    decoded = [
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        for content in (jpeg, other)
    ]
    assert other != jpeg
    np.testing.assert_array_equal(decoded[0], decoded[1])
    with pytest.raises(ValueError, match="JPEG"):
        commented(b"\x89PNG", "board 7")


def test_small_files_are_distinct_and_counted_by_the_bare_listing(tmp_path: Path) -> None:
    write_small_files(tmp_path, 120, unheard)
    files = list(tmp_path.rglob("*.png"))
    assert bare_listing(tmp_path) == len(files) == 120
    assert len({path.read_bytes() for path in files}) == 120
    assert len(list((tmp_path / "abnormal").rglob("*.png"))) == 3


def test_the_slowest_aligner_on_the_largest_archive_gives_the_ratio() -> None:
    def run(ecc: float, fiducials: float, peak_mb: float) -> dict[str, object]:
        ingests = {
            "ecc": {"seconds": ecc, "peak_memory_mb": peak_mb},
            "fiducials": {"seconds": fiducials, "peak_memory_mb": peak_mb + 5},
        }
        return {"decode_seconds": 10.0, "ingests": ingests}

    naive = {"files": 100, "seconds": 200.0, "boards_lost": 0}
    part = _part({100: run(40, 20, 700), 1_000: run(15, 13, 800)}, naive, {})
    assert part["ingest_over_decode"] == pytest.approx(1.5)
    assert part["ingest_over_decode_by_files"]["100"]["fiducials"] == pytest.approx(2.0)
    assert part["ingest_over_naive"] == {"ecc": pytest.approx(0.2), "fiducials": pytest.approx(0.1)}
    assert part["peak_memory_mb"] == {"100": 705, "1000": 805}


def test_stages_are_timed_from_word_to_word() -> None:
    stages, heard = StageTimes(), list[str]()
    for name in ("list", "list", "read"):
        stages(Progress(name, 0, 1))
        under(lambda said: heard.append(said.stage), "ecc")(Progress(name, 0, 1))
    stages.end()
    assert stages.seconds.keys() == {"list", "read"}
    assert heard == ["ecc: list", "ecc: list", "ecc: read"]


def test_the_unaligned_line_differs_in_name_and_alignment_only(tmp_path: Path) -> None:
    place = unaligned(CONFIGURATION, tmp_path)
    aligned, bare = load_settings(CONFIGURATION), load_settings(place)
    assert bare.line != aligned.line
    assert (bare.alignment.kind, bare.alignment.side_px) == ("none", aligned.alignment.side_px)
    same = {"title", "line", "alignment"}
    assert bare.model_dump(exclude=same) == aligned.model_dump(exclude=same)


def test_a_missing_archive_is_named_with_what_makes_it(tmp_path: Path) -> None:
    content = yaml.safe_load(CONFIGURATION.read_text())
    content["source"]["path"] = str(tmp_path / "manifest.csv")
    place = tmp_path / "line.yaml"
    place.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="make demo-synthetic"):
        archive_of(place)
