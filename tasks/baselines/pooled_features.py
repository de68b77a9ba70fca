"""An image as the means of its feature maps: what supervised rivals read.

Legend: C_l channels of map l, K numbers: all channels of all maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.baselines.rival import Normals, Rival
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array


class PooledFeatures(Rival):
    """Mean of every channel of every map; columns `stride_<s>/<channel>`. Learns nothing."""

    state_bytes = 0

    def __init__(self, normals: Normals) -> None:
        self._features = normals.features
        maps = normals.features(normals.images_NHWC[0])
        self.columns = tuple(
            f"stride_{stride}/{channel}"
            for stride, map_Chw in zip(normals.strides, maps, strict=True)
            for channel in range(len(map_Chw))
        )

    def heat(self, image_HWC: UInt8Array) -> None:
        """Give nothing: means have no place."""

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        return pooled(self._features(image_HWC))


def pooled(maps: Sequence[Float32Array]) -> Float64Array:
    """Mean over the positions of each channel of each map, `[K]`, shallow to deep."""
    return np.concatenate([map_Chw.mean(axis=(1, 2), dtype=np.float64) for map_Chw in maps])
