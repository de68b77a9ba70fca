"""Patches cut out of an input and its reconstruction, sorted by size, each distinct box once.

Legend: C channels, Q candidates, K distinct boxes of one side s, D = C * s * s, U distinct boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.rows import PatchMetric
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class PatchPairs:
    """Pairs of patches, one entry for each size; `place_Q` leads from candidates to patches."""

    input_KCss: tuple[Float64Array, ...]
    reconstruction_KCss: tuple[Float64Array, ...]
    place_Q: Int64Array


def cut_patches(comparison: Comparison, suspects: Suspects) -> PatchPairs:
    """Cut both images at the distinct boxes among the candidates.

    Raises what `require_fit` raises.
    """
    require_fit(suspects, *comparison.difference_HW.shape)
    distinct_U4, place_Q = np.unique(suspects.boxes_Q4, axis=0, return_inverse=True)
    sides_U = distinct_U4[:, 2] - distinct_U4[:, 0]
    by_side_U = np.argsort(sides_U, kind="stable")
    rank_U = np.empty_like(by_side_U)
    rank_U[by_side_U] = np.arange(len(by_side_U))
    groups = [distinct_U4[sides_U == side] for side in np.unique(sides_U)]
    return PatchPairs(
        tuple(patches(comparison.input_CHW, group) for group in groups),
        tuple(patches(comparison.reconstruction_CHW, group) for group in groups),
        rank_U[place_Q.reshape(-1)],
    )


def require_fit(suspects: Suspects, height: int, width: int) -> None:
    """Demand squares inside the image, one score a box, and pixels inside; else an `InputError`."""
    size = (height, width)
    starts_Q2, ends_Q2 = suspects.boxes_Q4[:, :2], suspects.boxes_Q4[:, 2:]
    sides_Q2 = ends_Q2 - starts_Q2
    pixels_P2 = suspects.pixels_P2
    if (
        len(pixels_P2) == 0
        or not 0 < len(starts_Q2) == len(suspects.scores_Q)
        or (sides_Q2[:, 0] != sides_Q2[:, 1]).any()
        or sides_Q2.min() < 1
        or min(starts_Q2.min(), pixels_P2.min()) < 0
        or (ends_Q2 > size).any()
        or (pixels_P2 >= size).any()
    ):
        raise InputError(
            f"The candidates do not fit an image of {height} x {width} pixels.",
            "Pass the candidates that were found on this very image.",
        )


def patches(image_CHW: Float32Array, boxes_K4: Int64Array) -> Float64Array:
    """Patches `float64 [K, C, s, s]` of an image at boxes of one side."""
    side = int(boxes_K4[0, 2] - boxes_K4[0, 0])
    windows = sliding_window_view(image_CHW, (side, side), axis=(1, 2))
    cut_CKss = windows[:, boxes_K4[:, 0], boxes_K4[:, 1]]
    return np.ascontiguousarray(cut_CKss.swapaxes(0, 1), dtype=np.float64)


def patch_values(row: PatchMetric, pairs: PatchPairs) -> Float64Array:
    """Compute a metric's value for every candidate, `[Q]`; equal boxes are computed once."""
    values = []
    for x_KCss, y_KCss in zip(pairs.input_KCss, pairs.reconstruction_KCss, strict=True):
        if row.layout == "image":
            values.append(row.function(x_KCss, y_KCss))
        else:
            count = len(x_KCss)
            values.append(row.function(x_KCss.reshape(count, -1), y_KCss.reshape(count, -1)))
    return np.concatenate(values)[pairs.place_Q]
