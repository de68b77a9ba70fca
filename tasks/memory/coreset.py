"""The features worth keeping: greedy k-centre (Sener and Savarese 2018; PatchCore, algorithm 1).

Legend: N features, D their channels, P projected axes, K kept.
"""

from __future__ import annotations

import numpy as np

from tasks.vocabulary.arrays import Float32Array, Int64Array

# Distances survive a random projection (Johnson and Lindenstrauss), and this many axes cost little.
_AXES = 64


def coreset(features_ND: Float32Array, entries: int, seed: int) -> Int64Array:
    """Choose at most `entries` features that leave none far from all chosen: ascending, `int64 [K]`."""
    if len(features_ND) <= entries:
        return np.arange(len(features_ND), dtype=np.int64)
    first = int(np.random.default_rng(seed).integers(len(features_ND)))
    return np.sort(greedy_centres(projected(features_ND, _AXES, seed), entries, first))


def greedy_centres(features_ND: Float32Array, count: int, first: int) -> Int64Array:
    """Indices `[K]` of centres: `first`, then always the feature farthest from all before it.

    At most twice as far from any feature as the best choice would be. Fewer than `count` where every
    feature equals a centre. Ties go to the lower index.
    """
    norms_N = np.einsum("nd,nd->n", features_ND, features_ND)
    centres = [first]
    nearest_N = np.full(len(features_ND), np.inf, dtype=features_ND.dtype)
    nearest_N[first] = 0.0
    while len(centres) < count:
        latest = centres[-1]
        # |x - c|^2 by one matrix product; rounding makes some equal features slightly negative.
        squared_N = norms_N + norms_N[latest] - 2.0 * (features_ND @ features_ND[latest])
        np.minimum(nearest_N, np.maximum(squared_N, 0.0), out=nearest_N)
        nearest_N[latest] = 0.0
        farthest = int(nearest_N.argmax())
        if nearest_N[farthest] <= 0.0:
            break
        centres.append(farthest)
    return np.array(centres, dtype=np.int64)


def projected(features_ND: Float32Array, axes: int, seed: int) -> Float32Array:
    """Random Gaussian projection `[N, P]`, which nearly keeps distances (Johnson, Lindenstrauss).

    Features of no more channels stay as they are. Centred first: the product that measures
    distances then loses fewer digits.
    """
    centred_ND = np.asarray(features_ND - features_ND.mean(axis=0), dtype=np.float32)
    if centred_ND.shape[1] <= axes:
        return centred_ND
    generator = np.random.default_rng(seed)
    matrix_DP = generator.standard_normal((centred_ND.shape[1], axes), dtype=np.float32)
    return np.asarray(centred_ND @ matrix_DP / np.sqrt(axes), dtype=np.float32)
