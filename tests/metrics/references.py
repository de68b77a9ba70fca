"""The textbook implementation of every patch metric, one pair of patches a call.

Legend: C channels, s side, K pairs, D = C * s * s.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import distance
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity

from tasks.metrics.pairs import Layout, Patches, PatchPairs
from tasks.metrics.patch import HAMMING_TOLERANCE_LEVELS, SSIM_WINDOW_PX
from tasks.vocabulary.arrays import Float64Array

Reference = Callable[[Float64Array, Float64Array], float]


def pairs_of(x_KCss: NDArray[np.floating], y_KCss: NDArray[np.floating]) -> PatchPairs:
    """Pairs of one size, as if they had been cut."""
    count, channels, side, _ = x_KCss.shape
    layout = Layout(((count, channels, side, side),))
    return PatchPairs(Patches(x_KCss.ravel(), layout), Patches(y_KCss.ravel(), layout))


def gaussian_frechet(x_Css: Float64Array, y_Css: Float64Array) -> float:
    """The general formula `|μ1-μ2|² + Tr(Σ1 + Σ2 - 2 (Σ1 Σ2)^½)` in one dimension."""
    first, second = np.var(x_Css), np.var(y_Css)
    return float((x_Css.mean() - y_Css.mean()) ** 2 + first + second - 2 * np.sqrt(first * second))


def similarity(x_Css: Float64Array, y_Css: Float64Array) -> float:
    """scikit-image with the window that fits, population covariance and range 1."""
    side = x_Css.shape[-1]
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image is untyped
            x_Css,
            y_Css,
            win_size=max(odd for odd in range(1, SSIM_WINDOW_PX + 1, 2) if odd <= side),
            data_range=1.0,
            channel_axis=0,
            use_sample_covariance=False,
        )
    )


def flattened(function: Callable[..., float], *extra: object) -> Reference:
    return lambda x_Css, y_Css: float(function(x_Css.ravel(), y_Css.ravel(), *extra))


def levels_apart(x_D: Float64Array, y_D: Float64Array) -> float:
    apart = np.abs(np.round(x_D * 255) - np.round(y_D * 255)) > HAMMING_TOLERANCE_LEVELS
    return float(distance.hamming(apart, np.zeros(len(x_D), dtype=bool)))


REFERENCES: dict[str, Reference] = {
    "frechet": gaussian_frechet,
    "ssim": similarity,
    "bray_curtis": flattened(distance.braycurtis),
    "canberra": flattened(distance.canberra),
    "euclidean": flattened(distance.euclidean),
    "cosine": flattened(distance.cosine),
    "wasserstein": flattened(wasserstein_distance),
    "hamming": flattened(levels_apart),
    "minkowski": flattened(distance.minkowski, 3),
    "jensen_shannon": flattened(distance.jensenshannon),
    "correlation": flattened(distance.correlation),
    "chebyshev": flattened(distance.chebyshev),
    "city_block": flattened(distance.cityblock),
}
