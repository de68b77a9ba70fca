"""What members without usable probabilities share: decision values as scores, and separation.

Legend: N images, K kept metrics.
"""

from __future__ import annotations

import numpy as np

from tasks.vocabulary.arrays import Float64Array


def squashed(margins_N: Float64Array) -> Float64Array:
    """Map decision values to [0, 1], increasing, 0 to one half: `1 / (2 (1 + |m|))` below 0.

    Products of densities give log-odds of minus thousands, where the logistic function is exactly
    0 and every defect would tie with the easiest normals. This falls slowly enough to stay exact.
    The value orders images; it is no probability. NaN stays NaN.
    """
    margins_N = np.asarray(margins_N, dtype=np.float64)
    tails_N = 0.5 / (1.0 + np.abs(margins_N))
    return np.where(margins_N < 0, tails_N, 1.0 - tails_N)


def separation(means_2K: Float64Array, variances_2K: Float64Array) -> Float64Array:
    """Fisher's ratio of each column, [K]: squared distance of class means over summed variances.

    A column without variance in either class gets 0 rather than infinity.
    """
    distances_K = (means_2K[1] - means_2K[0]) ** 2
    spread_K = variances_2K.sum(axis=0)
    ratios_K: Float64Array = np.divide(
        distances_K, spread_K, out=np.zeros_like(distances_K), where=spread_K > 0
    )
    return ratios_K
