"""The exact road against a loop over every laid box, with one backbone and the same values.

Legend: C channels, H height, W width, K boxes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from scipy.linalg import LinAlgWarning, sqrtm
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional

from tasks.candidates.boxes import distinct_boxes, worst_pixels, zoom_out_and_shift
from tasks.candidates.exact import PatchDistances, Perceive
from tasks.candidates.gaussians import frechet_distances
from tasks.candidates.settings import ExactRoad
from tasks.perception.backbone import build_perception
from tasks.perception.settings import EfficientNetLite0Settings
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import design_board
from tasks.synthesis.rendering import render_board
from tasks.synthesis.settings import BoardDesignSettings
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.tensors import board_images, difference
from tests.benchmarks.alignment.timing import timed

SIDE_PX, PATCH_PX = 128, 64
ROUNDS, NAIVE_BOXES = 20, 300
BATCHES = (2, 8, 16, 32, 64, 128)
PATCH_SIDES = (32, 64, 96, 128)
SWEPT_BOXES = 64
TEXTBOOK_BOXES = 2
# Networks add up in another order at another batch size.
TOLERANCE = 1e-3

Pair = tuple[Tensor, Tensor]
Distance = Callable[[Float64Array, Float64Array], float]


def spoilt_board() -> Pair:
    """A scratched synthetic board, and the good board in uneven light: `[C, H, W]`.

    Chosen for as many distinct boxes, 1,852, as solar cells and their VQGAN reconstructions lay (20
    cells: 1,336 to 2,418, 1,861 on average); no patch is equal in both.
    """
    design = design_board(
        BoardDesignSettings(height_px=SIDE_PX, width_px=SIDE_PX, seed=4, fiducials=2)
    )
    spoilt = render_board(design, 3, [DefectKind.SCRATCH]).pixels_HWC
    good = render_board(design, 3).pixels_HWC
    image_CHW, good_CHW = board_images(np.stack([spoilt, good]))
    noise_CHW = np.random.default_rng(0).standard_normal(good_CHW.shape)
    uneven_CHW = gaussian_filter(noise_CHW, (0, 12, 12))
    uneven_CHW *= 0.04 / uneven_CHW.std()
    return image_CHW, (good_CHW + torch.from_numpy(uneven_CHW).float()).clamp(0.0, 1.0)


def laid_boxes(pair: Pair, pixels: int = 100) -> Int64Array:
    """The boxes that the paper lays on this pair: 36 a pixel."""
    difference_HW = difference(pair[0][None], pair[1][None])[0].numpy()
    return zoom_out_and_shift(worst_pixels(difference_HW, pixels), 4, 4, *difference_HW.shape)


def one_distance(first_NC: Float64Array, second_NC: Float64Array) -> float:
    """The product's own distance function, on one pair of sets."""
    return float(frechet_distances(first_NC[None], second_NC[None])[0])


def textbook_distance(first_NC: Float64Array, second_NC: Float64Array) -> float:
    """The same by covariances of all channels and their product's matrix root."""
    first_CC, second_CC = np.cov(first_NC.T), np.cov(second_NC.T)
    gap_C = first_NC.mean(axis=0) - second_NC.mean(axis=0)
    with warnings.catch_warnings():
        # SciPy warns that the product is singular; how far its root strays is reported instead.
        warnings.simplefilter("ignore", LinAlgWarning)
        root = np.trace(sqrtm(first_CC @ second_CC)).real
    return float(gap_C @ gap_C + np.trace(first_CC) + np.trace(second_CC) - 2 * root)


@torch.inference_mode()
def naive_distances(
    pair: Pair, boxes_K4: Int64Array, perceive: Perceive, patch_px: int, distance: Distance
) -> Float64Array:
    """Cut, enlarge, pass and compare box by box, one patch a pass, as one writes it first."""
    found = []
    for top, left, bottom, right in boxes_K4.tolist():
        sets = []
        for image_CHW in pair:
            cut_1Css = image_CHW[None, :, top:bottom, left:right]
            patch_1Cpp = functional.interpolate(
                cut_1Css, size=(patch_px, patch_px), mode="bilinear"
            )
            last_Chw = perceive(patch_1Cpp)[-1][0]
            sets.append(last_Chw.flatten(1).T.double().numpy())
        found.append(distance(sets[0], sets[1]))
    return np.array(found)


def road_distances(
    pair: Pair, boxes_K4: Int64Array, perceive: Perceive, road: ExactRoad
) -> Float64Array:
    """The exact road, with nothing remembered."""
    return PatchDistances(*pair, perceive, road).distances(boxes_K4)


def measure_exact() -> dict[str, Any]:
    """Seconds and ratios on one core; raises AssertionError where the two roads differ.

    The loop is timed on a sample of the laid boxes (`naive_boxes_timed`) and scaled to all of them;
    the road answers for all of them. The ratio is the median of short rounds that time both.
    """
    torch.set_num_threads(1)
    perceive = build_perception(EfficientNetLite0Settings())
    pair = spoilt_board()
    boxes_K4 = laid_boxes(pair)
    distinct_U4, _ = distinct_boxes(boxes_K4)
    # What a process pays once is no part of either road.
    road_distances(pair, distinct_U4[:1], perceive, ExactRoad(patch_px=PATCH_PX))
    naive_distances(pair, distinct_U4[:1], perceive, PATCH_PX, one_distance)
    return {
        "exact_laid_boxes": len(boxes_K4),
        "exact_distinct_boxes": len(distinct_U4),
        "exact_patch_px": PATCH_PX,
        **against_naive(pair, boxes_K4, perceive),
        **textbook(pair, distinct_U4, perceive),
        **sweeps(pair, distinct_U4, perceive),
    }


