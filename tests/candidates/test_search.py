from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.candidates.boxes import zoom_out_and_shift
from tasks.candidates.pooling import PooledDistances, pooled_distances
from tasks.candidates.scales import BoxScales
from tasks.candidates.search import Candidates, laid_boxes, search
from tasks.candidates.settings import CandidatesSettings
from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError

SIDE = 48
SETTINGS = CandidatesSettings(pixels=8, sizes=3, growth_px=4, kept=50)
Images = tuple[Float32Array, tuple[Float32Array, ...], tuple[Float32Array, ...]]


def images(seed: int) -> Images:
    generator = np.random.default_rng(seed)
    seen = tuple(
        generator.random((4, SIDE // stride, SIDE // stride), dtype=np.float32) for stride in (2, 4)
    )
    reconstructed = tuple(layer + generator.random(layer.shape, dtype=np.float32) for layer in seen)
    return generator.random((SIDE, SIDE), dtype=np.float32), seen, reconstructed


def pooled(
    seen: tuple[Float32Array, ...], reconstructed: tuple[Float32Array, ...]
) -> PooledDistances:
    return pooled_distances(seen, reconstructed, SIDE, SIDE, 8)


def find_candidates(
    difference_HW: Float32Array,
    seen: tuple[Float32Array, ...],
    reconstructed: tuple[Float32Array, ...],
    asked: CandidatesSettings,
) -> Candidates:
    (found,) = search([difference_HW], pooled(seen, reconstructed), asked, None)
    return found


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31))
def test_the_kept_are_the_largest_of_all_boxes_measured_one_by_one(seed: int) -> None:
    difference_HW, seen, reconstructed = images(seed)
    found = find_candidates(difference_HW, seen, reconstructed, SETTINGS)
    laid_K4 = zoom_out_and_shift(found.pixels_P2, 3, 4, SIDE, SIDE)
    moments = pooled(seen, reconstructed)
    every_K = np.concatenate([moments.distances(box[None]) for box in laid_K4])
    assert np.array_equal(found.scores_Q, np.sort(every_K)[::-1][: SETTINGS.kept])
    assert np.array_equal(found.scores_Q, moments.distances(found.boxes_Q4))
    assert found.boxes_Q4.shape == (50, 4)


def test_boxes_that_are_laid_twice_count_twice() -> None:
    difference_HW = np.zeros((SIDE, SIDE), dtype=np.float32)
    difference_HW[0, :2] = 1.0
    _, seen, reconstructed = images(3)
    asked = CandidatesSettings(pixels=2, sizes=1, growth_px=4, kept=18)
    found = find_candidates(difference_HW, seen, reconstructed, asked)
    laid = zoom_out_and_shift(found.pixels_P2, 1, 4, SIDE, SIDE).tolist()
    assert len({tuple(box) for box in laid}) < len(laid)
    assert sorted(found.boxes_Q4.tolist()) == sorted(laid)


def test_identical_images_score_zero_and_keep_the_order_in_which_boxes_were_laid() -> None:
    difference_HW, seen, _ = images(4)
    found = find_candidates(difference_HW, seen, seen, SETTINGS)
    assert not found.scores_Q.any()
    laid_K4 = zoom_out_and_shift(found.pixels_P2, 3, 4, SIDE, SIDE)
    assert np.array_equal(found.boxes_Q4, laid_K4[:50])


def test_a_defect_is_found_where_it_is() -> None:
    generator = np.random.default_rng(5)
    seen = (generator.random((4, SIDE, SIDE), dtype=np.float32),)
    reconstructed = (seen[0].copy(),)
    reconstructed[0][:, 20:28, 30:38] += 1.0
    difference_HW = np.abs(seen[0] - reconstructed[0]).mean(axis=0)
    found = find_candidates(difference_HW, seen, reconstructed, SETTINGS)
    worst = found.boxes_Q4[0]
    assert (worst[:2] < (28, 38)).all()
    assert (worst[2:] > (20, 30)).all()


def test_the_same_image_gives_the_same_bits() -> None:
    difference_HW, seen, reconstructed = images(6)
    first = find_candidates(difference_HW, seen, reconstructed, SETTINGS)
    again = find_candidates(difference_HW.copy(), seen, reconstructed, SETTINGS)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_mask_that_hides_a_pixel_moves_the_candidates_away() -> None:
    difference_HW, seen, reconstructed = images(7)
    mask_HW = np.ones((SIDE, SIDE), dtype=np.float32)
    mask_HW[:, : SIDE // 2] = 0.0
    found = find_candidates(mask_HW * difference_HW, seen, reconstructed, SETTINGS)
    assert (found.pixels_P2[:, 1] >= SIDE // 2).all()


def test_the_masked_difference_changes_nothing_of_the_plain_candidates() -> None:
    difference_HW, seen, reconstructed = images(6)
    mask_HW = np.random.default_rng(7).random((SIDE, SIDE), dtype=np.float32)
    differences = [difference_HW, mask_HW * difference_HW]
    together = search(differences, pooled(seen, reconstructed), SETTINGS, None)
    for both, one in zip(together, differences, strict=True):
        alone = find_candidates(one, seen, reconstructed, SETTINGS)
        assert all(np.array_equal(*pair) for pair in zip(both, alone, strict=True))


def test_scales_decide_which_boxes_are_kept_and_leave_the_distances_alone() -> None:
    difference_HW, seen, reconstructed = images(9)
    large_first = BoxScales((4, 8, 12), (0.0, -3.0, -30.0), (1.0, 1.0, 1.0))
    measured = pooled(seen, reconstructed)
    (found,) = search([difference_HW], measured, SETTINGS, large_first)
    assert set((found.boxes_Q4[:, 2] - found.boxes_Q4[:, 0]).tolist()) == {12}
    assert np.array_equal(found.distances_Q, measured.distances(found.boxes_Q4))
    np.testing.assert_allclose(found.scores_Q, found.distances_Q * np.exp(30.0))
    assert (np.diff(found.scores_Q) <= 0).all()


def test_laid_boxes_are_those_of_every_difference_in_turn() -> None:
    difference_HW, _, _ = images(10)
    both = laid_boxes([difference_HW, 1 - difference_HW], SETTINGS)
    assert np.array_equal(both[: 8 * 27], laid_boxes([difference_HW], SETTINGS))
    assert np.array_equal(both[8 * 27 :], laid_boxes([1 - difference_HW], SETTINGS))


def test_images_too_small_for_the_boxes_are_refused() -> None:
    _, seen, reconstructed = images(8)
    with pytest.raises(InputError, match="largest box, 12 px"):
        find_candidates(np.ones((11, SIDE), np.float32), seen, reconstructed, SETTINGS)
