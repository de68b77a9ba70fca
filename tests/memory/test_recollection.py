from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, mahalanobis
from torch import Tensor

from tasks.memory.bank import drawn_features
from tasks.memory.places import PlaceMoments
from tasks.memory.recollection import Memory, memory_of, read_memory, written_memory
from tasks.memory.settings import MemorySettings
from tasks.vocabulary.errors import InputError

STRIDES = (4, 8, 16)
CHANNELS = (3, 4, 50)
SETTINGS = MemorySettings(entries=40, pool=200, place_axes=6)


def maps_of(seed: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(channels, 32 // stride, 24 // stride, generator=generator)
        for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    )


def remembered(placed: bool = True, count: int = 30) -> Memory:
    normals = ((f"board {seed}", maps_of(seed)) for seed in range(count))
    return memory_of(normals, count, STRIDES, SETTINGS, placed)


def test_bank_distances_are_those_to_the_nearest_entry() -> None:
    memory, maps = remembered(), maps_of(99)
    assert memory.strides == (8, 16)
    for stride, found_hw in zip((8, 16), memory.bank_distances(maps, STRIDES), strict=True):
        map_Chw = maps[STRIDES.index(stride)]
        positions_PC = map_Chw.flatten(1).T.numpy()
        expected_P = cdist(positions_PC, memory.banks[stride].entries_EC.numpy()).min(axis=1)
        assert found_hw.shape == tuple(map_Chw.shape[1:])
        np.testing.assert_allclose(found_hw.ravel(), expected_P, atol=1e-5)


def test_what_is_remembered_lies_at_no_distance() -> None:
    settings = SETTINGS.model_copy(update={"entries": 10_000, "pool": 10_000})
    memory = memory_of([("one", maps_of(5))], 1, STRIDES, settings, placed=False)
    for found_hw in memory.bank_distances(maps_of(5), STRIDES):
        np.testing.assert_allclose(found_hw, 0, atol=5e-3)


def test_place_distances_are_mahalanobis_distances_with_the_ridge() -> None:
    normals = [maps_of(seed)[1] for seed in range(30)]
    moments = PlaceMoments(normals[0], axes=6, seed=0)
    for map_Chw in normals:
        moments.add(map_Chw)
    asked_Chw = maps_of(99)[1]
    found_hw = moments.model().distances(asked_Chw)
    features_NPC = np.stack([one.flatten(1).T.numpy() for one in normals]).astype(np.float64)
    covariances = [np.cov(features_NPC[:, p].T, bias=True) for p in range(features_NPC.shape[1])]
    common = np.mean([np.trace(one) / 4 for one in covariances])
    for p, covariance in enumerate(covariances):
        ridge = 0.1 * np.trace(covariance) / 4 + 0.01 * common
        inverse = np.linalg.inv(covariance + ridge * np.eye(4))
        asked_C = asked_Chw.flatten(1).T.numpy()[p].astype(np.float64)
        expected = mahalanobis(asked_C, features_NPC[:, p].mean(axis=0), inverse)
        assert found_hw.ravel()[p] == pytest.approx(expected, rel=1e-4)


def test_a_place_where_normals_agree_tells_what_a_noisy_one_hides() -> None:
    generator = torch.Generator().manual_seed(0)
    spread_HW = torch.tensor([[0.01, 1.0]])
    normals = [5 + spread_HW * torch.randn(3, 1, 2, generator=generator) for _ in range(60)]
    moments = PlaceMoments(normals[0], axes=3, seed=0)
    for map_Chw in normals:
        moments.add(map_Chw)
    quiet, noisy = moments.model().distances(torch.full((3, 1, 2), 6.0))[0]
    assert quiet > 3 * noisy


def test_many_channels_are_compared_on_few_axes() -> None:
    place = remembered().places[16]
    assert place.axes_DC.shape == (6, 50)
    torch.testing.assert_close(place.axes_DC @ place.axes_DC.T, torch.eye(6))


def test_places_without_any_variation_give_finite_distances() -> None:
    moments = PlaceMoments(torch.ones(3, 2, 2), axes=3, seed=0)
    for _ in range(4):
        moments.add(torch.ones(3, 2, 2))
    model = moments.model()
    assert np.isfinite(model.distances(torch.ones(3, 2, 2))).all()
    assert np.isfinite(model.distances(torch.full((3, 2, 2), 9.0))).all()


def test_boards_without_a_fixed_position_have_no_places() -> None:
    memory = remembered(placed=False)
    assert not memory.places
    assert memory.place_distances(maps_of(0), STRIDES) == ()


def test_a_draw_depends_on_the_boards_name_alone() -> None:
    map_Chw = maps_of(0)[1]
    first = drawn_features(map_Chw, 5, seed=0, name="a")
    np.testing.assert_array_equal(first, drawn_features(map_Chw, 5, seed=0, name="a"))
    assert not np.array_equal(first, drawn_features(map_Chw, 5, seed=0, name="b"))
    assert len(drawn_features(map_Chw, 10_000, seed=0, name="a")) == map_Chw[0].numel()


def test_a_memory_is_read_as_it_was_written(tmp_path: Path) -> None:
    memory, maps = remembered(), maps_of(99)
    (tmp_path / "memory").write_bytes(written_memory(memory))
    again = read_memory(tmp_path / "memory")
    for first, second in (
        (memory.bank_distances(maps, STRIDES), again.bank_distances(maps, STRIDES)),
        (memory.place_distances(maps, STRIDES), again.place_distances(maps, STRIDES)),
    ):
        assert len(first) == 2
        for one_hw, other_hw in zip(first, second, strict=True):
            np.testing.assert_array_equal(one_hw, other_hw)


def test_maps_that_do_not_fit_are_refused() -> None:
    memory, maps = remembered(), maps_of(0)
    with pytest.raises(InputError, match="stride 8 px"):
        memory.bank_distances(maps[2:], (16,))
    with pytest.raises(InputError, match="3 channels"):
        memory.bank_distances((maps[0], maps[0][:, :4, :3], maps[2]), STRIDES)
    with pytest.raises(InputError, match="of the size"):
        memory.place_distances((maps[0], maps[1][:, :2], maps[2]), STRIDES)


def test_nothing_to_remember_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to remember"):
        memory_of([], 0, STRIDES, SETTINGS, placed=True)
    coarse = MemorySettings(shortest_stride_px=64)
    with pytest.raises(InputError, match="64 px"):
        memory_of([("one", maps_of(0))], 1, STRIDES, coarse, placed=True)
