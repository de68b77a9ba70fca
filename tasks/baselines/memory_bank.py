"""PatchCore's memory bank (Roth et al. 2022): how far positions are from all that normals showed.

Legend: N positions of all normals, P positions of one image, D features, E entries, B neighbours.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import softmax

from tasks.baselines.patch_errors import worst_mean
from tasks.baselines.positions import chosen_maps, enlarged, joined
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import MemoryBankSettings
from tasks.memory.coreset import greedy_centres, projected
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from tasks.vocabulary.errors import InputError


class MemoryBank(Rival):
    """Distance to the nearest entry, by the largest of an image or a mean of its worst."""

    columns = ("distance",)

    def __init__(self, normals: Normals, settings: MemoryBankSettings) -> None:
        self._features = normals.features
        self._settings = settings
        self._chosen = chosen_maps(normals.strides, settings.strides)
        considered_ND = self._considered(normals)
        count = min(settings.entries, math.ceil(settings.coreset_share * len(considered_ND)))
        first = int(np.random.default_rng(normals.seed).integers(len(considered_ND)))
        kept_E = greedy_centres(
            projected(considered_ND, settings.projection, normals.seed), count, first
        )
        self.bank_ED = considered_ND[kept_E]
        self._norms_E = np.einsum("ed,ed->e", self.bank_ED, self.bank_ED)
        self.state_bytes = self.bank_ED.nbytes + self._norms_E.nbytes

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give each position's distance, enlarged to pixels and smoothed."""
        features_PD, size = self._positions(image_HWC)
        distances_P = self._nearest(features_PD)[1]
        return enlarged(distances_P.astype(np.float32), size, image_HWC.shape[:2])

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        features_PD, _ = self._positions(image_HWC)
        nearest_P, distances_P = self._nearest(features_PD)
        if not np.isfinite(distances_P).all():
            return np.array([np.nan])
        if self._settings.worst_share is not None:
            return np.array([worst_mean(distances_P, self._settings.worst_share)])
        worst = int(distances_P.argmax())
        weight = self._weight(features_PD[worst], int(nearest_P[worst]))
        return np.array([weight * distances_P[worst]])

    def _weight(self, feature_D: Float32Array, nearest: int) -> float:
        """Give one minus the softmax of the distance to the nearest entry (PatchCore, equation 7).

        The softmax is over the distances to the nearest entry's own neighbours, itself included.
        """
        neighbours = min(self._settings.neighbours, len(self.bank_ED))
        if neighbours < 2:
            return 1.0
        around_E = distances(self.bank_ED, self.bank_ED[nearest])
        around_E[nearest] = -1.0
        support_B = np.argsort(around_E, kind="stable")[:neighbours]
        return float(1.0 - softmax(distances(self.bank_ED[support_B], feature_D))[0])

    def _nearest(self, features_PD: Float32Array) -> tuple[Int64Array, Float64Array]:
        """Nearest entry of each position and the distance to it, `[P]` each.

        Found by a matrix product in float32, which may take one of several nearly equal entries;
        the distance to it is then measured in float64.
        """
        # |x|^2 is the same for all entries. Parts bound the memory that large images take.
        parts = [
            (self._norms_E - 2.0 * (part_QD @ self.bank_ED.T)).argmin(axis=1)
            for part_QD in np.array_split(features_PD, max(len(features_PD) // 1024, 1))
        ]
        nearest_P = np.concatenate(parts).astype(np.int64)
        return nearest_P, distances(features_PD, self.bank_ED[nearest_P])

    def _positions(self, image_HWC: UInt8Array) -> tuple[Float32Array, tuple[int, int]]:
        return joined(self._features(image_HWC), self._chosen, self._settings.local_px)

    def _considered(self, normals: Normals) -> Float32Array:
        """Positions `[N, D]` of all normals, of each the same number, drawn where they are too many."""
        images = len(normals.images_NHWC)
        per_image = max(self._settings.considered // images, 1)
        generator = np.random.default_rng(normals.seed)
        parts = []
        for image_HWC in normals.images_NHWC:
            features_PD, _ = self._positions(image_HWC)
            if len(features_PD) > per_image:
                drawn = generator.choice(len(features_PD), per_image, replace=False)
                features_PD = features_PD[np.sort(drawn)]
            parts.append(features_PD)
        considered_ND = np.concatenate(parts)
        if not np.isfinite(considered_ND).all():
            raise InputError(
                "The features of some normal image are not finite.", "Check the perception."
            )
        return considered_ND


def distances(first: Float32Array, second: Float32Array) -> Float64Array:
    """Euclidean distances between rows, in float64; one side may be a single row."""
    difference = np.asarray(first, dtype=np.float64) - second
    return np.asarray(np.sqrt(np.square(difference).sum(axis=-1)), dtype=np.float64)
