"""Distances between two patches, for many pairs at once (VQGanoDIP, section 3.2, third level).

Every function takes K pairs of patches, pixel values in [0, 1], and returns `[K]`. The pixels of all
channels count alike; `ssim` alone looks at where in the patch they lie. Equal patches get exactly 0
(`ssim`: 1).

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

from tasks.metrics.pairs import Layout, Patches, PatchPairs
from tasks.vocabulary.arrays import BoolArray, Float64Array

# Grey levels by which 8-bit pixels may differ and still count as equal: a reconstruction is never
# exact to the level, so a strict comparison would call every pixel different.
HAMMING_TOLERANCE_LEVELS = 8
# Side of the uniform window, as in scikit-image; smaller patches take the largest odd that fits.
SSIM_WINDOW_PX = 7
SSIM_LUMINANCE = 0.01**2
SSIM_CONTRAST = 0.03**2
# In the place of 0 where 0 is divided by 0; no sum of pixel values other than 0 is as small.
SMALLEST = float(np.finfo(np.float64).tiny)
# The float before 1: keeps log(1 - 1), which counts 0 times, finite.
ALMOST_ONE = float(np.nextafter(1.0, 0.0))


def frechet(pairs: PatchPairs) -> Float64Array:
    """Squared Fréchet distance of Gaussians fitted to pixel values: `(μx-μy)² + (σx-σy)²`.

    The paper names no features for "Fréchet", beside "FID" of Inception's; here they are the pixels.
    """
    mean_gap_K = pairs.x.means_K - pairs.y.means_K
    deviation_gap_K = deviations(pairs.x) - deviations(pairs.y)
    return np.square(mean_gap_K) + np.square(deviation_gap_K)


def deviations(patches: Patches) -> Float64Array:
    """Population standard deviation of each patch, `[K]`."""
    return np.sqrt(patches.centred_squares_K / patches.layout.pixels_K)


def ssim(pairs: PatchPairs) -> Float64Array:
    """Structural similarity, mean over windows and channels: 1 for equal patches, lower is worse.

    Uniform windows inside the patch, population covariance, value range 1 (Wang et al., 2004).
    """
    x_of_sizes = pairs.layout.stacks(pairs.x.values_N)
    y_of_sizes = pairs.layout.stacks(pairs.y.values_N)
    return np.concatenate([similarity(*xy) for xy in zip(x_of_sizes, y_of_sizes, strict=True)])


def similarity(x_KCss: Float64Array, y_KCss: Float64Array) -> Float64Array:
    """Structural similarity of pairs of patches of one size, `[K]`."""
    count, channels, side, _ = x_KCss.shape
    window = min(SSIM_WINDOW_PX, side - (side + 1) % 2)
    # Rows and columns first: sums over windows then add long runs of memory.
    moments_ss4CK = np.empty((side, side, 4, channels, count))
    x, y, product, squares = np.moveaxis(moments_ss4CK, 2, 0)
    x[...], y[...] = x_KCss.transpose(2, 3, 1, 0), y_KCss.transpose(2, 3, 1, 0)
    product[...] = x * y
    squares[...] = np.square(x) + np.square(y)
    sums_ws4CK = window_sums(moments_ss4CK, window)
    sums_ww4CK = window_sums(sums_ws4CK.swapaxes(0, 1), window).swapaxes(0, 1)
    mean_x, mean_y, mean_product, mean_squares = np.moveaxis(sums_ww4CK / window**2, 2, 0)
    product = mean_x * mean_y
    squares = np.square(mean_x) + np.square(mean_y)
    likeness = (2 * product + SSIM_LUMINANCE) * (2 * (mean_product - product) + SSIM_CONTRAST)
    likeness /= (squares + SSIM_LUMINANCE) * (mean_squares - squares + SSIM_CONTRAST)
    by_patch = np.ascontiguousarray(likeness.reshape(-1, count).T)
    return np.asarray(by_patch.mean(axis=1), dtype=np.float64)


def window_sums(values: Float64Array, window: int) -> Float64Array:
    """Sums of every `window` values that follow each other along the first axis: half by half."""
    if window == 1:
        return values
    count, half = len(values) - window + 1, window // 2
    halves = window_sums(values, half)
    sums = halves[:count] + halves[half : half + count]
    if window % 2:
        sums += values[window - 1 :]
    return sums


def bray_curtis(pairs: PatchPairs) -> Float64Array:
    """`Σ|x-y| / Σ|x+y|`, in [0, 1]."""
    return quotient(pairs.gap_sums_K, pairs.layout.sums(pairs.totals_N))


def canberra(pairs: PatchPairs) -> Float64Array:
    """`Σ |x-y| / (|x|+|y|)` over the pixels: weighs small values up."""
    return pairs.layout.sums(quotient(pairs.gaps_N, pairs.totals_N))


def euclidean(pairs: PatchPairs) -> Float64Array:
    """`sqrt(Σ (x-y)²)`."""
    return np.sqrt(pairs.layout.sums(pairs.squares_N))


def cosine(pairs: PatchPairs) -> Float64Array:
    """`1 - x·y / (|x| |y|)`, blind to brightness that is multiplied."""
    x, y = pairs.x, pairs.y
    return angular_distance(
        pairs.layout,
        (x.values_N, x.squares_K, empty(x)),
        (y.values_N, y.squares_K, empty(y)),
    )


def correlation(pairs: PatchPairs) -> Float64Array:
    """`1 - Pearson's r`, blind to brightness that is multiplied or added; 2 for a negative."""
    x, y = pairs.x, pairs.y
    return angular_distance(
        pairs.layout,
        (x.centred_N, x.centred_squares_K, flat(x)),
        (y.centred_N, y.centred_squares_K, flat(y)),
    )


def empty(patches: Patches) -> BoolArray:
    """Tell, `[K]`, which patches are 0 throughout."""
    return np.asarray(patches.highest_K == 0)


def flat(patches: Patches) -> BoolArray:
    """Tell, `[K]`, which patches have one value throughout."""
    return np.asarray(patches.highest_K == patches.lowest_K)


Vectors = tuple[Float64Array, Float64Array, BoolArray]


def angular_distance(layout: Layout, first: Vectors, second: Vectors) -> Float64Array:
    """`1 - cos` of the angle, as `|x/|x| - y/|y||² / 2`, which keeps its digits for small angles.

    Vectors are their values `[N]`, squared lengths `[K]`, and which are void `[K]`: without
    direction. Two void vectors agree (0), one beside another that is not does not (1).
    """
    void_K = first[2] | second[2]
    gaps_N = unit_vectors(layout, first, void_K) - unit_vectors(layout, second, void_K)
    distance_K = layout.sums(np.square(gaps_N)) / 2
    return np.where(void_K, (first[2] != second[2]).astype(np.float64), distance_K)


def unit_vectors(layout: Layout, vectors: Vectors, void_K: BoolArray) -> Float64Array:
    """Values over the length of their vector, `[N]`; void vectors stay as they are."""
    values_N, squares_K, _ = vectors
    return values_N / layout.spread(np.sqrt(np.where(void_K, 1.0, squares_K)))


def wasserstein(pairs: PatchPairs) -> Float64Array:
    """Earth mover's distance of the two sets of pixel values, wherever in the patch they lie.

    Every pixel weighs the same, hence it is the mean gap of both sets in ascending order.
    """
    return pairs.layout.means(np.abs(pairs.x.sorted_N - pairs.y.sorted_N))


def hamming(pairs: PatchPairs) -> Float64Array:
    """Share of pixels whose 8-bit levels differ by more than `HAMMING_TOLERANCE_LEVELS`.

    The textbook counts symbols that differ; of real values all do, hence levels and a tolerance.
    """
    gaps_N = np.abs(pairs.x.levels_N - pairs.y.levels_N)
    # A pixel that is no number is not near anything.
    apart_N = ~(gaps_N <= HAMMING_TOLERANCE_LEVELS)
    return pairs.layout.means(apart_N.astype(np.float64))


def minkowski(pairs: PatchPairs) -> Float64Array:
    """`(Σ |x-y|³)^(1/3)`: between Euclidean, which is the order 2, and Chebyshev."""
    return np.cbrt(pairs.layout.sums(pairs.squares_N * pairs.gaps_N))


def jensen_shannon(pairs: PatchPairs) -> Float64Array:
    """Jensen-Shannon distance (root of the divergence, base e) of the patches as distributions.

    Each patch is divided by its sum: where in the patch is the light? In [0, sqrt(ln 2)]. The paper
    names the divergence; its root is a distance, as in scipy. Of shares p and q,
    `log(p / ((p+q) / 2))` is taken as `log1p((p-q) / (p+q))`, which keeps its digits.
    """
    empty_x_K, empty_y_K = empty(pairs.x), empty(pairs.y)
    p_N = pairs.x.values_N / pairs.layout.spread(np.where(empty_x_K, 1.0, pairs.x.sums_K))
    q_N = pairs.y.values_N / pairs.layout.spread(np.where(empty_y_K, 1.0, pairs.y.sums_K))
    lean_N = np.clip(quotient(p_N - q_N, p_N + q_N), -ALMOST_ONE, ALMOST_ONE)
    entropies_N = p_N * np.log1p(lean_N) + q_N * np.log1p(-lean_N)
    divergence_K = np.maximum(pairs.layout.sums(entropies_N) / 2, 0.0)
    return np.sqrt(np.where(empty_x_K != empty_y_K, np.log(2.0), divergence_K))


def chebyshev(pairs: PatchPairs) -> Float64Array:
    """`max |x-y|`."""
    return pairs.layout.highest(pairs.gaps_N)


def city_block(pairs: PatchPairs) -> Float64Array:
    """`Σ |x-y|`."""
    return pairs.gap_sums_K


def quotient(numerators: Float64Array, denominators: Float64Array) -> Float64Array:
    """Element by element, denominators at least 0; 0 where both are 0, which here means equal."""
    return numerators / np.maximum(denominators, SMALLEST)
