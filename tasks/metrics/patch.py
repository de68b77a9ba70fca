"""Distances between two patches, for many pairs at once (VQGanoDIP, section 3.2, third level).

Every function takes `x_KD` and `y_KD`: K pairs of patches of one size, flattened over channels,
rows and columns, float64 pixel values in [0, 1]; `ssim` alone needs the geometry, `[K, C, s, s]`.
It returns `[K]`. Equal patches get exactly 0 (`ssim`: 1).

Where the textbook divides 0 by 0, a value is stated here, chosen so that a patch that lost its
content never looks normal: two patches that are both empty (or both flat) agree, 0; one that is
while the other is not gets the value of two patches that share nothing.

| function | empty: all pixels 0 | one empty | one flat (all pixels equal) |
| --- | --- | --- | --- |
| bray_curtis | 0 | 1 | - |
| canberra | pixels that are 0 in both add 0 | - | - |
| cosine | 0 | 1 | - |
| correlation | both flat: 0 | 1 | 1 |
| jensen_shannon | 0 | sqrt(ln 2) | - |
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import rel_entr

from tasks.vocabulary.arrays import BoolArray, Float64Array

MINKOWSKI_ORDER = 3
# Grey levels by which 8-bit pixels may differ and still count as equal: a reconstruction is never
# exact to the level, so a strict comparison would call every pixel different.
HAMMING_TOLERANCE_LEVELS = 8
# Side of the uniform window, as in scikit-image; smaller patches take the largest odd that fits.
SSIM_WINDOW_PX = 7
SSIM_LUMINANCE = 0.01**2
SSIM_CONTRAST = 0.03**2


def frechet(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """Squared Fréchet distance of Gaussians fitted to pixel values: `(μx-μy)² + (σx-σy)²`."""
    mean_gap_K = x_KD.mean(axis=1) - y_KD.mean(axis=1)
    deviation_gap_K = x_KD.std(axis=1) - y_KD.std(axis=1)
    return np.asarray(np.square(mean_gap_K) + np.square(deviation_gap_K), dtype=np.float64)


def ssim(x_KCss: Float64Array, y_KCss: Float64Array) -> Float64Array:
    """Structural similarity, mean over windows and channels: 1 for equal patches, lower is worse.

    Uniform windows inside the patch, population covariance, value range 1 (Wang et al., 2004).
    """
    side = x_KCss.shape[-1]
    window = min(SSIM_WINDOW_PX, side - (side + 1) % 2)
    mean_x, mean_y = window_means(x_KCss, window), window_means(y_KCss, window)
    product = mean_x * mean_y
    squares = np.square(mean_x) + np.square(mean_y)
    covariance = window_means(x_KCss * y_KCss, window) - product
    variances = window_means(np.square(x_KCss) + np.square(y_KCss), window) - squares
    likeness = (2 * product + SSIM_LUMINANCE) * (2 * covariance + SSIM_CONTRAST)
    likeness /= (squares + SSIM_LUMINANCE) * (variances + SSIM_CONTRAST)
    return np.asarray(likeness.mean(axis=(1, 2, 3)), dtype=np.float64)


def window_means(values_KCss: Float64Array, window: int) -> Float64Array:
    """Mean in every square window that lies inside the patch."""
    by_row = sliding_window_view(values_KCss, window, axis=-1).sum(axis=-1)
    by_both = sliding_window_view(by_row, window, axis=-2).sum(axis=-1)
    return np.asarray(by_both / window**2, dtype=np.float64)


def bray_curtis(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`Σ|x-y| / Σ|x+y|`, in [0, 1]."""
    return quotient(np.abs(x_KD - y_KD).sum(axis=1), np.abs(x_KD + y_KD).sum(axis=1))


