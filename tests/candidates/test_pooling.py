from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.candidates.pooling import TILE, FeatureMap, as_map, pooled_distances
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

Features = tuple[Float32Array, ...]


def maps(seed: int, side: int, strides: tuple[int, ...], level: float = 0.0) -> Features:
    generator = np.random.default_rng(seed)
    return tuple(
        (level + generator.standard_normal((3 + stride, side // stride, side // stride))).astype(
            np.float32
        )
        for stride in strides
    )


def random_boxes(seed: int, side: int, count: int) -> Int64Array:
    generator = np.random.default_rng(seed)
    sides = generator.integers(1, 17, size=count)
    starts = (generator.random((count, 2)) * (side - sides + 1)[:, None]).astype(np.int64)
    return np.concatenate([starts, starts + sides[:, None]], axis=1)


def box_distances(
    boxes_K4: Int64Array,
    seen: tuple[FeatureMap, ...],
    reconstructed: tuple[FeatureMap, ...],
    image_size: tuple[int, int],
    longest_stride_px: int,
) -> Float64Array:
    pooled = pooled_distances(seen, reconstructed, *image_size, longest_stride_px)
    return pooled.distances(boxes_K4)


def directly(seen: Features, reconstructed: Features, box: list[int], side: int) -> float:
    """The same distance, written as its definition: cut the positions out, then fit."""
    total = 0.0
    for first, second in zip(seen, reconstructed, strict=True):
        stride = side // first.shape[1]
        rows = slice(box[0] // stride, -(-box[2] // stride))
        columns = slice(box[1] // stride, -(-box[3] // stride))
        a, b = (m[:, rows, columns].reshape(len(m), -1).astype(np.float64) for m in (first, second))
        total += float(np.mean((a.mean(1) - b.mean(1)) ** 2 + (a.std(1) - b.std(1)) ** 2))
    return total


# A level of 1000 beside a spread of 1 is where a naive variance from sums of squares loses digits.
@pytest.mark.parametrize("level", [0.0, 1000.0])
def test_integral_images_equal_the_direct_computation(level: float) -> None:
    seen, reconstructed = maps(1, 64, (2, 4, 8), level), maps(2, 64, (2, 4, 8), level)
    boxes_K4 = random_boxes(3, 64, 200)
    found = box_distances(boxes_K4, seen, reconstructed, (64, 64), 8)
    expected = [directly(seen, reconstructed, box, 64) for box in boxes_K4.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_a_map_without_spread_far_from_zero_gets_no_spread() -> None:
    flat = (np.full((2, 16, 16), 12345.678, dtype=np.float32),)
    raised = (flat[0] + np.float32(2.0),)
    found = box_distances(random_boxes(0, 32, 50), flat, raised, (32, 32), 8)
    gap = float(raised[0][0, 0, 0]) - float(flat[0][0, 0, 0])
    np.testing.assert_allclose(found, np.full(50, gap**2), rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_identical_images_have_distance_zero_and_the_two_sides_are_alike(seed: int) -> None:
    seen, other = maps(seed, 32, (2, 4)), maps(seed + 1, 32, (2, 4))
    boxes_K4 = random_boxes(seed, 32, 30)
    assert not box_distances(boxes_K4, seen, seen, (32, 32), 8).any()
    there = box_distances(boxes_K4, seen, other, (32, 32), 8)
    back = box_distances(boxes_K4, other, seen, (32, 32), 8)
    assert (there >= 0).all()
    np.testing.assert_allclose(there, back, rtol=1e-9)


def test_one_position_is_compared_by_its_vectors_alone() -> None:
    seen, reconstructed = maps(4, 32, (8,)), maps(5, 32, (8,))
    box = np.array([[9, 17, 13, 21]])
    found = box_distances(box, seen, reconstructed, (32, 32), 8)
    gap = seen[0][:, 1, 2].astype(np.float64) - reconstructed[0][:, 1, 2]
    np.testing.assert_allclose(found, [np.mean(gap**2)], rtol=1e-9)


def test_a_layer_repeated_in_its_channels_weighs_no_more() -> None:
    seen, reconstructed = maps(6, 32, (2,)), maps(7, 32, (2,))
    boxes_K4 = random_boxes(8, 32, 20)
    once = box_distances(boxes_K4, seen, reconstructed, (32, 32), 8)
    seen_twice = (np.concatenate([seen[0]] * 2),)
    reconstructed_twice = (np.concatenate([reconstructed[0]] * 2),)
    doubled = box_distances(boxes_K4, seen_twice, reconstructed_twice, (32, 32), 8)
    np.testing.assert_allclose(once, doubled, rtol=1e-12)


def test_coarse_layers_are_left_out_and_none_left_is_refused() -> None:
    seen, reconstructed = maps(9, 64, (4, 16)), maps(10, 64, (4, 16))
    boxes_K4 = random_boxes(11, 64, 20)
    both = box_distances(boxes_K4, seen, reconstructed, (64, 64), 8)
    fine = box_distances(boxes_K4, seen[:1], reconstructed[:1], (64, 64), 8)
    assert np.array_equal(both, fine)
    with pytest.raises(InputError, match=r"Raise candidates\.road\.longest_stride_px"):
        box_distances(boxes_K4, seen, reconstructed, (64, 64), 2)


def test_features_that_do_not_fit_or_are_not_finite_are_refused() -> None:
    seen, boxes_K4 = maps(12, 32, (2, 4)), random_boxes(0, 32, 4)
    with pytest.raises(InputError, match="2 layers of the input face 1"):
        box_distances(boxes_K4, seen, seen[:1], (32, 32), 8)
    with pytest.raises(InputError, match="faces one of shape"):
        box_distances(boxes_K4, seen, (seen[0], seen[1][:2]), (32, 32), 8)
    for value in (np.nan, np.inf):
        broken = seen[1].copy()
        broken[0, 3, 3] = value
        with pytest.raises(NoAnswerError):
            box_distances(boxes_K4, seen, (seen[0], broken), (32, 32), 8)


def test_tensors_and_arrays_give_the_same_bits() -> None:
    seen, reconstructed = maps(13, 32, (2, 4)), maps(14, 32, (2, 4))
    boxes_K4 = random_boxes(15, 32, 20)
    tensors = [tuple(torch.from_numpy(layer) for layer in side) for side in (seen, reconstructed)]
    arrays: Float64Array = box_distances(boxes_K4, seen, reconstructed, (32, 32), 8)
    assert np.array_equal(box_distances(boxes_K4, tensors[0], tensors[1], (32, 32), 8), arrays)
    assert as_map(torch.ones(1, 2, 2, dtype=torch.float64)).dtype == np.float32


def test_a_map_whose_side_does_not_divide_the_image_still_covers_every_box() -> None:
    generator = np.random.default_rng(16)
    seen = (generator.random((4, 13, 13), dtype=np.float32),)
    boxes_K4 = random_boxes(17, 50, 100)
    found = box_distances(boxes_K4, seen, (seen[0] + 1,), (50, 50), 8)
    np.testing.assert_allclose(found, np.ones(100), rtol=1e-5)


def test_boxes_in_several_tiles_equal_the_direct_computation() -> None:
    side = 4 * TILE + 24
    seen, reconstructed = maps(18, side, (2,), 5.0), maps(19, side, (2,), 5.0)
    boxes_K4 = random_boxes(20, side, 300)
    assert len(np.unique(boxes_K4[:, :2] // (2 * TILE), axis=0)) >= 8
    found = box_distances(boxes_K4, seen, reconstructed, (side, side), 8)
    expected = [directly(seen, reconstructed, box, side) for box in boxes_K4.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_no_distance_depends_on_which_other_boxes_are_asked_for() -> None:
    side = 3 * TILE
    seen, reconstructed = maps(21, side, (2, 4)), maps(22, side, (2, 4))
    boxes_K4 = random_boxes(23, side, 60)
    together = box_distances(boxes_K4, seen, reconstructed, (side, side), 8)
    pooled = pooled_distances(seen, reconstructed, side, side, 8)
    alone = np.concatenate([pooled.distances(box[None]) for box in boxes_K4])
    assert np.array_equal(together, alone)
