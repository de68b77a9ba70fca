from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.reporting.overlays import (
    DIFFERENCES,
    HEAT_TOP,
    REGIONS_SHOWN,
    HeatScale,
    Suspicion,
    candidate_overlay,
    compact_png_bytes,
    heat,
    heat_overlay,
    inspection_overlay,
    jpeg_bytes,
    png_bytes,
)
from tasks.vocabulary.errors import InputError

GREY = np.full((24, 32, 1), 100, dtype=np.uint8)


def decoded(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))


def test_box_is_tinted_and_outlined_just_outside() -> None:
    drawn = candidate_overlay(GREY, np.array([[8, 10, 12, 14]]))
    plain = candidate_overlay(GREY, np.empty((0, 4), dtype=np.int64))
    changed = (drawn != plain).any(axis=2)
    expected = np.zeros((24, 32), dtype=bool)
    expected[7:13, 9:15] = True
    np.testing.assert_array_equal(changed, expected)
    assert (drawn[7, 9:15] == drawn[7, 9]).all()
    assert (drawn[9, 11] != drawn[7, 9]).any()


@settings(max_examples=40, deadline=None)
@given(
    top=st.integers(0, 20),
    left=st.integers(0, 28),
    side=st.integers(1, 12),
)
def test_nothing_changes_away_from_the_box(top: int, left: int, side: int) -> None:
    bottom, right = min(top + side, 24), min(left + side, 32)
    drawn = candidate_overlay(GREY, np.array([[top, left, bottom, right]]))
    away = np.ones((24, 32), dtype=bool)
    away[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1] = False
    assert drawn.shape == (24, 32, 3)
    assert (drawn[away] == 80).all()
    assert (drawn[top:bottom, left:right] != 80).any()


def test_outlines_go_to_the_worst_boxes_that_are_apart() -> None:
    boxes = np.array([[2, 2, 6, 6], [2, 3, 6, 7], [14, 20, 18, 24]])
    drawn = candidate_overlay(GREY, boxes, np.array([1.0, 0.9, 0.2]), outlined=2)
    yellow = (drawn == drawn[1, 1]).all(axis=2)
    assert yellow[1, 1:7].all()
    assert yellow[13, 19:25].all()
    assert not yellow[1, 7]


def test_score_that_is_no_number_weighs_most() -> None:
    boxes = np.array([[2, 2, 6, 6], [14, 20, 18, 24]])
    drawn = candidate_overlay(GREY, boxes, np.array([math.nan, 0.1]), outlined=1)
    assert (drawn[1, 1] != 80).any()
    assert (drawn[13, 19] == 80).all()


@pytest.mark.parametrize("box", [[-1, 0, 4, 4], [0, 0, 25, 4], [4, 4, 4, 8], [0, 30, 4, 33]])
def test_box_outside_the_image_is_refused(box: list[int]) -> None:
    with pytest.raises(InputError, match="outside"):
        candidate_overlay(GREY, np.array([box]))


def test_wrong_number_of_scores_is_refused() -> None:
    with pytest.raises(InputError, match="scores"):
        candidate_overlay(GREY, np.array([[0, 0, 4, 4]]), np.array([1.0, 2.0]))


def test_heat_has_a_fixed_range_and_never_hides_a_gap() -> None:
    colours = heat(np.array([[0.0, HEAT_TOP, 10.0, math.nan]]))
    assert colours.dtype == np.uint8
    assert colours[0, 0].sum() < 10
    np.testing.assert_array_equal(colours[0, 1], colours[0, 2])
    np.testing.assert_array_equal(colours[0, 1], colours[0, 3])
    with pytest.raises(InputError):
        heat(np.zeros((2, 2)), top=0.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20))
def test_more_difference_is_never_darker(values: list[float]) -> None:
    ordered = np.sort(np.array(values))[None, :]
    brightness = heat(ordered, top=1.0).astype(np.int64).sum(axis=2)[0]
    assert (np.diff(brightness) >= 0).all()


