"""The canvas on which a board is drawn: its design with a border all round, supersampled.

Three pixel grids: design px (the photograph of an unperturbed board), photograph px, canvas px. In
all of them the centre of the first pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tasks.synthesis.drawing import Sprite
from tasks.synthesis.materials import OPACITY, SURFACE_CHANNELS, TILT_X
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array

CARRIER_SHARE = 0.06
CARRIER_PX = 24
SETTLED = 1e-6


@dataclass(frozen=True)
class Frame:
    """Sizes of a canvas: `border_px` design px all round, `supersampling` canvas px to one."""

    height_px: int
    width_px: int
    border_px: int
    supersampling: int

    @property
    def canvas_height(self) -> int:
        """Rows of the canvas."""
        return (self.height_px + 2 * self.border_px) * self.supersampling

    @property
    def canvas_width(self) -> int:
        """Columns of the canvas."""
        return (self.width_px + 2 * self.border_px) * self.supersampling

    def canvas(self, place_px: float) -> float:
        """Map a design coordinate (x or y) to the canvas."""
        return self.supersampling * (place_px + self.border_px) + (self.supersampling - 1) / 2

    def canvas_points(self, points_N2: Float64Array) -> Float64Array:
        """Map design points to the canvas."""
        border_px, factor = self.border_px, self.supersampling
        return factor * (points_N2 + border_px) + (factor - 1) / 2


def frame_for(height_px: int, width_px: int) -> Frame:
    """Choose border and supersampling: small boards can afford, and need, finer drawing."""
    longer_px = max(height_px, width_px)
    supersampling = 3 if longer_px <= 320 else 2 if longer_px <= 1600 else 1
    border_px = round(CARRIER_SHARE * longer_px) + CARRIER_PX
    return Frame(height_px, width_px, border_px, supersampling)


@dataclass(frozen=True)
class Placement:
    """A sprite centred at a place in design px.

    `tilt_gain` steepens or flattens its slopes, `lean_x/y` tips all of it (as solder joints differ).
    """

    sprite: Sprite
    x_px: float
    y_px: float
    angle_deg: float = 0.0
    tilt_gain: float = 1.0
    lean_x: float = 0.0
    lean_y: float = 0.0


@dataclass(frozen=True)
class Region:
    """A rectangle of the canvas, in canvas px."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.bottom <= self.top or self.right <= self.left

    def within(self, other: Region) -> Region:
        """Cut it to another region."""
        return Region(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def joined(self, other: Region) -> Region:
        """Return the smallest region that holds both."""
        return Region(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


def whole_canvas(frame: Frame) -> Region:
    """Return the region of all pixels."""
    return Region(0, 0, frame.canvas_height, frame.canvas_width)


def corner_if_settled(placement: Placement, frame: Frame) -> tuple[int, int] | None:
    """Return (top, left) of a sprite whose pixels fall on canvas pixels as they are, else None."""
    height, width = placement.sprite.layers_HWC.shape[:2]
    top = frame.canvas(placement.y_px) - (height - 1) / 2
    left = frame.canvas(placement.x_px) - (width - 1) / 2
    if placement.angle_deg or abs(top - round(top)) > SETTLED or abs(left - round(left)) > SETTLED:
        return None
    return round(top), round(left)


def settle(placement: Placement, frame: Frame) -> Placement:
    """Resample a sprite once for a place where it is painted often: it then needs no more."""
    place = footprint(placement, frame)
    layers_HWC = np.rint(moved_layers(placement, frame, place)).astype(np.uint8)
    offset_px = frame.canvas(0.0)
    return Placement(
        Sprite(layers_HWC),
        ((place.left + place.right - 1) / 2 - offset_px) / frame.supersampling,
        ((place.top + place.bottom - 1) / 2 - offset_px) / frame.supersampling,
    )


def footprint(placement: Placement, frame: Frame) -> Region:
    """Find the canvas pixels that a placement can change."""
    height, width = placement.sprite.layers_HWC.shape[:2]
    corner = corner_if_settled(placement, frame)
    if corner is not None:
        top, left = corner
        return Region(top, left, top + height, left + width)
    cosine = abs(np.cos(np.radians(placement.angle_deg)))
    sine = abs(np.sin(np.radians(placement.angle_deg)))
    half_width = (cosine * width + sine * height) / 2 + 1
    half_height = (sine * width + cosine * height) / 2 + 1
    x, y = frame.canvas(placement.x_px), frame.canvas(placement.y_px)
    return Region(
        int(np.floor(y - half_height)),
        int(np.floor(x - half_width)),
        int(np.ceil(y + half_height)) + 1,
        int(np.ceil(x + half_width)) + 1,
    )


def paint(surface_HWC: UInt8Array, origin: Region, placement: Placement, frame: Frame) -> None:
    """Paint a placement on the part of a surface that starts at `origin`, in place."""
    place = footprint(placement, frame)
    visible = place.within(origin)
    if visible.empty:
        return
    layers_HWC = moved_layers(placement, frame, place)[
        visible.top - place.top : visible.bottom - place.top,
        visible.left - place.left : visible.right - place.left,
    ]
    target_HWC = surface_HWC[
        visible.top - origin.top : visible.bottom - origin.top,
        visible.left - origin.left : visible.right - origin.left,
    ]
    clear_HW1 = 1.0 - layers_HWC[..., OPACITY:] * np.float32(1 / 255)
    blended_HWC = target_HWC * clear_HW1 + layers_HWC[..., :SURFACE_CHANNELS]
    target_HWC[...] = np.clip(blended_HWC + 0.5, 0.0, 255.0)


def moved_layers(placement: Placement, frame: Frame, place: Region) -> Float32Array:
    """Resample a sprite where it lies on the canvas, and tip its slopes."""
    if corner_if_settled(placement, frame) is not None:
        moved_HWC: Float32Array = placement.sprite.layers_HWC.astype(np.float32)
    else:
        moved_HWC = resampled(placement, frame, place)
    if placement.tilt_gain != 1.0 or placement.lean_x or placement.lean_y:
        opaque_HW = moved_HWC[..., OPACITY] * np.float32(128 / 255)
        for channel, lean in enumerate((placement.lean_x, placement.lean_y), start=TILT_X):
            slope_HW = moved_HWC[..., channel] - opaque_HW
            leaning_HW = opaque_HW + placement.tilt_gain * slope_HW + lean * opaque_HW
            moved_HWC[..., channel] = np.clip(leaning_HW, 0.0, 2 * opaque_HW)
    return moved_HWC


def resampled(placement: Placement, frame: Frame, place: Region) -> Float32Array:
    """Turn and move a sprite onto the pixels of a region, in one interpolation."""
    layers_HWC = placement.sprite.layers_HWC
    height, width = layers_HWC.shape[:2]
    cosine = np.cos(np.radians(placement.angle_deg))
    sine = np.sin(np.radians(placement.angle_deg))
    turn_22 = np.array([[cosine, -sine], [sine, cosine]])
    centre_2 = np.array([(width - 1) / 2, (height - 1) / 2])
    goal_2 = np.array(
        [frame.canvas(placement.x_px) - place.left, frame.canvas(placement.y_px) - place.top]
    )
    matrix_23 = np.column_stack([turn_22, goal_2 - turn_22 @ centre_2])
    size = (place.right - place.left, place.bottom - place.top)
    # OpenCV warps at most four channels at once.
    halves = [
        cv2.warpAffine(layers_HWC[..., :4], matrix_23, size),
        cv2.warpAffine(layers_HWC[..., 4:], matrix_23, size),
    ]
    return np.concatenate(halves, axis=2).astype(np.float32)
