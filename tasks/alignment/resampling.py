"""Resampling photographs: reduced by area, warped by a pose, never interpolated twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from tasks.alignment.poses import inverse, reduction, resizing
from tasks.vocabulary.arrays import Float64Array, UInt8Array

# At least so many px of the reduced photograph make a board px.
LEAST_PX_LEFT = 1.9
# Samples may lie a little further apart than those px.
SPACING_SLACK = 0.3


def resize_by_area(photograph_HWC: UInt8Array, side_px: int) -> UInt8Array:
    """Square `uint8 [side, side, C]`; each pixel is the mean of the area it covers (no aliasing)."""
    resized = cv2.resize(photograph_HWC, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8).reshape(side_px, side_px, photograph_HWC.shape[2])


def reduce_by_area(image: UInt8Array, factor: int) -> UInt8Array:
    """`uint8 [H // factor, W // factor (, C)]`: means of factor x factor px; a remainder is cut off."""
    if factor == 1:
        return image
    height, width = image.shape[0] // factor, image.shape[1] // factor
    whole = image[: height * factor, : width * factor]
    reduced = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, dtype=np.uint8).reshape(height, width, *image.shape[2:])


def grey(image_HWC: UInt8Array) -> UInt8Array:
    """Luminance `uint8 [H, W]` of a grey or RGB image."""
    if image_HWC.shape[2] == 1:
        return image_HWC[..., 0]
    return np.asarray(cv2.cvtColor(image_HWC, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def warp(
    image: UInt8Array,
    pose_33: Float64Array,
    to_hw: tuple[int, int],
    interpolation: int = cv2.INTER_CUBIC,
) -> UInt8Array:
    """Bring an image into another frame; `pose_33` takes its px there. Beyond its edge it is repeated.

    A repeated edge looks like the board's own margin; black would look like a defect. How much
    of it there is, `overlap` says.
    """
    size, border = (to_hw[1], to_hw[0]), cv2.BORDER_REPLICATE
    if np.array_equal(pose_33[2], [0.0, 0.0, 1.0]):
        warped = cv2.warpAffine(image, pose_33[:2], size, flags=interpolation, borderMode=border)
    else:
        warped = cv2.warpPerspective(image, pose_33, size, flags=interpolation, borderMode=border)
    return np.asarray(warped, dtype=np.uint8).reshape(*to_hw, *image.shape[2:])


@dataclass(frozen=True, eq=False)
class Reductions:
    """A photograph `uint8 [H, W, C]` and what it becomes when reduced, each made once."""

    photograph_HWC: UInt8Array
    _made: dict[int, UInt8Array] = field(default_factory=dict)

    def by(self, factor: int) -> UInt8Array:
        """`uint8 [H // factor, W // factor, C]`."""
        if factor not in self._made:
            # By way of the half: that is what the warp needs as well, and the rest is then cheap.
            half = 2 if factor % 2 == 0 and factor > 2 else 1
            source = self.by(half) if half > 1 else self.photograph_HWC
            self._made[factor] = reduce_by_area(source, factor // half)
        return self._made[factor]


def warp_by_area(
    photograph: Reductions, pose_33: Float64Array, side_px: int, reference_hw: tuple[int, int]
) -> UInt8Array:
    """Board image `uint8 [side, side, C]` under a pose that takes photograph px to board px.

    A board px covers several photograph px: the photograph is reduced until about two of its px are
    left, and these are sampled about once each and averaged. Reduced any further, a board px would
    smear over its neighbours (measured: errors three times as large). The numbers come from the
    reference's size, not from this pose: every board of a line is filtered alike.
    """
    factor, samples = sampling(min(reference_hw) / side_px)
    side = side_px * samples
    finer_33 = resizing((side_px, side_px), (side, side))
    full_pose_33 = finer_33 @ pose_33 @ inverse(reduction(factor))
    # Between samples this close, lines are as good as curves, at a third of the time.
    interpolation = cv2.INTER_CUBIC if samples == 1 else cv2.INTER_LINEAR
    return reduce_by_area(
        warp(photograph.by(factor), full_pose_33, (side, side), interpolation), samples
    )


def sampling(step_px: float) -> tuple[int, int]:
    """By how much to reduce, and samples per board px each way, where a board px is `step_px` wide."""
    factor = max(1, int(step_px / LEAST_PX_LEFT))
    return factor, max(1, int(np.ceil(step_px / factor - SPACING_SLACK)))