def test_png_keeps_every_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decoded(png_bytes(picture)), picture)
    hot = heat(np.random.default_rng(1).random((40, 40)), top=1.0)
    np.testing.assert_array_equal(decoded(compact_png_bytes(hot)), hot)


def test_jpeg_fits_even_for_noise_and_is_fine_otherwise() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (512, 512, 3), dtype=np.uint8)
    assert len(jpeg_bytes(noise)) <= 68_000
    smooth = np.linspace(0, 255, 512).astype(np.uint8)[None, :].repeat(512, axis=0)
    shown = decoded(jpeg_bytes(smooth))
    assert np.abs(shown[:, :, 0].astype(int) - smooth).max() <= 4
    assert len(jpeg_bytes(noise, 1)) > 1


def test_large_pictures_get_wider_outlines() -> None:
    large = np.full((300, 300, 1), 100, dtype=np.uint8)
    drawn = candidate_overlay(large, np.array([[50, 60, 54, 64]]))
    assert (drawn[48, 58:66] == drawn[49, 59]).all()
    assert (drawn[47] == 80).all()


def test_only_8_bit_pictures_are_encoded() -> None:
    with pytest.raises(InputError, match="uint8"):
        png_bytes(np.zeros((4, 4)))
    with pytest.raises(InputError, match="uint8"):
        png_bytes(np.zeros((4, 4, 2), dtype=np.uint8))


def test_inspection_sheet_enlarges_small_boards_three_times() -> None:
    boxes = np.array([[8, 10, 12, 14]])
    difference = np.zeros((24, 32), dtype=np.float32)
    sheet = decoded(inspection_overlay(GREY, GREY, difference, boxes, None, "Flagged: 0.9"))
    assert sheet.shape[1] >= 4 * 32 * 3
    assert sheet.shape[0] >= 24 * 3
    assert (sheet == 100).all(axis=2).sum() >= 2 * 24 * 32 * 9
    large = np.zeros((300, 20, 1), dtype=np.uint8)
    unscaled = decoded(inspection_overlay(large, large, large[:, :, 0] / 1.0, boxes, None, ""))
    assert 300 <= unscaled.shape[0] < 400


def suspicion(boxes: list[list[int]], height: int, width: int) -> Suspicion:
    scores = np.linspace(0.9, 0.1, len(boxes))
    heat_HW = np.zeros((height, width), dtype=np.float32)
    for (top, left, bottom, right), score in zip(boxes, scores, strict=True):
        heat_HW[top:bottom, left:right] = score
    return Suspicion(heat_HW, np.array(boxes).reshape(-1, 4), scores)


def test_heat_hides_more_of_the_image_the_hotter_it_is() -> None:
    heat_HW = np.tile(np.linspace(0.0, HEAT_TOP, 32), (24, 1))
    heat_HW[0, 0] = math.nan
    drawn = heat_overlay(GREY, heat_HW)
    assert drawn.shape == (24, 32, 3)
    cold, hot = drawn[5, 0].astype(int), drawn[5, -1].astype(int)
    assert np.ptp(cold) <= 5
    assert hot.sum() > cold.sum() + 150
    np.testing.assert_array_equal(drawn[0, 0], drawn[0, -1])


def test_heat_of_another_unit_has_its_own_range_and_title() -> None:
    scale = HeatScale(9.0, 24.0, "distance")
    assert (scale.title, DIFFERENCES.title) == (
        "Heat map (distance 9 to 24)",
        "Heat map (0 to 0.25)",
    )
    board, none = np.full((24, 32, 1), 100, dtype=np.uint8), np.empty((0, 4), np.int64)
    sheets = []
    for low, middle in ((0.0, 0.1), (9.0, 9.0 + 0.1 * 15 / 0.25)):
        heat_HW = np.full((24, 32), low)
        heat_HW[8:16, 8:16] = middle
        seen = Suspicion(heat_HW, none, np.empty(0), scale if low else DIFFERENCES)
        made = inspection_overlay(board, board, np.zeros((24, 32)), none, None, "", seen)
        sheets.append(decoded(made))
    # Of equal shares of their ranges both heat maps have the same colours; only the titles differ.
    pictures = [sheet[26 : 26 + 72] for sheet in sheets]
    assert len(np.unique(pictures[0].reshape(-1, 3), axis=0)) > 3
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert not np.array_equal(sheets[0], sheets[1])