def against_naive(pair: Pair, boxes_K4: Int64Array, perceive: Perceive) -> dict[str, Any]:
    """The ratio, and the largest relative difference between the two roads."""
    road = ExactRoad(patch_px=PATCH_PX)
    asked = PatchDistances(*pair, perceive, road)
    distinct_U4, _ = distinct_boxes(boxes_K4)
    sample_K = np.random.default_rng(0).permutation(len(boxes_K4))[:NAIVE_BOXES]
    expected, naive, exact = [], [], []
    # A neighbour on the machine slows both halves of so short a round.
    for some_K, part_U4 in zip(
        np.array_split(sample_K, ROUNDS), np.array_split(distinct_U4, ROUNDS), strict=True
    ):
        loop = partial(naive_distances, pair, boxes_K4[some_K], perceive, PATCH_PX, one_distance)
        found, seconds = timed(loop)
        expected.append(found)
        naive.append(seconds / len(some_K) * len(boxes_K4))
        _, seconds = timed(partial(asked.distances, part_U4))
        exact.append(seconds / len(part_U4) * len(distinct_U4))
    every_K, answering = timed(partial(asked.distances, boxes_K4))
    np.testing.assert_allclose(every_K[sample_K], np.concatenate(expected), rtol=TOLERANCE)
    apart_K = np.abs(every_K[sample_K] / np.concatenate(expected) - 1)
    per_image = np.array(exact) + answering
    speedup = median((np.array(naive) / per_image).tolist())
    return {
        "exact_speedup_over_naive": speedup,
        # What batches alone gain; the rest is that a box laid twice is measured once.
        "exact_speedup_per_distinct_box": speedup * len(distinct_U4) / len(boxes_K4),
        "exact_batch_patches": road.batch_patches,
        "naive_boxes_timed": len(sample_K),
        "naive_seconds_per_image": median(naive),
        "exact_seconds_per_image": median(per_image.tolist()),
        "exact_ms_per_distinct_box": 1e3 * median(exact) / len(distinct_U4),
        "exact_tolerance": TOLERANCE,
        "exact_largest_relative_difference": float(apart_K.max()),
    }


def textbook(pair: Pair, boxes_K4: Int64Array, perceive: Perceive) -> dict[str, Any]:
    """What a box costs where the matrix root of all channels is taken, and how far it strays."""
    some_K4 = boxes_K4[:: len(boxes_K4) // TEXTBOOK_BOXES][:TEXTBOOK_BOXES]
    expected = naive_distances(pair, some_K4, perceive, PATCH_PX, one_distance)
    loop = partial(naive_distances, pair, some_K4, perceive, PATCH_PX, textbook_distance)
    found, seconds = timed(loop)
    return {
        "naive_textbook_seconds_per_box": seconds / TEXTBOOK_BOXES,
        "naive_textbook_boxes_timed": TEXTBOOK_BOXES,
        "naive_textbook_relative_difference": float(np.abs(found / expected - 1).max()),
    }


def sweeps(pair: Pair, boxes_K4: Int64Array, perceive: Perceive) -> dict[str, Any]:
    """Cost over batch sizes and over patch sizes, from a sample of the distinct boxes."""
    sample_K = np.random.default_rng(1).permutation(len(boxes_K4))[:SWEPT_BOXES]
    by_batch = [ExactRoad(patch_px=PATCH_PX, batch_patches=batch) for batch in BATCHES]
    by_side = [ExactRoad(patch_px=side) for side in PATCH_SIDES]
    seconds = least_seconds(pair, boxes_K4[sample_K], perceive, [*by_batch, *by_side])
    per_box = [one / SWEPT_BOXES for one in seconds]
    batches, sides = per_box[: len(BATCHES)], per_box[len(BATCHES) :]
    return {
        "exact_sweep_boxes_timed": SWEPT_BOXES,
        "exact_ms_per_distinct_box_by_batch_patches": {
            str(batch): 1e3 * one for batch, one in zip(BATCHES, batches, strict=True)
        },
        "exact_seconds_per_image_by_patch_px": {
            str(side): one * len(boxes_K4) for side, one in zip(PATCH_SIDES, sides, strict=True)
        },
    }


def least_seconds(
    pair: Pair, boxes_K4: Int64Array, perceive: Perceive, roads: Sequence[ExactRoad]
) -> list[float]:
    """The least of three times of every road, taken in turns."""
    asked = [partial(road_distances, pair, boxes_K4, perceive, road) for road in roads]
    rounds = [[timed(ask)[1] for ask in asked] for _ in range(3)]
    return [min(times) for times in zip(*rounds, strict=True)]
