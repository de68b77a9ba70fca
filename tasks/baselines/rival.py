"""What every rival is made of and offers: the seam between this room and who compares.

Legend: N images, H/W image height and width, C channels, h/w map height and width, l layer, K numbers
that describe one image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import NoAnswerError


@dataclass(frozen=True)
class Normals:
    """What rivals learn from: the role reconstruction with its validation part, never development.

    | field | gives |
    | --- | --- |
    | `images_NHWC` | stored board images |
    | `features` | maps `[C_l, h_l, w_l]` of one `[H, W, C]`, shallow to deep |
    | `strides` | input pixels that one position of each map steps over |
    | `reconstruct` | one `[H, W, C]` as the champion's reconstructor draws it, in [0, 1] |
    | `own_scores` | the own scores that it gives one `[H, W, C]`, by name; maybe none |
    | `seed` | of everything random: samples of images, projections, mixtures |
    """

    images_NHWC: UInt8Array
    features: Callable[[UInt8Array], tuple[Float32Array, ...]]
    strides: tuple[int, ...]
    reconstruct: Callable[[UInt8Array], Float32Array]
    own_scores: Callable[[UInt8Array], Mapping[str, float]]
    seed: int


class Rival(ABC):
    """Something learnt from normals that describes an image by a row of numbers.

    Higher is more suspect, but for the pooled features that a supervised judgement reads.
    A row depends on its image alone. Rivals pickle where the functions of their normals do.

    | attribute | meaning |
    | --- | --- |
    | `columns` | names of the K numbers; `group/name` where columns belong to groups |
    | `state_bytes` | kept in memory to describe an image, without the networks' weights |
    """

    columns: tuple[str, ...]
    state_bytes: int

    @final
    def describe(self, image_HWC: UInt8Array) -> Float64Array:
        """Give `[K]` finite numbers; `NoAnswerError` where there are none: the image is flagged."""
        row_K = self._row(image_HWC)
        if row_K.shape != (len(self.columns),) or not np.isfinite(row_K).all():
            raise NoAnswerError(
                f"{type(self).__name__} has no finite numbers for this image.",
                "Look at the image by eye; check that its features are finite.",
            )
        return row_K

    @abstractmethod
    def heat(self, image_HWC: UInt8Array) -> Float32Array | None:
        """Give suspicion per pixel, `[H, W]`; None where the rival cannot localise."""

    @abstractmethod
    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        """Give `[K]`, which need not be finite."""