def canberra(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`Σ |x-y| / (|x|+|y|)` over the pixels: weighs small values up."""
    shares_KD = quotient(np.abs(x_KD - y_KD), np.abs(x_KD) + np.abs(y_KD))
    return np.asarray(shares_KD.sum(axis=1), dtype=np.float64)


def euclidean(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`sqrt(Σ (x-y)²)`."""
    gap_KD = x_KD - y_KD
    return np.asarray(np.sqrt(np.einsum("kd,kd->k", gap_KD, gap_KD)), dtype=np.float64)


def cosine(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`1 - x·y / (|x| |y|)`, blind to brightness that is multiplied."""
    return angular_distance(x_KD, y_KD, empty(x_KD), empty(y_KD))


def correlation(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`1 - Pearson's r`, blind to brightness that is multiplied or added; 2 for a negative."""
    flat_x_K, flat_y_K = flat(x_KD), flat(y_KD)
    centred_x_KD = x_KD - x_KD.mean(axis=1, keepdims=True)
    centred_y_KD = y_KD - y_KD.mean(axis=1, keepdims=True)
    return angular_distance(centred_x_KD, centred_y_KD, flat_x_K, flat_y_K)


def empty(values_KD: Float64Array) -> BoolArray:
    """Tell, `[K]`, which patches are 0 throughout."""
    return np.asarray(values_KD.max(axis=1) == 0)


def flat(values_KD: Float64Array) -> BoolArray:
    """Tell, `[K]`, which patches have one value throughout."""
    return np.asarray(values_KD.max(axis=1) == values_KD.min(axis=1))


def angular_distance(
    x_KD: Float64Array, y_KD: Float64Array, void_x_K: BoolArray, void_y_K: BoolArray
) -> Float64Array:
    """`1 - cos` of the angle, as `|x/|x| - y/|y||² / 2`, which keeps its digits for small angles.

    Vectors marked void have no direction: two of them agree (0), one beside another does not (1).
    """
    void_K = void_x_K | void_y_K
    gap_KD = x_KD / lengths(x_KD, void_K) - y_KD / lengths(y_KD, void_K)
    distance_K = np.einsum("kd,kd->k", gap_KD, gap_KD) / 2
    only_one_K = (void_x_K != void_y_K).astype(np.float64)
    return np.asarray(np.where(void_K, only_one_K, distance_K), dtype=np.float64)


def lengths(vectors_KD: Float64Array, void_K: BoolArray) -> Float64Array:
    """Euclidean lengths `[K, 1]` to divide by; 1 where the vector is void."""
    squared_K = np.einsum("kd,kd->k", vectors_KD, vectors_KD)
    return np.asarray(np.sqrt(np.where(void_K, 1.0, squared_K))[:, None], dtype=np.float64)


def wasserstein(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """Earth mover's distance of the two sets of pixel values, wherever in the patch they lie."""
    gap_KD = np.abs(np.sort(x_KD, axis=1) - np.sort(y_KD, axis=1))
    return np.asarray(gap_KD.mean(axis=1), dtype=np.float64)


def hamming(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """Share of pixels whose 8-bit levels differ by more than `HAMMING_TOLERANCE_LEVELS`."""
    gap_KD = np.abs(np.rint(x_KD * 255.0) - np.rint(y_KD * 255.0))
    return np.asarray((gap_KD > HAMMING_TOLERANCE_LEVELS).mean(axis=1), dtype=np.float64)


def minkowski(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`(Σ |x-y|³)^(1/3)`: between Euclidean and Chebyshev."""
    gap_KD = np.abs(x_KD - y_KD)
    return np.asarray(np.cbrt((gap_KD * gap_KD * gap_KD).sum(axis=1)), dtype=np.float64)


def jensen_shannon(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """Jensen-Shannon distance (root of the divergence, base e) of the patches as distributions.

    Each patch is divided by its sum: where in the patch is the light? In [0, sqrt(ln 2)].
    """
    total_x_K, total_y_K = x_KD.sum(axis=1), y_KD.sum(axis=1)
    empty_x_K, empty_y_K = empty(x_KD), empty(y_KD)
    share_x_KD = x_KD / np.where(empty_x_K, 1.0, total_x_K)[:, None]
    share_y_KD = y_KD / np.where(empty_y_K, 1.0, total_y_K)[:, None]
    middle_KD = (share_x_KD + share_y_KD) / 2
    entropies_KD = rel_entr(share_x_KD, middle_KD) + rel_entr(share_y_KD, middle_KD)
    divergence_K = np.maximum(entropies_KD.sum(axis=1) / 2, 0.0)
    unshared_K = np.where(empty_x_K != empty_y_K, np.log(2.0), divergence_K)
    return np.asarray(np.sqrt(unshared_K), dtype=np.float64)


def chebyshev(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`max |x-y|`."""
    return np.asarray(np.abs(x_KD - y_KD).max(axis=1), dtype=np.float64)


def city_block(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    """`Σ |x-y|`."""
    return np.asarray(np.abs(x_KD - y_KD).sum(axis=1), dtype=np.float64)


def quotient(numerators: Float64Array, denominators: Float64Array) -> Float64Array:
    """Element by element; 0 where the denominator is 0, which here means equal."""
    return np.divide(
        numerators, denominators, out=np.zeros_like(numerators), where=denominators != 0
    )
