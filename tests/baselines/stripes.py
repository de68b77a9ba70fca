"""Small striped boards, and functions that stand in for the networks; all of it pickles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.baselines.rival import Normals
from tasks.vocabulary.arrays import Float32Array, UInt8Array

SIDE_PX = 32
STRIDES = (4, 8)


def boards(count: int, seed: int, defect: bool = False) -> UInt8Array:
    """`[N, H, W, 1]`: stripes with noise; a defect is a bright square at a fixed place."""
    generator = np.random.default_rng(seed)
    columns = np.arange(SIDE_PX)
    images = 100.0 + 20.0 * np.sin(columns / 3)[None, None, :, None]
    images = images + generator.normal(0, 4, (count, SIDE_PX, SIDE_PX, 1))
    if defect:
        images[:, 8:16, 16:24] += 90.0
    return np.clip(images, 0, 255).astype(np.uint8)


def features(image_HWC: UInt8Array) -> tuple[Float32Array, ...]:
    """Mean and spread of the grey levels in squares, `[2, h, w]` for each stride."""
    maps = []
    for stride in STRIDES:
        squares = (
            image_HWC[..., 0]
            .astype(np.float32)
            .reshape(SIDE_PX // stride, stride, SIDE_PX // stride, stride)
        )
        both = np.stack([squares.mean(axis=(1, 3)), squares.std(axis=(1, 3))]) / 255
        maps.append(both.astype(np.float32))
    return tuple(maps)


@dataclass(frozen=True)
class Drawn:
    """Draws every board as one and the same picture."""

    picture_HWC: Float32Array

    def __call__(self, _: UInt8Array) -> Float32Array:
        return self.picture_HWC


@dataclass(frozen=True)
class Scored:
    """Own scores of a system that draws every board as one and the same picture."""

    picture_HWC: Float32Array

    def __call__(self, image_HWC: UInt8Array) -> dict[str, float]:
        errors_HWC = np.abs(image_HWC / 255.0 - self.picture_HWC)
        return {"residual_image_l1": float(errors_HWC.mean()), "kl": float(errors_HWC.max())}


def normals(count: int = 12, seed: int = 0) -> Normals:
    """What rivals learn from here."""
    images_NHWC = boards(count, seed=1)
    mean_HWC = (images_NHWC.mean(axis=0) / 255.0).astype(np.float32)
    return Normals(images_NHWC, features, STRIDES, Drawn(mean_HWC), Scored(mean_HWC), seed)
