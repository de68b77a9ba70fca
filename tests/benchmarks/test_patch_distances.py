"""Patch distances of all candidates of one image against textbook calls: same values."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tasks.metrics.table import patch_rows
from tests.benchmarks.measuring.patch_distances import (
    ABSOLUTE,
    COLOURS,
    RELATIVE,
    at_once,
    board,
    one_by_one,
)

SIDE_PX = 128


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("road", [at_once, one_by_one], ids=lambda road: road.__name__)
def test_patch_distances(benchmark: BenchmarkFixture, road: object, colour: str) -> None:
    assert callable(road)
    comparison, suspects = board(COLOURS[colour], SIDE_PX)
    values_RQ = benchmark(road, comparison, suspects, patch_rows())
    expected_RQ = one_by_one(comparison, suspects, patch_rows())
    np.testing.assert_allclose(values_RQ, expected_RQ, RELATIVE, ABSOLUTE)


def test_candidates_are_as_they_come() -> None:
    _, suspects = board(1, SIDE_PX)
    sides, counts = np.unique(suspects.boxes_Q4[:, 2] - suspects.boxes_Q4[:, 0], return_counts=True)
    assert sides.tolist() == [4, 8, 12, 16]
    assert counts.min() > 20
    assert counts.sum() == 250 > len(np.unique(suspects.boxes_Q4, axis=0))
