"""The Fréchet distance of fitted Gaussians, against closed forms and two other implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import Tensor, nn

from tasks.candidates.gaussians import frechet_distances
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoAnswerError


def vectors(seed: int, *shape: int, level: float = 0.0) -> Float64Array:
    return level + np.random.default_rng(seed).standard_normal(shape)


def rotation(seed: int, side: int) -> Float64Array:
    return np.asarray(np.linalg.qr(vectors(seed, side, side))[0])


def by_definition(first_NC: Float64Array, second_NC: Float64Array, epsilon: float = 0.0) -> float:
    """The textbook form: C x C covariances, their product's matrix root, ε on the diagonals."""
    diagonal = epsilon * np.eye(first_NC.shape[1])
    first_CC = np.atleast_2d(np.cov(first_NC.T)) + diagonal
    second_CC = np.atleast_2d(np.cov(second_NC.T)) + diagonal
    gap_C = first_NC.mean(axis=0) - second_NC.mean(axis=0)
    root_CC = sqrtm(first_CC @ second_CC)
    return float(gap_C @ gap_C + np.trace(first_CC + second_CC) - 2 * np.trace(root_CC).real)


def test_one_channel_has_the_closed_form_of_two_normal_densities() -> None:
    first, second = vectors(0, 6, 30, 1), 3.0 * vectors(1, 6, 30, 1, level=0.5)
    gaps = first.mean(axis=1) - second.mean(axis=1)
    deviations = first.std(axis=1, ddof=1) - second.std(axis=1, ddof=1)
    expected = (gaps**2 + deviations**2)[:, 0]
    np.testing.assert_allclose(frechet_distances(first, second), expected, rtol=1e-12)


