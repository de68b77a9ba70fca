"""The squared Fréchet distance of Gaussians with full covariance, fitted to sets of feature vectors.

    d² = |μ₁ - μ₂|² + Tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)

(VQGanoDIP, section 3.1.2, after Heusel et al. 2017). Means and covariances are the samples', the latter
over N - 1 as in standard implementations; of a single vector the covariance is 0, and what remains
is the squared distance of the two vectors.

The regularised covariance term. A patch gives far fewer vectors than they have channels, hence
Σ₁ Σ₂ is singular, and implementations that take its matrix root add ε to both diagonals so that the
root can be computed. Here ε = 0, exactly: with the centred vectors over √(N - 1) as the rows of
A and B, Tr (Σ₁ Σ₂)^½ is the sum of the singular values of A Bᵀ, an N x N matrix, which needs neither
the root nor C x C numbers. It is what the regularised term tends to as ε goes to 0.

Tr Σ₁ + Tr Σ₂ - 2 Tr (Σ₁ Σ₂)^½ would lose the digits of near-equal sets. The same number is the
smallest |A - Q B|² (Frobenius) over rotations Q, and Q = U Vᵀ from the decomposition of A Bᵀ reaches
it: a sum of squares, never below 0.

Legend: K pairs of sets, N vectors in a set, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoAnswerError


def frechet_distances(
    first_KNC: NDArray[np.floating], second_KNC: NDArray[np.floating]
) -> Float64Array:
    """Squared Fréchet distance `float64 [K]`, at least 0, of every first set to its second.

    Sets of equal vectors in equal order give exactly 0. Two shapes, or sets without vectors or
    channels, are an `InputError`; values that are not finite are a `NoAnswerError`.
    """
    require_sets(first_KNC.shape, second_KNC.shape)
    if not (np.isfinite(first_KNC).all() and np.isfinite(second_KNC).all()):
        raise NoAnswerError(
            "The features of a patch hold values that are not finite.",
            "Look at the image by eye; check the perception backbone's weights.",
        )
    gap_KC = first_KNC.mean(axis=1, dtype=np.float64) - second_KNC.mean(axis=1, dtype=np.float64)
    spreads_K = spread_distances(centred(first_KNC), centred(second_KNC))
    return np.asarray(np.square(gap_KC).sum(axis=1) + spreads_K)


def centred(vectors_KNC: NDArray[np.floating]) -> Float64Array:
    """Rows whose products are the sample covariance: centred, over √(N - 1); 0 where N is 1."""
    freedom = max(vectors_KNC.shape[1] - 1, 1)
    gaps_KNC = vectors_KNC - vectors_KNC.mean(axis=1, dtype=np.float64, keepdims=True)
    return np.asarray(gaps_KNC / np.sqrt(freedom))


def spread_distances(first_KNC: Float64Array, second_KNC: Float64Array) -> Float64Array:
    """Tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½) of centred rows, `[K]`."""
    left_KNN, _, right_KNN = np.linalg.svd(first_KNC @ second_KNC.swapaxes(1, 2))
    turned_KNC = left_KNN @ (right_KNN @ second_KNC)
    turned_K = np.square(first_KNC - turned_KNC).sum(axis=(1, 2))
    # Not to turn is a rotation too: it is the smallest for equal sets, where rounding would show.
    unturned_K = np.square(first_KNC - second_KNC).sum(axis=(1, 2))
    return np.asarray(np.minimum(turned_K, unturned_K))


def require_sets(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    """Demand two shapes `[K, N, C]` that are alike, with vectors and channels: `InputError`."""
    if len(first) != 3 or first != second or 0 in first[1:]:
        raise InputError(
            f"Feature vectors of shape {first} face those of shape {second}.",
            "Pass pairs of sets, [K, N, C], from the same perception backbone.",
        )
