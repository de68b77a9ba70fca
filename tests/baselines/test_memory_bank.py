"""The memory bank and its coreset against brute force."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from tasks.baselines.learning import learn
from tasks.baselines.memory_bank import MemoryBank
from tasks.baselines.positions import joined
from tasks.baselines.settings import AnomalibSettings, MemoryBankSettings
from tasks.memory.coreset import greedy_centres, projected
from tests.baselines.stripes import STRIDES, boards, features, normals


def random_rows(count: int, dimensions: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(3, 1, (count, dimensions)).astype(np.float32)


def test_greedy_centres_are_those_of_brute_force() -> None:
    features_ND = random_rows(120, 5)
    between_NN = cdist(features_ND, features_ND)
    expected = [7]
    while len(expected) < 30:
        expected.append(int(between_NN[:, expected].min(axis=1).argmax()))

    assert greedy_centres(features_ND, 30, first=7).tolist() == expected


def test_greedy_centres_cover_at_most_twice_as_badly_as_the_best_ones() -> None:
    # Gonzalez 1985; the best three of twelve positions are found by trying all.
    from itertools import combinations

    features_ND = random_rows(12, 2, seed=3)
    between_NN = cdist(features_ND, features_ND)
    best = min(between_NN[:, list(three)].min(axis=1).max() for three in combinations(range(12), 3))
    found = greedy_centres(features_ND, 3, first=0)

    assert between_NN[:, found].min(axis=1).max() <= 2 * best


def test_equal_positions_are_kept_once() -> None:
    features_ND = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)

    kept = greedy_centres(features_ND, 10, first=5)

    assert sorted(kept // 4) == [0, 1, 2]


def test_a_projection_nearly_keeps_distances() -> None:
    features_ND = random_rows(40, 400)
    upper = np.triu_indices(40, 1)

    before = cdist(features_ND, features_ND)[upper]
    after = cdist(*[projected(features_ND, 128, seed=0)] * 2)[upper]

    assert np.abs(after / before - 1).mean() < 0.1
    few = projected(features_ND[:, :8], 128, seed=0)
    np.testing.assert_allclose(cdist(few, few), cdist(*[features_ND[:, :8]] * 2), rtol=1e-4)


def every_position(settings: MemoryBankSettings) -> np.ndarray:
    maps = [features(image_HWC) for image_HWC in normals().images_NHWC]
    chosen = [STRIDES.index(stride) for stride in settings.strides]
    return np.concatenate([joined(one, chosen, settings.local_px)[0] for one in maps])


@pytest.mark.parametrize("strides", [(4,), (8,), (4, 8)])
def test_a_whole_bank_gives_the_distance_to_the_nearest_position(strides: tuple[int, ...]) -> None:
    settings = MemoryBankSettings(strides=strides, coreset_share=1, neighbours=1)
    image_HWC = boards(1, seed=9, defect=True)[0]
    chosen = [STRIDES.index(stride) for stride in strides]

    (score,) = MemoryBank(normals(), settings).describe(image_HWC)

    bank = every_position(settings)
    nearest_P = cdist(joined(features(image_HWC), chosen, 3)[0], bank).min(axis=1)
    assert score == pytest.approx(nearest_P.max(), rel=1e-6)

    mean = MemoryBank(normals(), settings.model_copy(update={"worst_share": 0.25}))
    worst_P = np.sort(nearest_P)[-len(nearest_P) // 4 :]
    assert mean.describe(image_HWC) == pytest.approx([worst_P.mean()], rel=1e-6)


def test_the_weight_is_that_of_equation_7() -> None:
    settings = MemoryBankSettings(strides=(4,), local_px=1, coreset_share=0.2, neighbours=4)
    rival = MemoryBank(normals(), settings)
    image_HWC = boards(1, seed=9, defect=True)[0]
    bank = rival.bank_ED.astype(np.float64)
    to_bank_PE = cdist(joined(features(image_HWC), [0], 1)[0], bank)
    worst = to_bank_PE.min(axis=1).argmax()
    nearest = to_bank_PE[worst].argmin()
    around = np.argsort(cdist(bank[[nearest]], bank)[0])[:4]
    assert around[0] == nearest
    share = np.exp(to_bank_PE[worst, nearest]) / np.exp(to_bank_PE[worst, around]).sum()

    (score,) = rival.describe(image_HWC)

    assert score == pytest.approx((1 - share) * to_bank_PE[worst, nearest], rel=1e-6)


def test_a_normal_that_is_in_the_bank_is_at_no_distance() -> None:
    settings = MemoryBankSettings(strides=STRIDES, coreset_share=1)

    rival = MemoryBank(normals(), settings)

    # The nearest entry is found in float32: of entries that are nearly equal it may be any.
    assert rival.describe(normals().images_NHWC[3]) == pytest.approx([0.0], abs=1e-3)


def test_the_budget_bounds_the_bank() -> None:
    # 12 normals of 64 positions; five of each are considered.
    settings = MemoryBankSettings(strides=(4,), considered=60, coreset_share=0.5, entries=1000)

    assert len(MemoryBank(normals(), settings).bank_ED) == 30
    few = settings.model_copy(update={"entries": 8})
    rival = MemoryBank(normals(), few)
    assert len(rival.bank_ED) == 8
    assert rival.state_bytes == 8 * (2 + 1) * 4


def test_averages_at_the_border_are_of_what_there_is() -> None:
    maps = [np.arange(9, dtype=np.float32).reshape(1, 3, 3)]

    features_PD, size = joined(maps, [0], 3)

    assert size == (3, 3)
    np.testing.assert_allclose(features_PD[[0, 4, 8], 0], [2.0, 4.0, 6.0])


def test_a_coarse_map_is_laid_over_the_finest() -> None:
    fine = np.zeros((1, 4, 4), dtype=np.float32)
    coarse = np.array([[[1.0, 3.0], [1.0, 3.0]]], dtype=np.float32)

    features_PD, size = joined([fine, coarse], [0, 1], 1)

    assert size == (4, 4)
    np.testing.assert_allclose(features_PD[:4, 1], [1.0, 1.5, 2.5, 3.0])


@pytest.mark.skipif(find_spec("anomalib") is None, reason="the extra is not installed")
def test_score_and_weight_are_those_of_another_implementation() -> None:
    other = learn(AnomalibSettings(strides=STRIDES, coreset_share=1, neighbours=5), normals())
    # Its averages count zeros beyond the border; without averages both join the same maps.
    other._model.feature_pooler = torch.nn.Identity()  # type: ignore[attr-defined]
    settings = MemoryBankSettings(strides=STRIDES, local_px=1, coreset_share=1, neighbours=5)
    rival = MemoryBank(normals(), settings)
    other._model.memory_bank = torch.from_numpy(rival.bank_ED)  # type: ignore[attr-defined]
    images_NHWC = np.concatenate([boards(3, seed=9), boards(3, seed=9, defect=True)])

    mine = [rival.describe(image_HWC)[0] for image_HWC in images_NHWC]
    theirs = [other.describe(image_HWC)[0] for image_HWC in images_NHWC]

    # It measures in float32, and normals of the bank are near.
    assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-5)
