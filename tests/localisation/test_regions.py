from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tasks.localisation.region import Region
from tasks.localisation.regions import distinct_candidates, regions
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

SIDE = 40


@st.composite
def laid(draw: st.DrawFn) -> tuple[Int64Array, Float64Array]:
    number = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corners = rng.integers(0, SIDE - 8, (number, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 9, (number, 2))], axis=1)
    return boxes, rng.integers(0, 5, number).astype(float)


def test_one_region_for_what_hangs_together_through_others() -> None:
    boxes = np.array([[0, 0, 4, 4], [4, 4, 8, 8], [8, 6, 12, 10], [30, 30, 34, 38]])
    found = regions(boxes, np.array([1.0, 5.0, 2.0, 4.0]), gap_px=0)
    assert found == [
        Region((0, 0, 12, 10), score=5.0, total=8.0, candidates=3, area_px=48),
        Region((30, 30, 34, 38), score=4.0, total=4.0, candidates=1, area_px=32),
    ]


@pytest.mark.parametrize(("gap_px", "count"), [(2, 2), (3, 1)])
def test_the_gap_is_counted_in_pixels_between_the_boxes(gap_px: int, count: int) -> None:
    boxes = np.array([[0, 0, 4, 4], [7, 7, 9, 9]])
    assert len(regions(boxes, np.ones(2), gap_px)) == count


def test_a_box_laid_often_is_one_observation() -> None:
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [2, 2, 6, 6]])
    assert regions(boxes, np.array([1.0, 3.0, 2.0]), 0) == [Region((0, 0, 6, 6), 3.0, 5.0, 2, 28)]
    kept, scores = distinct_candidates(boxes, np.array([1.0, 3.0, 2.0]))
    np.testing.assert_array_equal(kept, [[0, 0, 4, 4], [2, 2, 6, 6]])
    np.testing.assert_array_equal(scores, [3.0, 2.0])


@settings(max_examples=60, deadline=None)
@given(laid())
def test_without_a_gap_regions_are_the_connected_components_of_the_covered_pixels(
    boxes_and_scores: tuple[Int64Array, Float64Array],
) -> None:
    boxes, scores = boxes_and_scores
    covered = np.zeros((SIDE, SIDE), bool)
    for top, left, bottom, right in boxes:
        covered[top:bottom, left:right] = True
    label, _ = ndimage.label(covered, np.ones((3, 3)))
    found = regions(boxes, scores, gap_px=0)
    expected = [
        (rows.start, columns.start, rows.stop, columns.stop)
        for rows, columns in ndimage.find_objects(label)
    ]
    assert sorted(region.box for region in found) == sorted(expected)
    assert sum(region.area_px for region in found) == covered.sum()
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@settings(max_examples=30, deadline=None)
@given(laid(), st.integers(0, 6))
def test_the_order_of_the_candidates_changes_nothing(
    boxes_and_scores: tuple[Int64Array, Float64Array], gap_px: int
) -> None:
    boxes, scores = boxes_and_scores
    order = np.random.default_rng(len(boxes)).permutation(len(boxes))
    assert regions(boxes[order], scores[order], gap_px) == regions(boxes, scores, gap_px)


def test_nothing_suspected_and_nothing_sensible() -> None:
    assert regions(np.empty((0, 4), np.int64), np.empty(0)) == []
    with pytest.raises(NoAnswerError, match="not finite"):
        regions(np.array([[0, 0, 4, 4]]), np.array([np.nan]))
    with pytest.raises(InputError, match="one score a box"):
        regions(np.array([[0, 0, 4, 4]]), np.ones(2))
    with pytest.raises(InputError, match="empty"):
        regions(np.array([[0, 4, 4, 4]]), np.ones(1))
