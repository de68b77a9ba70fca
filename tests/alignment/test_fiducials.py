from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from tasks.alignment.aligners import align, register
from tasks.alignment.fiducials import trust
from tasks.alignment.frame import Reference
from tasks.alignment.reference import build_reference
from tasks.alignment.registration import MisalignedError
from tasks.alignment.settings import FiducialAlignment
from tests.alignment.boards import (
    MARK_RADIUS_PX,
    MARKS,
    MARKS_XY,
    SIDE_PX,
    Shot,
    photograph,
    true_error,
    true_pose,
)

SIMILARITY = FiducialAlignment(side_px=SIDE_PX, marks=MARKS, search_px=40)
AFFINE = SIMILARITY.model_copy(update={"model": "affine"})
THREE = SIMILARITY.model_copy(update={"marks": MARKS[:3]})


@cache
def reference(settings: FiducialAlignment) -> Reference:
    return build_reference([photograph(Shot())], settings)


@pytest.mark.parametrize("settings", [SIMILARITY, AFFINE, THREE], ids=["four", "affine", "three"])
@pytest.mark.parametrize("covered", [0, 1, 2])
def test_one_covered_mark_does_no_harm(settings: FiducialAlignment, covered: int) -> None:
    shot = Shot(
        shift_px=(5, -3), rotation_deg=2, scale=0.99, occluded=(covered,), serial=1, noise_levels=2
    )
    registration = register(photograph(shot), settings, reference(settings))
    assert true_error(registration.pose_33, shot, Shot(), SIDE_PX) < 0.25


def test_too_few_marks_are_no_pose() -> None:
    photograph_HWC = photograph(Shot(occluded=(0, 1, 2)))
    with pytest.raises(MisalignedError):
        align(photograph_HWC, SIMILARITY, reference(SIMILARITY))
    with pytest.raises(MisalignedError, match="needs 3"):
        register(photograph(Shot(occluded=(0, 1))), AFFINE, reference(AFFINE))


def test_a_pad_that_looks_like_the_mark_is_told_apart_by_its_distance() -> None:
    """The mark is covered, and an equal one lies 20 px beside it."""
    shot = Shot(occluded=(1,), serial=2)
    photograph_HWC = photograph(shot).copy()
    x, y = round(MARKS_XY[1][0]) - 20, round(MARKS_XY[1][1]) + 6
    cv2.circle(photograph_HWC, (x, y), int(2.2 * MARK_RADIUS_PX), (24, 60, 34), -1)
    cv2.circle(photograph_HWC, (x, y), int(MARK_RADIUS_PX), (214, 170, 110), -1)
    registration = register(photograph_HWC, SIMILARITY, reference(SIMILARITY))
    assert true_error(registration.pose_33, shot, Shot(), SIDE_PX) < 0.2


def test_marks_beyond_the_search_are_not_found() -> None:
    narrow = SIMILARITY.model_copy(update={"search_px": 3})
    with pytest.raises(MisalignedError):
        align(photograph(Shot(shift_px=(12, 0))), narrow, reference(narrow))


def test_a_half_covered_mark_counts_less() -> None:
    shot = Shot(rotation_deg=1.0, serial=3, noise_levels=2)
    photograph_HWC = photograph(shot).copy()
    x, y = true_pose(shot)[:2] @ [*MARKS_XY[0], 1.0]
    cv2.circle(photograph_HWC, (round(x) + 6, round(y) + 3), 6, (40, 40, 44), -1)
    registration = register(photograph_HWC, SIMILARITY, reference(SIMILARITY))
    assert true_error(registration.pose_33, shot, Shot(), SIDE_PX) < 0.25


def test_trust_compares_marks_with_the_best_only() -> None:
    np.testing.assert_array_equal(trust(np.array([0.8, 0.8])), [1.0, 1.0])
    best, worse, worst = trust(np.array([0.98, 0.93, 0.7]))
    assert best == 1.0
    assert worse < 0.3
    assert 0 < worst < 0.01
