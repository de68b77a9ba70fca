from __future__ import annotations

import numpy as np
import pytest

from tasks.memory.coreset import coreset


def covering_radius(features_VD: np.ndarray, chosen_E: np.ndarray) -> float:
    distances_VE = np.linalg.norm(features_VD[:, None] - features_VD[chosen_E][None], axis=2)
    return float(distances_VE.min(axis=1).max())


def test_the_coreset_is_that_of_a_plain_greedy_k_centre() -> None:
    features_VD = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    found = coreset(features_VD, 12, seed=3).tolist()
    for first in range(60):
        chosen = [first]
        while len(chosen) < 12:
            gaps_V = np.linalg.norm(features_VD[:, None] - features_VD[chosen][None], axis=2)
            chosen.append(int(gaps_V.min(axis=1).argmax()))
        if sorted(chosen) == found:
            return
    pytest.fail("No first feature leads greedy k-centre to this coreset.")


def test_a_small_far_cluster_is_kept_where_a_random_draw_would_miss_it() -> None:
    generator = np.random.default_rng(1)
    many = generator.standard_normal((2_000, 100)).astype(np.float32)
    far = 40 + generator.standard_normal((3, 100)).astype(np.float32)
    pool_VD = np.concatenate([many, far])
    assert (coreset(pool_VD, 20, seed=0) >= 2_000).any()


def test_of_features_that_are_alike_one_is_kept() -> None:
    alike_VD = np.repeat(np.eye(4, dtype=np.float32), 20, axis=0)
    assert sorted((coreset(alike_VD, 10, seed=0) // 20).tolist()) == [0, 1, 2, 3]


def test_more_entries_leave_no_feature_farther_off() -> None:
    features_VD = np.random.default_rng(2).standard_normal((300, 8)).astype(np.float32)
    radii = [covering_radius(features_VD, coreset(features_VD, n, seed=0)) for n in (5, 20, 80)]
    assert radii[0] > radii[1] > radii[2] > 0


def test_a_pool_that_fits_is_kept_whole() -> None:
    features_VD = np.random.default_rng(0).random((7, 2), dtype=np.float32)
    assert coreset(features_VD, 7, seed=0).tolist() == list(range(7))
