"""PaDiM (Defard et al. 2021): how far each place lies from what normals show there.

Legend: C channels, h/w height and width of a map.
"""

from __future__ import annotations

import numpy as np
import torch

from tasks.baselines.patch_errors import worst_mean
from tasks.baselines.positions import chosen_maps, enlarged
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import PlaceDensitySettings
from tasks.memory.places import PlaceMoments
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array


class PlaceDensity(Rival):
    """Mahalanobis distance at each place, by the largest of an image or a mean of its worst."""

    columns = ("distance",)

    def __init__(self, normals: Normals, settings: PlaceDensitySettings) -> None:
        self._features = normals.features
        self._share = settings.worst_share
        (self._chosen,) = chosen_maps(normals.strides, (settings.stride,))
        first_Chw = self._map(normals.images_NHWC[0])
        moments = PlaceMoments(first_Chw, settings.axes, normals.seed)
        for image_HWC in normals.images_NHWC:
            moments.add(self._map(image_HWC))
        self._model = moments.model()
        kept = (self._model.axes_DC, self._model.means_PD, self._model.whitening_PDD)
        self.state_bytes = sum(tensor.nbytes for tensor in kept)

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give each place's distance, enlarged to pixels and smoothed."""
        distances_hw = self._model.distances(self._map(image_HWC))
        return enlarged(distances_hw.ravel(), distances_hw.shape, image_HWC.shape[:2])

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        distances_P = self._model.distances(self._map(image_HWC)).astype(np.float64).ravel()
        if not np.isfinite(distances_P).all():
            return np.array([np.nan])
        if self._share is None:
            return np.array([distances_P.max()])
        return np.array([worst_mean(distances_P, self._share)])

    def _map(self, image_HWC: UInt8Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self._features(image_HWC)[self._chosen]))
