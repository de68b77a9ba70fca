"""Shapes as signed distances, and sprites: small drawings that are painted on a board's surface.

Legend: H height, W width, C the channels of `materials`. A signed distance is in design px,
negative inside. All coordinates are design px from the sprite's centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tasks.synthesis.materials import (
    FLAT,
    FULL_TILT,
    OPACITY,
    SPRITE_CHANNELS,
    TILT_X,
    TILT_Y,
    Material,
)
from tasks.vocabulary.arrays import Float32Array, UInt8Array

# Coordinates, distances and slopes over a drawing, one a pixel.
Plane = NDArray[np.floating[Any]]
STEEPEST = 0.96


@dataclass(frozen=True)
class Sprite:
    """A drawing with opacity: `layers_HWC` uint8, all channels multiplied by the opacity."""

    layers_HWC: UInt8Array


class Drawing:
    """A sprite in the making, `supersampling` pixels to one design pixel."""

    def __init__(self, width_px: float, height_px: float, supersampling: int) -> None:
        self.supersampling = supersampling
        width = 2 * int(np.ceil(0.5 * width_px * supersampling)) + 3
        height = 2 * int(np.ceil(0.5 * height_px * supersampling)) + 3
        across_W = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / supersampling
        down_H = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / supersampling
        x_HW, y_HW = np.meshgrid(across_W, down_H)
        self.x_HW: Plane = x_HW
        self.y_HW: Plane = y_HW
        self.layers_HWC = np.zeros((height, width, SPRITE_CHANNELS), dtype=np.float32)

    def coverage(self, distance_HW: Plane) -> Plane:
        """How much of every pixel lies inside, in [0, 1]."""
        share_HW: Plane = np.clip(0.5 - distance_HW * self.supersampling, 0.0, 1.0)
        return share_HW

    def fill(
        self,
        distance_HW: Plane,
        material: Material,
        tilt: tuple[Plane, Plane] | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Paint a shape over what is there."""
        self.cover(self.coverage(distance_HW) * opacity, material, tilt)

    def cover(
        self,
        coverage_HW: Plane,
        material: Material,
        tilt: tuple[Plane, Plane] | None = None,
    ) -> None:
        """Paint a material as far as it covers each pixel; without a tilt it lies flat."""
        paint_C = material_bytes(material)
        self.layers_HWC *= 1.0 - coverage_HW[..., None]
        self.layers_HWC += coverage_HW[..., None] * paint_C
        if tilt is not None:
            for channel, part_HW in zip((TILT_X, TILT_Y), tilt, strict=True):
                leaning_HW = FULL_TILT * np.clip(part_HW, -STEEPEST, STEEPEST)
                self.layers_HWC[..., channel] += coverage_HW * leaning_HW

    def shade(self, distance_HW: Plane, reach_px: float, darkness: float) -> None:
        """Lay a soft shadow that fades `reach_px` outside a shape."""
        faded_HW = np.clip(1.0 - distance_HW / max(reach_px, 1e-6), 0.0, 1.0)
        self.cover(darkness * faded_HW**2, Material(0, 0, 0, 0.0, 0.9))

    def grain(self, rng: np.random.Generator, strength: float) -> None:
        """Give the colours a fine grain, in grey levels."""
        grain_HW = strength * rng.standard_normal(self.x_HW.shape, dtype=np.float32)
        grain_HW *= self.layers_HWC[..., OPACITY] / 255.0
        self.layers_HWC[..., :3] += grain_HW[..., None]

    def sprite(self, quarter_turns: int = 0) -> Sprite:
        """Finish the drawing, turned clockwise by quarters."""
        opacity_HW1 = self.layers_HWC[..., OPACITY:]
        layers_HWC = np.clip(self.layers_HWC, 0.0, opacity_HW1)
        layers_HWC = turned(layers_HWC, quarter_turns)
        return Sprite(np.ascontiguousarray(np.rint(layers_HWC).astype(np.uint8)))


