"""Metrics of the board's features alone: how far from those of normals, and what they are.

No reconstruction enters here: these see what it copied through.

Legend: L feature maps, h/w height and width of a map, P its positions, K all channels of all maps.
"""

from __future__ import annotations

import numpy as np

from tasks.metrics.aggregates import AGGREGATES, aggregate
from tasks.metrics.comparison import Comparison
from tasks.vocabulary.arrays import Float32Array, Float64Array

WORST = "worst"
PARTS = (*AGGREGATES, WORST)
# A defect covers some positions of a map; the largest distance alone is the noisiest of them.
WORST_SHARE = 0.05


def bank_distances(comparison: Comparison) -> Float64Array:
    """Distances to the nearest feature of any normal: `[L, 8]`."""
    remembered = comparison.remembered
    return _aggregated(() if remembered is None else remembered.distances)


def place_distances(comparison: Comparison) -> Float64Array:
    """Distances to what normals show at the same place: `[L, 8]`."""
    remembered = comparison.remembered
    return _aggregated(() if remembered is None else remembered.place_distances)


def worst_mean(distances_hw: Float32Array) -> float:
    """Mean of the largest 5 % of the values, at least of one."""
    count = max(1, round(WORST_SHARE * distances_hw.size))
    largest = np.partition(distances_hw.ravel(), -count)[-count:]
    return float(np.sort(largest).mean(dtype=np.float64))


def channel_means(comparison: Comparison) -> Float64Array:
    """Mean over positions of every channel of the input's feature maps: `[K]`."""
    return np.concatenate(
        [map_Chw.mean(axis=(1, 2), dtype=np.float64) for map_Chw in comparison.features_input]
    )


def _aggregated(maps: tuple[Float32Array, ...]) -> Float64Array:
    """Aggregates of each map, and the mean of its largest 5 %."""
    found = [
        np.append(aggregate(distances_hw.reshape(1, -1))[0], worst_mean(distances_hw))
        for distances_hw in maps
    ]
    return np.asarray(found, dtype=np.float64).reshape(len(maps), len(PARTS))
