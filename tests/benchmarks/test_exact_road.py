"""The exact road against a loop over every laid box, one patch a pass: same values."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tasks.candidates.exact import Perceive
from tasks.candidates.settings import ExactRoad
from tasks.perception.backbone import build_perception
from tasks.perception.settings import EfficientNetLite0Settings
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tests.benchmarks.measuring.exact import (
    TOLERANCE,
    Pair,
    laid_boxes,
    naive_distances,
    one_distance,
    road_distances,
    spoilt_board,
)

PATCH_PX = 32


def exact_road(pair: Pair, boxes_K4: Int64Array, perceive: Perceive) -> Float64Array:
    return road_distances(pair, boxes_K4, perceive, ExactRoad(patch_px=PATCH_PX))


def box_by_box(pair: Pair, boxes_K4: Int64Array, perceive: Perceive) -> Float64Array:
    return naive_distances(pair, boxes_K4, perceive, PATCH_PX, one_distance)


@pytest.fixture(scope="module")
def perceive() -> Perceive:
    return build_perception(EfficientNetLite0Settings())


@pytest.mark.parametrize("road", [exact_road, box_by_box], ids=lambda road: road.__name__)
def test_exact_road(benchmark: BenchmarkFixture, road: object, perceive: Perceive) -> None:
    assert callable(road)
    pair = spoilt_board()
    boxes_K4 = laid_boxes(pair, pixels=2)
    values = benchmark(road, pair, boxes_K4, perceive)
    np.testing.assert_allclose(values[::6], box_by_box(pair, boxes_K4[::6], perceive), TOLERANCE)
