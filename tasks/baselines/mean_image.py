"""The trivial rival: how far an image is from the mean of the normals."""

from __future__ import annotations

import numpy as np

from tasks.baselines.patch_errors import require_shape
from tasks.baselines.rival import Normals, Rival
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array


class MeanImage(Rival):
    """Mean absolute difference from the pixel-wise mean of the normals, in units of [0, 1]."""

    columns = ("difference",)

    def __init__(self, normals: Normals) -> None:
        self._mean_HWC = normals.images_NHWC.mean(axis=0, dtype=np.float64) / 255.0
        self.state_bytes = self._mean_HWC.nbytes

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the difference, mean over channels."""
        require_shape(image_HWC, self._mean_HWC.shape)
        difference_HWC = np.abs(image_HWC / 255.0 - self._mean_HWC)
        return np.asarray(difference_HWC.mean(axis=2), dtype=np.float32)

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        return np.array([self.heat(image_HWC).mean(dtype=np.float64)])
