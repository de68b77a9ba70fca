"""What of an image can be told without looking at the product: light, frame, focus, blocks.

Legend: H height, W width, C channels, Q quantiles. Grey is the mean of the channels, from 0 to 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.vocabulary.arrays import Float32Array, Float64Array

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_FRAME = 0.05
_CENTRE = (0.25, 0.75)
# Quantiles of every k-th pixel: sorting 20 megapixels would take longer than all else together.
_SORTED_AT_MOST = 1 << 20
_JPEG_BLOCK_PX = 8


@dataclass(frozen=True, eq=False)
class Picture:
    """One image in grey; `cast_2` is how much redder and bluer than green it is, 0 for grey ones.

    `ends_2` are the darkest and the brightest value that a pixel can have.
    """

    grey_HW: Float32Array
    cast_2: tuple[float, float] = (0.0, 0.0)
    ends_2: tuple[float, float] = (0.0, 255.0)

    @classmethod
    def of(cls, pixels_HWC: NDArray[np.generic]) -> Picture:
        """Picture of `[H, W]` or `[H, W, C]`, C 1 or 3, in the order red, green, blue."""
        deep = pixels_HWC if pixels_HWC.ndim == 3 else pixels_HWC[..., None]
        grey_HW = deep.mean(axis=2, dtype=np.float32)
        if deep.shape[2] != 3:
            return cls(grey_HW)
        red, green, blue = (float(deep[..., at].mean(dtype=np.float64)) for at in range(3))
        return cls(grey_HW, (red - green, blue - green))

    def normalised(self) -> Picture | None:
        """Return it with zero mean and unit spread; None for a uniform one, which has no spread."""
        mean = float(self.grey_HW.mean(dtype=np.float64))
        spread = float(self.grey_HW.std(dtype=np.float64))
        if spread < 1e-6:
            return None
        low, high = self.ends_2
        return Picture(
            (self.grey_HW - np.float32(mean)) / np.float32(spread),
            (self.cast_2[0] / spread, self.cast_2[1] / spread),
            ((low - mean) / spread, (high - mean) / spread),
        )

    @cached_property
    def quantiles_Q(self) -> Float64Array:
        """`[Q]` grey at `QUANTILES`."""
        step = max(1, int(np.ceil(np.sqrt(self.grey_HW.size / _SORTED_AT_MOST))))
        return np.quantile(self.grey_HW[::step, ::step], QUANTILES).astype(np.float64)

    @cached_property
    def frame(self) -> tuple[float, float]:
        """Mean and spread of the outer frame, 5 % of each side wide and at least one pixel."""
        height, width = self.grey_HW.shape
        rows, columns = (max(1, round(_FRAME * side)) for side in (height, width))
        inner_HW = np.zeros((height, width), dtype=np.bool_)
        inner_HW[rows : height - rows, columns : width - columns] = True
        outer = self.grey_HW[~inner_HW]
        return float(outer.mean(dtype=np.float64)), float(outer.std(dtype=np.float64))

    @cached_property
    def gradients(self) -> tuple[Float32Array, Float32Array]:
        """Differences of neighbours along columns and along rows."""
        return np.diff(self.grey_HW, axis=0), np.diff(self.grey_HW, axis=1)


def mean(picture: Picture) -> float:
    """Mean grey."""
    return float(picture.grey_HW.mean(dtype=np.float64))


def spread(picture: Picture) -> float:
    """Standard deviation of grey."""
    return float(picture.grey_HW.std(dtype=np.float64))


def frame_mean(picture: Picture) -> float:
    """Mean grey of the outer frame."""
    return picture.frame[0]


def frame_spread(picture: Picture) -> float:
    """Standard deviation of grey in the outer frame."""
    return picture.frame[1]


def frame_difference(picture: Picture) -> float:
    """Mean grey of the outer frame less that of the middle half; NaN where there is no middle."""
    return picture.frame[0] - _mean(_middle(picture.grey_HW))


def lit_from_left(picture: Picture) -> float:
    """Mean grey of the left half less that of the right half."""
    half = picture.grey_HW.shape[1] // 2
    return _mean(picture.grey_HW[:, :half]) - _mean(picture.grey_HW[:, -half or None :])


def lit_from_above(picture: Picture) -> float:
    """Mean grey of the upper half less that of the lower half."""
    half = picture.grey_HW.shape[0] // 2
    return _mean(picture.grey_HW[:half]) - _mean(picture.grey_HW[-half or None :])


def gradient_energy(picture: Picture) -> float:
    """Mean squared difference of neighbours."""
    return _mean_square(picture.gradients[0]) + _mean_square(picture.gradients[1])


def sharpness(picture: Picture) -> float:
    """Variance of the Laplacian of four neighbours."""
    grey = picture.grey_HW
    if min(grey.shape) < 3:
        return float("nan")
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4.0 * grey[1:-1, 1:-1]).var(dtype=np.float64))


def blocks(picture: Picture) -> float:
    """Mean step at the borders of 8 x 8 blocks over that elsewhere: what JPEG leaves in pixels.

    Also where the file is no JPEG any more. About 1 where there are no blocks; NaN below 16 px.
    """
    steps = [np.abs(picture.gradients[0]).mean(axis=1), np.abs(picture.gradients[1]).mean(axis=0)]
    if min(step.size for step in steps) < 2 * _JPEG_BLOCK_PX - 1:
        return float("nan")
    at_border = [np.arange(step.size) % _JPEG_BLOCK_PX == _JPEG_BLOCK_PX - 1 for step in steps]
    border = _mean(np.concatenate([s[b] for s, b in zip(steps, at_border, strict=True)]))
    inside = _mean(np.concatenate([s[~b] for s, b in zip(steps, at_border, strict=True)]))
    return border / inside if inside > 0.0 else float("nan")


def clipped(picture: Picture) -> float:
    """Share of pixels that are as dark or as bright as pixels can be."""
    low, high = picture.ends_2
    slack = 1e-4 * (high - low)
    ends_HW = (picture.grey_HW <= low + slack) | (picture.grey_HW >= high - slack)
    return float(ends_HW.mean())


def grey_levels(picture: Picture) -> float:
    """How many different grey levels occur, of every k-th pixel in a large image."""
    step = max(1, int(np.ceil(np.sqrt(picture.grey_HW.size / _SORTED_AT_MOST))))
    return float(np.unique(np.rint(picture.grey_HW[::step, ::step])).size)


def red_cast(picture: Picture) -> float:
    """Mean of red less that of green."""
    return picture.cast_2[0]


def blue_cast(picture: Picture) -> float:
    """Mean of blue less that of green."""
    return picture.cast_2[1]


def _middle(grey_HW: Float32Array) -> Float32Array:
    rows, columns = (
        slice(round(_CENTRE[0] * side), round(_CENTRE[1] * side)) for side in grey_HW.shape
    )
    return grey_HW[rows, columns]


def _mean(values: Float32Array) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")


def _mean_square(values: Float32Array) -> float:
    return float(np.square(values).mean(dtype=np.float64)) if values.size else 0.0