def material_bytes(material: Material) -> Float32Array:
    """Return the eight channels of a fully opaque, flat material."""
    red, green, blue, gloss, roughness = material
    channels = [red, green, blue, FLAT, FLAT, 255.0 * gloss, 255.0 * roughness, 255.0]
    return np.array(channels, dtype=np.float32)


def turned(layers_HWC: Float32Array, quarter_turns: int) -> Float32Array:
    """Turn a drawing clockwise by quarters, its normals with it."""
    for _ in range(quarter_turns % 4):
        layers_HWC = np.rot90(layers_HWC, k=-1).copy()
        opaque_HW = layers_HWC[..., OPACITY] * (FLAT / 255.0)
        tilt_x_HW = layers_HWC[..., TILT_X] - opaque_HW
        tilt_y_HW = layers_HWC[..., TILT_Y] - opaque_HW
        # Clockwise on the screen (y down): x goes to y, y goes to -x.
        layers_HWC[..., TILT_X] = opaque_HW - tilt_y_HW
        layers_HWC[..., TILT_Y] = opaque_HW + tilt_x_HW
    return layers_HWC


def box_distance(
    x_HW: Plane, y_HW: Plane, width: float, height: float, radius: float = 0.0
) -> Float32Array:
    """Signed distance to a rectangle about the origin, its corners rounded."""
    radius = min(radius, width / 2, height / 2)
    beyond_x_HW = np.abs(x_HW) - (width / 2 - radius)
    beyond_y_HW = np.abs(y_HW) - (height / 2 - radius)
    outside_HW = np.hypot(np.maximum(beyond_x_HW, 0.0), np.maximum(beyond_y_HW, 0.0))
    inside_HW = np.minimum(np.maximum(beyond_x_HW, beyond_y_HW), 0.0)
    distance_HW: Float32Array = (outside_HW + inside_HW - radius).astype(np.float32)
    return distance_HW


def disc_distance(x_HW: Plane, y_HW: Plane, radius: float) -> Float32Array:
    """Signed distance to a disc about the origin."""
    distance_HW: Float32Array = (np.hypot(x_HW, y_HW) - radius).astype(np.float32)
    return distance_HW


def bevel(
    distance_HW: Plane, width_px: float, steepness: float
) -> tuple[Float32Array, Float32Array]:
    """Normals of an edge that falls away over `width_px` inside a shape's outline."""
    down_HW, across_HW = np.gradient(distance_HW)
    length_HW = np.maximum(np.hypot(across_HW, down_HW), 1e-6)
    lean_HW = steepness * np.clip(1.0 + distance_HW / width_px, 0.0, 1.0) / length_HW
    return (across_HW * lean_HW).astype(np.float32), (down_HW * lean_HW).astype(np.float32)


def folded(along_HW: Plane, count: int, pitch: float) -> Float32Array:
    """Fold a row of `count` equal things, centred, onto one: its local coordinate everywhere."""
    first = -(count - 1) / 2
    nearest_HW = np.clip(np.rint(along_HW / pitch - first), 0, count - 1) + first
    local_HW: Float32Array = (along_HW - nearest_HW * pitch).astype(np.float32)
    return local_HW


def text_coverage(
    drawing: Drawing, text: str, height_px: float, x: float, y: float
) -> Float32Array:
    """Coverage of printed text centred at (x, y), `height_px` from top to bottom."""
    rows, columns = drawing.x_HW.shape
    size = max(height_px * drawing.supersampling, 4.0)
    page = Image.new("L", (columns, rows), 0)
    centre = (
        (columns - 1) / 2 + x * drawing.supersampling,
        (rows - 1) / 2 + y * drawing.supersampling,
    )
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(page).text(centre, text, fill=255, font=font, anchor="mm")
    return np.asarray(page, dtype=np.float32) / 255.0


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, period_px: float
) -> Float32Array:
    """Noise of deviation about 1 whose bumps are `period_px` wide: coarse noise, enlarged."""
    rows = max(2, int(np.ceil(height / period_px)) + 1)
    columns = max(2, int(np.ceil(width / period_px)) + 1)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    enlarged = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, dtype=np.float32)
