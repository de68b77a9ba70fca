"""The score that the champion's own system decides by, as its paper has it."""

from __future__ import annotations

import numpy as np

from tasks.baselines.patch_errors import unit_range
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import OwnScoreSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError


class OwnScore(Rival):
    """One of the reconstructor's own scores, the first of them by default.

    `InputError` where the reconstructor has no such score. Heat is the plain difference.
    """

    state_bytes = 0

    def __init__(self, normals: Normals, settings: OwnScoreSettings) -> None:
        self._own_scores, self._reconstruct = normals.own_scores, normals.reconstruct
        offered = tuple(normals.own_scores(normals.images_NHWC[0]))
        if not offered or settings.score not in (None, *offered):
            raise InputError(
                f"The champion's reconstructor has no own score {settings.score or ''}".rstrip()
                + ".",
                f"Choose from {', '.join(offered)}."
                if offered
                else "Take another rival: `ganodip_score` judges any reconstruction.",
            )
        self.columns = (settings.score or offered[0],)

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the difference from the reconstruction at each pixel, mean over channels."""
        errors_HWC = np.abs(unit_range(image_HWC) - self._reconstruct(image_HWC))
        return np.asarray(errors_HWC.mean(axis=2), dtype=np.float32)

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        return np.array([self._own_scores(image_HWC)[self.columns[0]]])
