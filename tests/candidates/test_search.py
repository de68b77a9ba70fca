from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.candidates.boxes import zoom_out_and_shift
from tasks.candidates.frechet import perceptual_moments
from tasks.candidates.search import find_candidates, search
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


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31))
def test_the_kept_are_the_largest_of_all_boxes_measured_one_by_one(seed: int) -> None:
    difference_HW, seen, reconstructed = images(seed)
    found = find_candidates(difference_HW, seen, reconstructed, SETTINGS)
    laid_K4 = zoom_out_and_shift(found.pixels_P2, 3, 4, SIDE, SIDE)
    moments = perceptual_moments(seen, reconstructed, SIDE, SIDE, SETTINGS.longest_stride_px)
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


def test_moments_can_be_asked_again_with_a_masked_difference() -> None:
    difference_HW, seen, reconstructed = images(6)
    mask_HW = np.random.default_rng(7).random((SIDE, SIDE), dtype=np.float32)
    moments = perceptual_moments(seen, reconstructed, SIDE, SIDE, SETTINGS.longest_stride_px)
    search(difference_HW, moments, SETTINGS)
    again = search(mask_HW * difference_HW, moments, SETTINGS)
    anew = find_candidates(mask_HW * difference_HW, seen, reconstructed, SETTINGS)
    assert all(np.array_equal(one, other) for one, other in zip(again, anew, strict=True))
    with pytest.raises(InputError, match="same board image"):
        search(difference_HW[:40], moments, SETTINGS)


def test_images_too_small_for_the_boxes_are_refused() -> None:
    _, seen, reconstructed = images(8)
    with pytest.raises(InputError, match="largest box, 12 px"):
        find_candidates(np.ones((11, SIDE), np.float32), seen, reconstructed, SETTINGS)
