"""Bring a photograph into the pose and size of the line's board images."""

from __future__ import annotations

from typing import assert_never

import cv2
import numpy as np

from tasks.alignment.settings import AlignmentSettings, NoAlignment
from tasks.vocabulary.arrays import UInt8Array


def align(photograph_HWC: UInt8Array, settings: AlignmentSettings) -> UInt8Array:
    """Board image `uint8 [side, side, C]` of one photograph `uint8 [H, W, C]`."""
    match settings:
        case NoAlignment():
            return resize_by_area(photograph_HWC, settings.side_px)
        case _:
            assert_never(settings)


def resize_by_area(photograph_HWC: UInt8Array, side_px: int) -> UInt8Array:
    """Square `uint8 [side, side, C]`; each pixel is the mean of the area it covers (no aliasing)."""
    resized = cv2.resize(photograph_HWC, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8).reshape(side_px, side_px, photograph_HWC.shape[2])
