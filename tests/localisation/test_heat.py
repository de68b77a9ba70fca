from __future__ import annotations

import numpy as np
import pytest

from tasks.localisation.heat import blended, heat_map
from tasks.localisation.overlap import counted, pixel_auroc
from tasks.vocabulary.errors import InputError, NoAnswerError


def test_a_pixel_is_as_hot_as_the_worst_candidate_on_it() -> None:
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (30, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 10, (30, 2))], axis=1)
    scores = rng.random(30)
    expected = np.zeros((30, 30))
    for row, column in np.ndindex(30, 30):
        top, left, bottom, right = boxes.T
        on = (top <= row) & (row < bottom) & (left <= column) & (column < right)
        expected[row, column] = scores[on].max(initial=0.0)
    heat = heat_map(boxes, scores, 30, 30)
    assert heat.dtype == np.float32
    np.testing.assert_allclose(heat, expected, rtol=1e-6)


def test_no_candidate_is_no_heat_and_a_score_below_zero_accuses_nobody() -> None:
    assert not heat_map(np.empty((0, 4), np.int64), np.empty(0), 4, 6).any()
    assert not heat_map(np.array([[0, 0, 2, 2]]), np.array([-1.0]), 4, 6).any()


@pytest.mark.parametrize("box", [[0, 0, 5, 2], [-1, 0, 2, 2], [0, 5, 2, 7]])
def test_a_candidate_outside_the_board_is_refused(box: list[int]) -> None:
    with pytest.raises(InputError, match="outside"):
        heat_map(np.array([box]), np.ones(1), 4, 6)


def test_the_blend_does_not_depend_on_the_unit_of_the_scores() -> None:
    difference = np.random.default_rng(1).random((32, 32)).astype(np.float32)
    boxes = np.array([[4, 4, 12, 12], [10, 10, 14, 14]])
    once = blended(heat_map(boxes, np.array([1.0, 3.0]), 32, 32), difference)
    again = blended(heat_map(boxes, np.array([1e6, 3e6]), 32, 32), difference)
    np.testing.assert_allclose(once, again, rtol=1e-5)
    doubled = blended(heat_map(boxes, np.array([1.0, 3.0]), 32, 32), 2 * difference)
    np.testing.assert_allclose(doubled, 2 * once, rtol=1e-5)


def test_without_candidates_the_blend_is_the_smoothed_difference() -> None:
    difference = np.zeros((33, 33), np.float32)
    difference[16, 16] = 1.0
    smooth = blended(np.zeros((33, 33), np.float32), difference, blur_px=2.0)
    assert smooth[16, 16] == smooth.max() == pytest.approx(1 / (2 * np.pi * 4), rel=0.02)
    assert smooth.sum() == pytest.approx(1.0, rel=1e-3)


def test_candidates_and_difference_together_find_a_faint_defect_in_noise() -> None:
    rng = np.random.default_rng(2)
    mask = np.zeros((64, 64), np.bool_)
    mask[20:32, 24:36] = True
    difference = (rng.random((64, 64)) * (1 + 0.3 * mask)).astype(np.float32)
    heat = heat_map(np.array([[22, 26, 30, 34], [50, 50, 54, 54]]), np.array([2.0, 1.0]), 64, 64)
    areas = [
        pixel_auroc([counted(map_HW, mask)])
        for map_HW in (difference, heat, blended(heat, difference))
    ]
    assert areas[2] > max(areas[:2])


def test_what_is_not_finite_or_of_another_size_has_no_heat() -> None:
    bad = np.full((4, 4), np.nan, np.float32)
    with pytest.raises(NoAnswerError, match="not finite"):
        blended(np.zeros((4, 4), np.float32), bad)
    with pytest.raises(InputError, match="same board"):
        blended(np.zeros((4, 4), np.float32), np.zeros((4, 5), np.float32))