@pytest.mark.parametrize("turned", [False, True], ids=["diagonal", "turned alike"])
def test_commuting_covariances_differ_by_their_deviations(turned: bool) -> None:
    axes = rotation(2, 5) if turned else np.eye(5)
    generator = np.random.default_rng(3)
    first_C, second_C, shift_C = generator.random((3, 5))
    # Two vectors an axis, one each way: the covariance is diagonal, 2 s² / (n - 1).
    directions_NC = np.concatenate([np.eye(5), -np.eye(5)])
    first_NC = directions_NC * first_C @ axes
    second_NC = (directions_NC * second_C + shift_C) @ axes
    expected = (shift_C**2).sum() + 2 / 9 * ((first_C - second_C) ** 2).sum()
    found = frechet_distances(first_NC[None], second_NC[None])
    np.testing.assert_allclose(found, [expected], rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_full_covariances_equal_the_definition(seed: int, channels: int) -> None:
    mixing_CC = vectors(seed, channels, channels)
    first = vectors(seed + 1, 3, 20, channels) @ mixing_CC
    second = vectors(seed + 2, 3, 20, channels, level=0.3)
    expected = [by_definition(a, b) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(frechet_distances(first, second), expected, rtol=1e-8)


def test_it_is_what_the_regularised_distance_tends_to_where_covariances_have_no_rank() -> None:
    first, second = vectors(4, 1, 4, 12), vectors(5, 1, 4, 12)
    (found,) = frechet_distances(first, second)
    regularised = [by_definition(first[0], second[0], eps) for eps in (1e-2, 1e-4, 1e-6)]
    gaps = np.abs(np.array(regularised) - found) / found
    # The root of a term of size ε: a hundredth of ε leaves a tenth of the gap.
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2]
    assert gaps[2] < 1e-3


class PooledColours(nn.Module):
    """The features of a patch, for torchmetrics: mean and largest value of every channel."""

    num_features = 6

    def forward(self, patches_NCHW: Tensor) -> Tensor:
        flat_NCn = patches_NCHW.flatten(2)
        return torch.cat([flat_NCn.mean(dim=2), flat_NCn.amax(dim=2)], dim=1)


def test_sets_of_patches_have_the_fid_of_a_standard_implementation() -> None:
    # Takes seconds to import: only whoever runs this test waits for it.
    from torchmetrics.image.fid import FrechetInceptionDistance

    generator = torch.Generator().manual_seed(6)
    seen = torch.rand(40, 3, 8, 8, generator=generator, dtype=torch.float64)
    made = torch.rand(40, 3, 8, 8, generator=generator, dtype=torch.float64).sqrt()
    network = PooledColours()
    standard = FrechetInceptionDistance(feature=network)
    standard.set_dtype(torch.float64)
    standard.update(seen, real=True)
    standard.update(made, real=False)
    found = frechet_distances(network(seen)[None].numpy(), network(made)[None].numpy())
    np.testing.assert_allclose(found, [standard.compute().item()], rtol=1e-9)


@pytest.mark.parametrize("level", [0.0, 1e4])
def test_equal_sets_are_exactly_0_apart_and_reordered_ones_all_but_0(level: float) -> None:
    sets = vectors(7, 5, 9, 40, level=level)
    assert not frechet_distances(sets, sets.copy()).any()
    reordered = sets[:, np.random.default_rng(8).permutation(9)]
    assert frechet_distances(sets, reordered).max() < 1e-20 * max(level, 1.0) ** 2


def test_sets_that_are_all_but_equal_keep_their_digits() -> None:
    sets = vectors(9, 4, 9, 40)
    sets -= sets.mean(axis=1, keepdims=True)
    stretched = sets * (1 + 1e-7)
    # Traces minus twice a root, each about 40, would know this number of 4e-13 to no digit.
    expected = 1e-14 * sets.var(axis=1, ddof=1).sum(axis=1)
    np.testing.assert_allclose(frechet_distances(sets, stretched), expected, rtol=1e-6)


def test_a_single_vector_has_no_spread() -> None:
    first, second = vectors(10, 3, 1, 7), vectors(11, 3, 1, 7)
    expected = ((first - second) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(frechet_distances(first, second), expected, rtol=1e-14)


def test_a_set_without_spread_is_apart_by_means_and_by_the_others_variance() -> None:
    first = np.broadcast_to(vectors(12, 3, 1, 7), (3, 5, 7))
    second = vectors(13, 3, 5, 7)
    means = ((first[:, 0] - second.mean(axis=1)) ** 2).sum(axis=1)
    expected = means + second.var(axis=1, ddof=1).sum(axis=1)
    np.testing.assert_allclose(frechet_distances(first, second), expected, rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12))
def test_it_is_symmetric_and_blind_to_order_and_rotation(
    seed: int, count: int, channels: int
) -> None:
    first, second = vectors(seed, 2, count, channels), vectors(seed + 1, 2, count, channels)
    found = frechet_distances(first, second)
    assert (found >= 0).all()
    axes = rotation(seed, channels)
    for one, other in ((second, first), (first[:, ::-1], second), (first @ axes, second @ axes)):
        np.testing.assert_allclose(frechet_distances(one, other), found, rtol=1e-10, atol=1e-20)


def test_float32_is_widened_before_anything_is_taken_from_it() -> None:
    first, second = (vectors(seed, 2, 9, 30).astype(np.float32) for seed in (14, 15))
    wide = frechet_distances(first.astype(np.float64), second.astype(np.float64))
    assert np.array_equal(frechet_distances(first, second), wide)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_features_that_are_not_finite_have_no_answer(value: float, place: int) -> None:
    sides = [vectors(16, 2, 4, 3), vectors(17, 2, 4, 3)]
    sides[place][1, 2, 0] = value
    with pytest.raises(NoAnswerError, match="not finite"):
        frechet_distances(*sides)


@pytest.mark.parametrize(
    ("first", "second"), [((2, 4, 3), (2, 5, 3)), ((4, 3), (4, 3)), ((2, 0, 3), (2, 0, 3))]
)
def test_sets_that_are_no_pairs_are_refused(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match="Pass pairs of sets"):
        frechet_distances(np.zeros(first), np.zeros(second))
