"""GanoDIP's anomaly score of the champion's reconstruction."""

from __future__ import annotations

import numpy as np

from tasks.baselines.patch_errors import patch_errors, spread, unit_range, worst_mean
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import GanodipScoreSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array


class GanodipScore(Rival):
    """Mean of the worst patch errors between an image and its reconstruction (equation 3).

    The reconstruction is the champion's and not a WGAN's with an encoder: the rival is the score,
    not the network behind it.
    """

    columns = ("worst_patches",)
    state_bytes = 0

    def __init__(self, normals: Normals, settings: GanodipScoreSettings) -> None:
        self._reconstruct = normals.reconstruct
        self._patch_px, self._share = settings.patch_px, settings.share

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the patch errors at each pixel."""
        return spread(self._errors(image_HWC), self._patch_px, *image_HWC.shape[:2])

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        return np.array([worst_mean(self._errors(image_HWC), self._share)])

    def _errors(self, image_HWC: UInt8Array) -> Float32Array:
        return patch_errors(unit_range(image_HWC), self._reconstruct(image_HWC), self._patch_px)
