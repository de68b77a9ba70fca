"""An image as the maps of a frozen trunk, of its reconstruction too: what a trained network reads.

The 3D-printing paper (section 4.6) cuts VGG-16 after its fourth block, freezes three and trains the
fourth. Here the frozen part is the line's perception up to one of its strides; what is trained, the
judgement `network` trains in every training part.

Legend: C channels, h/w positions of the map, K numbers.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from tasks.baselines.positions import chosen_maps
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import SiameseSettings, SupervisedSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array


class FrozenMaps(Rival):
    """Numbers of one map of the input, and of the reconstruction for a Siamese network; learns nothing.

    Columns `<side>/<channel>/<row>/<column>`. A map of more than `largest_side` positions a side is
    averaged down to that (departure: it keeps rows of large images small). The reconstruction goes
    through the trunk at 8 bits, as a stored image does. No heat: a place is known to the fitted
    network alone, see `tasks.classification.siamese`.
    """

    state_bytes = 0

    def __init__(self, normals: Normals, settings: SiameseSettings | SupervisedSettings) -> None:
        self._features, self._reconstruct = normals.features, normals.reconstruct
        (self._map,) = chosen_maps(normals.strides, (settings.stride,))
        self._largest = settings.largest_side
        self._siamese = settings.kind == "siamese"
        channels, height, width = self._side(normals.images_NHWC[0]).shape
        self.columns = tuple(
            f"{side}/{channel}/{row}/{column}"
            for side in ("input", "reconstruction")[: 1 + self._siamese]
            for channel in range(channels)
            for row in range(height)
            for column in range(width)
        )

    def heat(self, image_HWC: UInt8Array) -> None:
        """Give nothing: see the class."""

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        sides = [self._side(image_HWC)]
        if self._siamese:
            drawn_HWC = self._reconstruct(image_HWC)
            if not np.isfinite(drawn_HWC).all():
                return np.full(len(self.columns), np.nan)
            levels_HWC = np.clip(np.rint(255.0 * drawn_HWC), 0, 255).astype(np.uint8)
            sides.append(self._side(levels_HWC))
        return np.concatenate([one.ravel() for one in sides]).astype(np.float64)

    def _side(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the map, `[C, h, w]`."""
        map_Chw = torch.from_numpy(np.ascontiguousarray(self._features(image_HWC)[self._map]))
        height, width = (min(length, self._largest) for length in map_Chw.shape[1:])
        made = functional.adaptive_avg_pool2d(map_Chw[None], (height, width))[0]
        return np.asarray(made.numpy(), dtype=np.float32)
