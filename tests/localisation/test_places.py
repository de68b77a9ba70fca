from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.localisation.defects import Defect
from tasks.localisation.judging import placed_board
from tasks.localisation.places import WORST, PlaceMap
from tasks.localisation.regions import regions
from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError, NoAnswerError


def places(distances_hw: Float32Array, axes: int = 40) -> PlaceMap:
    return PlaceMap(distances_hw, axes)


def noise(rows: int, columns: int, seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).random((rows, columns), dtype=np.float32)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 100), st.integers(0, 1_000))
def test_the_worst_places_are_those_of_a_plain_search(
    rows: int, columns: int, number: int, seed: int
) -> None:
    # Few distinct distances: many ties, which come in reading order.
    map_hw = np.random.default_rng(seed).integers(0, 4, (rows, columns)).astype(np.float32)
    ranked = sorted(
        (-float(map_hw[row, column]), row, column)
        for row in range(rows)
        for column in range(columns)
    )[:number]
    boxes, distances = places(map_hw).worst(rows * 8, columns * 8, number)
    assert boxes.tolist() == [[8 * y, 8 * x, 8 * y + 8, 8 * x + 8] for _, y, x in ranked]
    assert distances.tolist() == [-distance for distance, _, _ in ranked]


@pytest.mark.parametrize(("height", "width"), [(33, 50), (40, 56), (5, 7)])
def test_all_places_together_tile_the_board_once(height: int, width: int) -> None:
    boxes, _ = places(noise(5, 7)).worst(height, width, 35)
    covered = np.zeros((height, width), np.int64)
    for top, left, bottom, right in boxes:
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()


def test_a_place_at_the_corner_is_a_box_within_the_board() -> None:
    map_hw = np.zeros((4, 6), np.float32)
    map_hw[3, 5] = 9.0
    boxes, distances = places(map_hw).worst(32, 48)
    assert boxes[0].tolist() == [24, 40, 32, 48]
    assert (len(boxes), distances[0]) == (WORST, 9.0)
    assert regions(boxes[:1], distances[:1])[0].score == 9.0


def test_the_heat_is_enlarged_bilinearly_between_the_middles_of_places() -> None:
    map_hw = noise(4, 5)
    heat = places(map_hw).heat(12, 15, blur_px=0.01)
    row, column = np.meshgrid((np.arange(12) - 1) / 3, (np.arange(15) - 1) / 3, indexing="ij")
    row, column = row.clip(0, 3), column.clip(0, 4)
    top, left = row.astype(int), column.astype(int)
    below, beside = np.minimum(top + 1, 3), np.minimum(left + 1, 4)
    down, along = row - top, column - left
    expected = (1 - down) * ((1 - along) * map_hw[top, left] + along * map_hw[top, beside])
    expected += down * ((1 - along) * map_hw[below, left] + along * map_hw[below, beside])
    assert heat.dtype == np.float32
    np.testing.assert_allclose(heat, expected, atol=1e-5)


def test_the_heat_keeps_the_unit_of_the_distances() -> None:
    alike = places(np.full((4, 4), 7.0, np.float32))
    np.testing.assert_allclose(alike.heat(32, 32), 7.0, rtol=1e-6)
    map_hw = noise(6, 6)
    np.testing.assert_allclose(
        places(3 * map_hw).heat(48, 48), 3 * places(map_hw).heat(48, 48), rtol=1e-5
    )
    assert alike.usual == pytest.approx(np.sqrt(40))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_distance_that_is_not_finite_is_no_answer(bad: float) -> None:
    map_hw = noise(4, 4)
    map_hw[2, 1] = bad
    with pytest.raises(NoAnswerError, match="not finite"):
        places(map_hw).worst(32, 32)
    with pytest.raises(NoAnswerError, match="not finite"):
        places(map_hw).heat(32, 32)


@pytest.mark.parametrize("shape", [(0, 4), (4, 33), (16,)])
def test_a_map_of_another_board_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="same board image"):
        places(np.zeros(shape, np.float32)).worst(32, 32)
    with pytest.raises(InputError, match="same board image"):
        places(np.zeros(shape, np.float32)).heat(32, 32)


def test_a_board_is_localised_by_its_worst_places() -> None:
    mask = np.zeros((40, 64), np.bool_)
    mask[17:23, 33:47] = True
    map_hw = noise(5, 8)
    map_hw[2, 4:6] += 10.0
    board = placed_board(places(map_hw), 40, 64, [Defect.of_mask("scratch", mask)])
    assert board.candidates_U4.shape == (WORST, 4)
    assert sorted(board.candidates_U4[:2].tolist()) == [[16, 32, 24, 40], [16, 40, 24, 48]]
    assert board.defects[0].covered(board.regions_R4[:1]).tolist() == [int(mask.sum())]
    assert board.counts.heat_S.min() > np.median(board.counts.values_V)
