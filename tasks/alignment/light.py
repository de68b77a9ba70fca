"""Take the light out of an image, so that only what the board shows is registered."""

from __future__ import annotations

import cv2
import numpy as np

from tasks.vocabulary.arrays import Float32Array, UInt8Array

# Light is what changes over this share of the image's side.
LIGHT_SHARE = 1 / 12
# Spread below this many grey levels is noise, not to be blown up.
NOISE_LEVELS = 6.0
# So many spreads above and below the mean are kept in eight bits.
KEPT_SPREADS = 3.0


def without_light(image_HW: UInt8Array) -> Float32Array:
    """Take the local mean out and divide by the local spread: gain, gradient and vignette are gone."""
    image = image_HW.astype(np.float32)
    reach_px = max(2, round(max(image_HW.shape) * LIGHT_SHARE))
    centred = image - _around(image, reach_px)
    spread = np.sqrt(_around(centred * centred, reach_px))
    return np.asarray(centred / (spread + NOISE_LEVELS), dtype=np.float32)


def _around(image: Float32Array, reach_px: int) -> Float32Array:
    """Mean of the surroundings; two box filters, whose time does not grow with their reach."""
    size = (2 * reach_px + 1, 2 * reach_px + 1)
    return np.asarray(cv2.blur(cv2.blur(image, size), size), dtype=np.float32)


def even(image_HW: UInt8Array) -> UInt8Array:
    """The same in eight bits, for what works on nothing else: 127.5 is the local mean."""
    scaled = without_light(image_HW) * np.float32(127.5 / KEPT_SPREADS) + np.float32(127.5)
    return np.asarray(np.clip(np.rint(scaled), 0, 255), dtype=np.uint8)
