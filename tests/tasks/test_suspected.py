"""Where inspection sends a person: by place where normals are remembered by place, else by candidates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.alignment.aligners import AlignedBoard
from tasks.candidates.search import Candidates
from tasks.instrument import Measurement
from tasks.localisation.heat import blended, heat_map
from tasks.localisation.places import PlaceMap
from tasks.reporting.overlays import DIFFERENCES
from tasks.suspected import Suspected
from tasks.vocabulary.errors import NoAnswerError

SIDE_PX = 48
BOARD = AlignedBoard(np.zeros((SIDE_PX, SIDE_PX, 1), np.uint8), None)


def measured() -> Measurement:
    """One candidate at the upper left; by place the lower right is worst, twice."""
    candidates = Candidates(
        np.array([[4, 4, 12, 12]]), np.array([3.0]), np.array([3.0]), np.array([[8, 8]])
    )
    difference_HW = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    difference_HW[4:12, 4:12] = 0.5
    distances_hw = np.random.default_rng(0).random((6, 6), dtype=np.float32)
    distances_hw[4, 4:] = 30.0, 25.0
    image_HWC = np.zeros((SIDE_PX, SIDE_PX, 1), np.uint8)
    places = PlaceMap(distances_hw, 16)
    return Measurement(np.zeros(1), image_HWC, difference_HW, candidates, None, places)


def test_places_lead_to_the_photograph_and_candidates_stay_as_they_were() -> None:
    suspected = Suspected.on(BOARD, (2 * SIDE_PX, 2 * SIDE_PX), measured(), None)
    first = suspected.regions[0]
    top, left, bottom, right = first.region.box
    assert (top, left) <= (32, 32)
    assert bottom >= 40
    assert right == SIDE_PX
    assert first.region.score == 30.0
    assert first.box == pytest.approx((2 * top, 2 * left, 2 * bottom, 2 * right))
    hottest = np.unravel_index(int(suspected.heat_HW.argmax()), (SIDE_PX, SIDE_PX))
    assert 32 <= hottest[0] < 40
    assert hottest[1] >= 32
    np.testing.assert_array_equal(suspected.candidates.boxes_Q4, [[4, 4, 12, 12]])
    assert suspected.picture.scale.word == "distance"
    assert 0 < suspected.picture.scale.low < suspected.picture.scale.top < 25.0


def test_without_places_candidates_lead() -> None:
    without = replace(measured(), places=None)
    suspected = Suspected.on(BOARD, (SIDE_PX, SIDE_PX), without, None)
    assert [one.region.box for one in suspected.regions] == [(4, 4, 12, 12)]
    found = without.plain
    heat_HW = heat_map(found.boxes_Q4, found.scores_Q, SIDE_PX, SIDE_PX)
    np.testing.assert_array_equal(suspected.heat_HW, blended(heat_HW, without.difference_HW))
    assert suspected.picture.scale == DIFFERENCES


def test_a_place_without_a_distance_is_no_answer_though_candidates_have_one() -> None:
    broken_hw = np.full((6, 6), np.nan, np.float32)
    broken = replace(measured(), places=PlaceMap(broken_hw, 16))
    with pytest.raises(NoAnswerError, match="not finite"):
        Suspected.on(BOARD, (SIDE_PX, SIDE_PX), broken, None)
