"""Zoom-out-and-shift: the boxes around the pixels that differ most (VQGanoDIP, section 3.1.2).

Legend: H height, W width, P pixels, K boxes, U distinct boxes; a box is (top, left, bottom, right)
in pixels, the last two exclusive.
"""

from __future__ import annotations

import numpy as np

from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

# The centred box and its eight neighbours, row by row, in units of one box side.
SHIFTS_92 = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)], dtype=np.int64)


def worst_pixels(difference_HW: Float32Array, pixels: int) -> Int64Array:
    """Find the pixels with the largest difference: `int64 [P, 2]` (row, column), worst first.

    Equal differences are taken in reading order, so that the same image gives the same pixels on
    every machine. A difference that is not finite is a `NoAnswerError`; an image with fewer pixels
    than asked for is an `InputError`.
    """
    if difference_HW.ndim != 2 or difference_HW.size < pixels:
        raise InputError(
            f"A difference of shape {difference_HW.shape} has no {pixels} pixels to choose.",
            "Lower candidates.pixels or use larger images.",
        )
    if not np.isfinite(difference_HW).all():
        raise NoAnswerError(
            "The difference image holds values that are not finite.",
            "Look at the image and at its reconstruction by eye.",
        )
    values = difference_HW.ravel()
    # One partition finds the smallest kept value; only that many pixels are then sorted.
    smallest = np.partition(values, values.size - pixels)[values.size - pixels]
    above = np.flatnonzero(values > smallest)
    ties = np.flatnonzero(values == smallest)[: pixels - above.size]
    above = above[np.argsort(-values[above], kind="stable")]
    chosen = np.concatenate([above, ties])
    return np.stack(np.divmod(chosen, difference_HW.shape[1]), axis=1).astype(np.int64)


def zoom_out_and_shift(
    pixels_P2: Int64Array, sizes: int, growth_px: int, height: int, width: int
) -> Int64Array:
    """All boxes around the pixels: `int64 [P * sizes * 9, 4]`, pixel by pixel, small sizes first.

    Size i has the side `s = (i + 1) * growth_px`. The centred box starts `s // 2` above and left of
    the pixel; its eight neighbours lie one side away. A box that sticks out is moved inside
    with its side kept (the paper is silent): no box is cut, so that patches of one size stay
    comparable. An image smaller than the largest box is an `InputError`.
    """
    largest = sizes * growth_px
    if min(height, width) < largest:
        raise InputError(
            f"An image of {height} x {width} pixels is smaller than the largest box, {largest} px.",
            "Lower candidates.sizes or candidates.growth_px, or use larger images.",
        )
    sides_S = (np.arange(sizes, dtype=np.int64) + 1) * growth_px
    offsets_S92 = SHIFTS_92[None] * sides_S[:, None, None] - (sides_S // 2)[:, None, None]
    corners_PS92 = pixels_P2[:, None, None, :] + offsets_S92[None]
    limits_S12 = np.array([height, width], dtype=np.int64) - sides_S[:, None, None]
    corners_PS92 = np.clip(corners_PS92, 0, limits_S12)
    ends_PS92 = corners_PS92 + sides_S[:, None, None]
    return np.concatenate([corners_PS92, ends_PS92], axis=-1).reshape(-1, 4)


def distinct_boxes(boxes_K4: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Find the distinct boxes `[U, 4]`, sorted, and each given box's place among them `[K]`."""
    spans = boxes_K4.max(axis=0) + 1
    # One integer a box sorts ten times faster than rows of four.
    keys_K = np.ravel_multi_index(tuple(boxes_K4.T), tuple(int(span) for span in spans))
    _, first, inverse = np.unique(keys_K, return_index=True, return_inverse=True)
    return boxes_K4[first], inverse.astype(np.int64).reshape(-1)


def highest(scores_K: Float64Array, kept: int) -> Int64Array:
    """Rank scores: indices of the `kept` highest, highest first, ties in their given order."""
    return np.argsort(-scores_K, kind="stable")[:kept].astype(np.int64)
