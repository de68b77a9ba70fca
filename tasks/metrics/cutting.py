"""Patches cut out of an input and its reconstruction, sorted by size, each distinct box once.

Legend: C channels, H/W image height and width, Q candidates of all settings, K distinct boxes, of
them B of one side s, N pixel values of all patches.
"""

from __future__ import annotations

import numpy as np

from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.pairs import Layout, Patches, PatchPairs
from tasks.vocabulary.arrays import Int64Array
from tasks.vocabulary.errors import InputError


def cut_patches(
    comparison: Comparison, *settings: Suspects
) -> tuple[PatchPairs, tuple[Int64Array, ...]]:
    """Cut both images at the distinct boxes among all candidates, whoever suspects them.

    Beside the pairs, the places of each setting's candidates among them. Raises what `require_fit`
    raises, and an `InputError` for negative pixel values, which no distance is meant for.
    """
    channels, height, width = comparison.input_CHW.shape
    for suspects in settings:
        require_fit(suspects, height, width)
    boxes_Q4 = np.concatenate([suspects.boxes_Q4 for suspects in settings])
    sides_Q = boxes_Q4[:, 2] - boxes_Q4[:, 0]
    # One integer a box: sorted by side, and many times faster to sort than rows of four.
    keys_Q = (sides_Q * height + boxes_Q4[:, 0]) * width + boxes_Q4[:, 1]
    _, first_K, place_Q = np.unique(keys_Q, return_index=True, return_inverse=True)
    sides_K, corners_K = sides_Q[first_K], keys_Q[first_K] % (height * width)
    by_side = [(int(side), corners_K[sides_K == side]) for side in np.unique(sides_K)]
    layout = Layout(tuple((len(corners), channels, side, side) for side, corners in by_side))
    index_N = np.concatenate(
        [pixel_index(corners, side, comparison.input_CHW.shape) for side, corners in by_side]
    )
    x_N, y_N = comparison.input_CHW.take(index_N), comparison.reconstruction_CHW.take(index_N)
    if min(x_N.min(), y_N.min()) < 0:
        raise InputError("Images hold negative pixel values.", "Pass images in [0, 1].")
    ends = np.cumsum([len(suspects.boxes_Q4) for suspects in settings])
    places = tuple(np.split(place_Q.reshape(-1), ends[:-1]))
    return PatchPairs(Patches(x_N, layout), Patches(y_N, layout)), places


def pixel_index(corners_B: Int64Array, side: int, image_shape: tuple[int, ...]) -> Int64Array:
    """Places of the pixels of B squares in a flat image, by square, channel, row and column.

    `corners_B`: places of the upper left pixels in the first channel.
    """
    channels, height, width = image_shape
    steps_C = np.arange(channels) * (height * width)
    steps_s = np.arange(side)
    steps_Css = (steps_C[:, None, None] + (steps_s * width)[:, None]) + steps_s
    return (corners_B[:, None] + steps_Css.reshape(-1)).reshape(-1)


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
