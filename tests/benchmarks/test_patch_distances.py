"""Patch distances of all candidates at once against a loop of scipy calls: same values."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.spatial import distance

from tasks.metrics import patch
from tasks.vocabulary.arrays import Float64Array

CANDIDATES, PIXELS = 250, 256


def pairs() -> tuple[Float64Array, Float64Array]:
    x_KD, y_KD = np.random.default_rng(0).random((2, CANDIDATES, PIXELS))
    return x_KD, y_KD


def all_at_once(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    functions = (patch.bray_curtis, patch.canberra, patch.cosine, patch.jensen_shannon)
    return np.stack([function(x_KD, y_KD) for function in functions])


def one_by_one(x_KD: Float64Array, y_KD: Float64Array) -> Float64Array:
    functions = (distance.braycurtis, distance.canberra, distance.cosine, distance.jensenshannon)
    return np.array(
        [[function(x, y) for x, y in zip(x_KD, y_KD, strict=True)] for function in functions]
    )


@pytest.mark.parametrize("road", [all_at_once, one_by_one], ids=lambda road: road.__name__)
def test_patch_distances(benchmark: BenchmarkFixture, road: object) -> None:
    assert callable(road)
    x_KD, y_KD = pairs()
    values = benchmark(road, x_KD, y_KD)
    np.testing.assert_allclose(values, one_by_one(x_KD, y_KD), rtol=1e-6)
