"""Models of pooled features against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, mahalanobis
from sklearn.covariance import ledoit_wolf

from tasks.baselines.one_class import OneClass
from tasks.baselines.pooled_features import PooledFeatures, pooled
from tasks.baselines.settings import (
    GaussianMixtureSettings,
    MahalanobisSettings,
    NearestNeighboursSettings,
    StackSettings,
)
from tasks.baselines.stacked import Stacked
from tests.baselines.stripes import STRIDES, boards, features, normals


def scaled() -> tuple[np.ndarray, np.ndarray]:
    """Rows of the normals and of one defect in units of the normals' spread."""
    rows_NK = np.stack([pooled(features(image)) for image in normals().images_NHWC])
    row_K = pooled(features(boards(1, seed=9, defect=True)[0]))
    mean_K, spread_K = rows_NK.mean(axis=0), rows_NK.std(axis=0)
    return (rows_NK - mean_K) / spread_K, (row_K - mean_K) / spread_K


def test_pooling_by_hand() -> None:
    maps = [np.array([[[1.0, 3.0]], [[0.0, 0.5]]]), np.array([[[7.0]]])]

    np.testing.assert_array_equal(pooled([m.astype(np.float32) for m in maps]), [2, 0.25, 7])


def test_columns_name_stride_and_channel() -> None:
    assert PooledFeatures(normals()).columns == (
        "stride_4/0",
        "stride_4/1",
        "stride_8/0",
        "stride_8/1",
    )


def test_mahalanobis_is_that_of_scipy() -> None:
    rows_NK, row_K = scaled()
    covariance_KK, _ = ledoit_wolf(rows_NK)
    expected = mahalanobis(row_K, rows_NK.mean(axis=0), np.linalg.inv(covariance_KK))

    rival = OneClass(normals(), MahalanobisSettings())

    assert rival.describe(boards(1, seed=9, defect=True)[0]) == pytest.approx([expected])


def test_neighbours_are_those_of_brute_force() -> None:
    rows_NK, row_K = scaled()
    expected = np.sort(cdist(row_K[None], rows_NK)[0])[:3].mean()

    rival = OneClass(normals(), NearestNeighboursSettings(neighbours=3))

    assert rival.describe(boards(1, seed=9, defect=True)[0]) == pytest.approx([expected])


def test_one_gaussian_ranks_like_its_mahalanobis_distance() -> None:
    images_NHWC = np.concatenate([boards(6, seed=9), boards(2, seed=9, defect=True)])
    one = GaussianMixtureSettings(gaussians=1, components=4, ridge=1e-9)
    rival = OneClass(normals(), one)
    rows_NK, _ = scaled()
    raw_NK = np.stack([pooled(features(image)) for image in images_NHWC])
    learnt_NK = np.stack([pooled(features(image)) for image in normals().images_NHWC])
    shown_NK = (raw_NK - learnt_NK.mean(axis=0)) / learnt_NK.std(axis=0)
    inverse_KK = np.linalg.inv(np.cov(rows_NK.T))
    distances_N = np.einsum("nk,kl,nl->n", shown_NK, inverse_KK, shown_NK)

    scores_N = np.concatenate([rival.describe(image) for image in images_NHWC])

    assert np.argsort(scores_N).tolist() == np.argsort(distances_N).tolist()


def test_a_stack_is_the_bank_and_the_pooled_features() -> None:
    bank = StackSettings().bank.model_copy(update={"strides": STRIDES})
    image_HWC = boards(1, seed=9)[0]

    rival = Stacked(normals(), StackSettings(bank=bank))

    assert rival.columns[:2] == ("bank/distance", "stride_4/0")
    np.testing.assert_array_equal(rival.describe(image_HWC)[1:], pooled(features(image_HWC)))
