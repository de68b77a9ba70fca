"""Normal distributions fitted to latents, and the Fréchet distance between them.

Source: the latent representation paper, section III.D, after Heusel et al. 2017 and Dowson and
Landau 1982. Legend: N latents, D dimensions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


class LatentGaussian(NamedTuple):
    """Mean and covariance of latents."""

    mean_D: Float64Array
    covariance_DD: Float64Array


def fitted_gaussian(latents_ND: Float64Array) -> LatentGaussian:
    """Sample mean and covariance over N - 1; of one latent the covariance is 0: a point mass.

    Fewer latents than dimensions give a singular covariance. It is left so: `frechet_distance`
    needs no inverse. InputError for no latents and for values that are not finite.
    """
    if latents_ND.ndim != 2 or 0 in latents_ND.shape or not np.isfinite(latents_ND).all():
        raise InputError(
            f"A Gaussian cannot be fitted to latents of shape {latents_ND.shape}.",
            "Give [N, D] with at least one latent, and finite numbers.",
        )
    exact_ND = np.asarray(latents_ND, dtype=np.float64)
    mean_D = exact_ND.mean(axis=0)
    gaps_ND = exact_ND - mean_D
    return LatentGaussian(mean_D, gaps_ND.T @ gaps_ND / max(len(gaps_ND) - 1, 1))


def frechet_distance(
    mean_1: Float64Array, cov_1: Float64Array, mean_2: Float64Array, cov_2: Float64Array
) -> float:
    """|μ₁ - μ₂|² + Tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½), at least 0, also of singular covariances.

    Usual implementations take the matrix root of Σ₁ Σ₂, and need a ridge on both where that is
    singular. Here no ridge and no shrinkage: with the roots A, B of Σ₁, Σ₂ (always real, by
    eigenvalues) the trace is the smallest |A - B Q|² (Frobenius) over rotations Q, and the polar
    factor of B A reaches it. A sum of squares keeps the digits of near-equal covariances too.
    InputError for shapes that do not fit and for values that are not finite.
    """
    size = mean_1.shape
    square = size * 2
    parts = (mean_1, cov_1, mean_2, cov_2)
    shapes = tuple(part.shape for part in parts)
    if len(size) != 1 or shapes != (size, square, size, square):
        raise InputError(
            f"Means and covariances have shapes {shapes}.", "Give [D], [D, D], [D] and [D, D]."
        )
    if not all(np.isfinite(part).all() for part in parts):
        raise InputError(
            "Means or covariances hold values that are not finite.", "Look at the latents."
        )
    root_1, root_2 = _root(cov_1), _root(cov_2)
    left_DD, _, right_DD = np.linalg.svd(root_2 @ root_1)
    # Not to turn is a rotation too: it is the smallest for equal covariances, to the last bit.
    spreads = (
        np.square(root_1 - root_2 @ turn_DD).sum()
        for turn_DD in (left_DD @ right_DD, np.eye(len(root_1)))
    )
    return float(np.square(mean_1 - mean_2).sum() + min(spreads))


def _root(covariance_DD: Float64Array) -> Float64Array:
    """Symmetric root; eigenvalues below 0 are roundings of 0."""
    values_D, vectors_DD = np.linalg.eigh((covariance_DD + covariance_DD.T) / 2)
    return np.asarray(vectors_DD * np.sqrt(values_D.clip(min=0.0)) @ vectors_DD.T)


def set_distance(query_ND: Float64Array, good: LatentGaussian) -> float:
    """Fréchet distance of a set of latents to the good samples' (the paper's tables I and II).

    A set is compared as a whole: its value grows with a shift of its mean as with a spread of its
    own. Small sets are rated too far, for a covariance of few latents is uncertain: compare sets of
    one size. A set of one latent z has |z - μ|² + Tr Σ.
    """
    query = fitted_gaussian(query_ND)
    return frechet_distance(query.mean_D, query.covariance_DD, *good)
