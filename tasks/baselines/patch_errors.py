"""How two images differ, patch by patch, and the worst of it (GanoDIP, section 5.2, equation 3).

Legend: H/W image height and width, C channels, Y/X rows and columns of patches.
"""

from __future__ import annotations

import math

import numpy as np

from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError


def patch_errors(first_HWC: Float32Array, second_HWC: Float32Array, patch_px: int) -> Float32Array:
    """Mean squared error of each `patch_px` square, `[Y, X]`; values in [0, 1].

    Patches at the right and lower edge are cut where the sides are no multiples, and are means
    over what there is.
    """
    height, width, channels = first_HWC.shape
    # Rows are summed first: they lie in one piece, channels beside one another.
    squares_HX = np.square(first_HWC - second_HWC).reshape(height, width * channels)
    rows_Y, columns_X = np.arange(0, height, patch_px), np.arange(0, width, patch_px)
    sums_YX = np.add.reduceat(
        np.add.reduceat(squares_HX, rows_Y, axis=0), columns_X * channels, axis=1
    )
    heights_Y, widths_X = np.diff(rows_Y, append=height), np.diff(columns_X, append=width)
    return np.asarray(sums_YX / (np.outer(heights_Y, widths_X) * channels), dtype=np.float32)


def worst_mean(errors: Float32Array | Float64Array, share: float) -> float:
    """Mean of the worst `share` of all values, rounded up: of one at least."""
    # A share of 0.15 of 20 is not the four that 3.0000000000000004 would be rounded up to.
    count = max(math.ceil(share * errors.size - 1e-9), 1)
    worst = np.partition(errors, errors.size - count, axis=None)[-count:]
    return float(worst.mean(dtype=np.float64))


def spread(errors_YX: Float32Array, patch_px: int, height: int, width: int) -> Float32Array:
    """Each patch's value at each of its pixels, `[H, W]`."""
    rows_HX = np.repeat(errors_YX, patch_px, axis=0)[:height]
    return np.repeat(rows_HX, patch_px, axis=1)[:, :width]


def unit_range(image_HWC: UInt8Array) -> Float32Array:
    """Grey levels as float32 in [0, 1]."""
    return np.asarray(image_HWC, dtype=np.float32) / np.float32(255)


def require_shape(image_HWC: UInt8Array, shape: tuple[int, ...]) -> None:
    """`InputError` for an image that is not as large as the normals: numpy might stretch it."""
    if image_HWC.shape != shape:
        raise InputError(
            f"The normals are {shape}, the image is {image_HWC.shape}.",
            "Give aligned images of the line's own size.",
        )
