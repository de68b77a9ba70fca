"""The Fréchet distance of Gaussians against closed forms, and of sets of latents."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from tasks.reconstruction.latent_gaussians import (
    LatentGaussian,
    fitted_gaussian,
    frechet_distance,
    set_distance,
)
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


def latents(count: int, dimensions: int, seed: int = 0) -> Float64Array:
    """Correlated, with a mean of their own."""
    draws = np.random.default_rng(seed)
    mixing = draws.standard_normal((dimensions, dimensions))
    return draws.standard_normal((count, dimensions)) @ mixing + draws.standard_normal(dimensions)


def test_of_diagonal_gaussians() -> None:
    draws = np.random.default_rng(3)
    mean_1, mean_2 = draws.standard_normal((2, 7))
    deviations_1, deviations_2 = draws.random((2, 7))
    deviations_2[4:] = 0.0
    expected = np.square(mean_1 - mean_2).sum() + np.square(deviations_1 - deviations_2).sum()
    distance = frechet_distance(mean_1, np.diag(deviations_1**2), mean_2, np.diag(deviations_2**2))
    assert distance == pytest.approx(expected, rel=1e-12)


def by_matrix_root(one: LatentGaussian, other: LatentGaussian, ridge: float) -> float:
    eye = np.eye(len(one.mean_D))
    root = np.real(sqrtm((one.covariance_DD + ridge * eye) @ (other.covariance_DD + ridge * eye)))
    trace = np.trace(one.covariance_DD + other.covariance_DD - 2 * root)
    return float(np.square(one.mean_D - other.mean_D).sum() + trace)


def test_of_full_covariances() -> None:
    one, other = (fitted_gaussian(latents(40, 6, seed)) for seed in (1, 2))
    assert frechet_distance(*one, *other) == pytest.approx(
        by_matrix_root(one, other, 0.0), rel=1e-8
    )


def test_of_fewer_latents_than_dimensions() -> None:
    one, other = (fitted_gaussian(latents(5, 12, seed)) for seed in (1, 2))
    assert np.linalg.matrix_rank(one.covariance_DD) == 4
    # What the ridge of usual implementations tends to.
    assert frechet_distance(*one, *other) == pytest.approx(
        by_matrix_root(one, other, 1e-9), rel=1e-4
    )


def test_equal_gaussians_are_at_no_distance_and_order_does_not_matter() -> None:
    one, other = (fitted_gaussian(latents(9, 12, seed)) for seed in (1, 2))
    assert frechet_distance(*one, *one) == 0.0
    assert frechet_distance(*one, *other) == pytest.approx(frechet_distance(*other, *one))
    tiny = 1e-9 * np.eye(12)
    near = frechet_distance(one.mean_D, one.covariance_DD, one.mean_D, one.covariance_DD + tiny)
    assert 0.0 <= near < 1e-7


def test_a_set_of_one_is_a_point_mass() -> None:
    good = fitted_gaussian(latents(30, 4))
    point = np.array([[1.0, -2.0, 0.5, 3.0]])
    expected = np.square(point[0] - good.mean_D).sum() + np.trace(good.covariance_DD)
    assert set_distance(point, good) == pytest.approx(expected, rel=1e-9)


def test_fitting_is_the_samples_mean_and_covariance() -> None:
    seen = latents(20, 5)
    mean, covariance = fitted_gaussian(seen)
    np.testing.assert_allclose(mean, seen.mean(axis=0))
    np.testing.assert_allclose(covariance, np.cov(seen, rowvar=False))


@pytest.mark.parametrize("defect", ["moved", "spread", "narrowed"])
def test_a_set_of_defects_is_farther_than_one_of_good_samples(defect: str) -> None:
    draws = np.random.default_rng(5)
    good = fitted_gaussian(draws.standard_normal((200, 8)))
    query = draws.standard_normal((50, 8))
    odd = {"moved": query + 0.8, "spread": query * 2.0, "narrowed": query * 0.3}[defect]
    assert set_distance(odd, good) > 2.0 * set_distance(query, good)


def test_what_does_not_fit_is_refused() -> None:
    mean, covariance = fitted_gaussian(latents(9, 3))
    with pytest.raises(InputError, match="shapes"):
        frechet_distance(mean, covariance, mean[:2], covariance)
    with pytest.raises(InputError, match="not finite"):
        frechet_distance(mean, covariance, mean, covariance * np.nan)
    for wrong in (np.empty((0, 3)), np.zeros(3), np.full((2, 3), np.inf)):
        with pytest.raises(InputError, match="cannot be fitted"):
            fitted_gaussian(wrong)