def test_a_suspected_board_shows_where_to_look_first() -> None:
    board = np.full((64, 96, 1), 100, dtype=np.uint8)
    difference = np.zeros((64, 96), dtype=np.float32)
    candidates = np.array([[20, 30, 24, 34], [22, 32, 30, 40]])
    seen = suspicion([[20, 30, 30, 40], [50, 80, 56, 90]], 64, 96)
    plain = decoded(inspection_overlay(board, board, difference, candidates, None, "flagged"))
    sheet = decoded(inspection_overlay(board, board, difference, candidates, None, "flagged", seen))
    # Three columns, two rows, and a line more for each region.
    assert plain.shape[1] > sheet.shape[1] >= 3 * 96 * 3
    assert sheet.shape[0] >= 2 * 64 * 3 + 3 * 13
    first = sheet[: 64 * 3 + 26, : 96 * 3 + 12]
    assert (first == (255, 214, 10)).all(axis=2).sum() > 500
    # What is suspected stays uncovered: outlines lie outside of it.
    left, top = 12, 26
    for box in seen.boxes_R4 * 3:
        inside = sheet[top + box[0] : top + box[2], left + box[1] : left + box[3]]
        assert (inside == 100).all()


@pytest.mark.parametrize("number", [0, 1, 40])
def test_many_regions_do_not_cover_the_board(number: int) -> None:
    board = np.full((64, 96, 1), 100, dtype=np.uint8)
    places = [
        [(at * 7) % 56, (at * 13) % 88, (at * 7) % 56 + 6, (at * 13) % 88 + 6] for at in range(40)
    ]
    seen = suspicion(places[:number], 64, 96)
    none = np.empty((0, 4), dtype=np.int64)
    sheet = decoded(inspection_overlay(board, board, seen.heat_HW, none, None, "passed", seen))
    first = sheet[26 : 64 * 3 + 26, 12 : 96 * 3 + 12]
    assert (first == 100).all(axis=2).mean() > (1.0 if number == 0 else 0.4) - 1e-9
    lines = (sheet.shape[0] - 2 * (64 * 3 + 26)) / 20
    assert lines == pytest.approx(min(number, REGIONS_SHOWN + 1) + 2, abs=0.7)


def test_a_region_at_the_corner_keeps_its_number_within_the_picture() -> None:
    board = np.full((64, 64, 3), 100, dtype=np.uint8)
    boxes = [[0, 0, 6, 6], [58, 58, 64, 64], [0, 58, 6, 64], [58, 0, 64, 6], [0, 0, 64, 64]]
    seen = suspicion(boxes, 64, 64)
    none = np.empty((0, 4), dtype=np.int64)
    sheet = decoded(inspection_overlay(board, board, seen.heat_HW, none, None, "flagged", seen))
    yellow = (sheet == (255, 214, 10)).all(axis=2)
    assert not yellow[:26].any()
    assert not yellow[:, :12].any()
    assert not yellow[26 + 64 * 3 : 2 * 26 + 64 * 3].any()


def test_a_region_outside_the_board_is_refused() -> None:
    seen = Suspicion(np.zeros((24, 32)), np.array([[0, 0, 25, 4]]), np.ones(1))
    none = np.empty((0, 4), dtype=np.int64)
    with pytest.raises(InputError, match="outside"):
        inspection_overlay(GREY, GREY, seen.heat_HW, none, None, "flagged", seen)
